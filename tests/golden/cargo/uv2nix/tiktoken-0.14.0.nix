# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? tiktoken) {
  # tiktoken 0.14.0, from tiktoken-0.14.0.tar.gz
  # Needs Rust 1.85 or later (edition 2024 of tiktoken).
  # error: has no Cargo.lock: name one with --lock, which cargo makes if there
  # is none
  tiktoken =
    (hacks.importCargoLock {
      prev = prev.tiktoken;
      # the sdist has no Cargo.lock: this one goes beside this file; `wheelfix
      # sdist --lock Cargo.lock` makes one with cargo
      lockFile = ./Cargo.lock;
    }).overrideAttrs
      (old: {
        nativeBuildInputs =
          (old.nativeBuildInputs or [ ])
          ++ final.resolveBuildSystem {
            # setuptools-rust requires it
            semantic-version = [ ];
            setuptools = [ ];
            setuptools-rust = [ ];
            wheel = [ ];
          };

        postPatch =
          (old.postPatch or "")
          + ''
            cp ${./Cargo.lock} Cargo.lock
          '';
      });
}
