# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? cryptography) {
  # cryptography 50.0.2, from cryptography-50.0.2.tar.gz
  # Needs Rust 1.83.0 or later (rust-version of cryptography-rust).
  cryptography =
    (hacks.importCargoLock {
      prev = prev.cryptography;
      # [tool.maturin] manifest-path is src/rust/Cargo.toml, a member of the
      # workspace of Cargo.toml
      cargoRoot = ".";
    }).overrideAttrs
      (old: {
        nativeBuildInputs =
          (old.nativeBuildInputs or [ ])
          ++ final.resolveBuildSystem {
            cffi = [ ];
            maturin = [ ];
            # cffi requires it
            pycparser = [ ];
            setuptools = [ ];
          };

        buildInputs = (old.buildInputs or [ ]) ++ [
          # openssl-sys 0.9.117 (of cryptography-rust) links OpenSSL
          pkgs.openssl
        ];
      });
}
