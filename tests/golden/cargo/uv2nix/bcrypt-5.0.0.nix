# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? bcrypt) {
  # bcrypt 5.0.0, from bcrypt-5.0.0.tar.gz
  # Needs Rust 1.74.0 or later (rust-version of bcrypt-rust).
  bcrypt =
    (hacks.importCargoLock {
      prev = prev.bcrypt;
      # [[tool.setuptools-rust.ext-modules]] is src/_bcrypt/Cargo.toml
      cargoRoot = "src/_bcrypt";
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
      });
}
