# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? cryptography) {
  # cryptography 42.0.8, from cryptography-42.0.8.tar.gz
  # Needs Rust 1.63.0 or later ([[tool.setuptools-rust.ext-modules]]).
  cryptography =
    (hacks.importCargoLock {
      prev = prev.cryptography;
      # [[tool.setuptools-rust.ext-modules]] is src/rust/Cargo.toml
      cargoRoot = "src/rust";
    }).overrideAttrs
      (old: {
        nativeBuildInputs =
          (old.nativeBuildInputs or [ ])
          ++ final.resolveBuildSystem {
            cffi = [ ];
            # cffi requires it
            pycparser = [ ];

            # setuptools-rust requires it
            semantic-version = [ ];
            setuptools = [ ];
            setuptools-rust = [ ];
            wheel = [ ];
          };

        buildInputs = (old.buildInputs or [ ]) ++ [
          # openssl-sys 0.9.102 (of cryptography-rust) links OpenSSL
          pkgs.openssl
        ];
      });
}
