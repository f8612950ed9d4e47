# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? ruff) {
  # ruff 0.17.5, from ruff-0.17.5.tar.gz
  # Needs Rust 1.97 or later (rust-version of ruff).
  ruff =
    (hacks.importCargoLock {
      prev = prev.ruff;
      # [tool.maturin] manifest-path is crates/ruff/Cargo.toml, a member of the
      # workspace of Cargo.toml
      cargoRoot = ".";
    }).overrideAttrs
      (old: {
        nativeBuildInputs =
          (old.nativeBuildInputs or [ ])
          ++ final.resolveBuildSystem { maturin = [ ]; };

        buildInputs = (old.buildInputs or [ ]) ++ [
          # zstd-sys 2.1.2+zstd.1.5.7 (of zstd-safe, of zstd, of zip) links
          # zstd; without the variable it compiles its own copy
          pkgs.zstd
        ];

        # for zstd-sys
        ZSTD_SYS_USE_PKG_CONFIG = "1";
      });
}
