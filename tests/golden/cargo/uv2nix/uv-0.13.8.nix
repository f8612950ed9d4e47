# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? uv) {
  # uv 0.13.8, from uv-0.13.8.tar.gz
  # Needs Rust 1.97.0 or later (rust-version of uv-audit-operations).
  uv =
    (hacks.importCargoLock {
      prev = prev.uv;
      # [tool.maturin] manifest-path is crates/uv/Cargo.toml, a member of the
      # workspace of Cargo.toml
      cargoRoot = ".";
    }).overrideAttrs
      (old: {
        nativeBuildInputs =
          (old.nativeBuildInputs or [ ])
          ++ final.resolveBuildSystem { maturin = [ ]; };

        buildInputs = (old.buildInputs or [ ]) ++ [
          # zstd-sys 2.1.0+zstd.1.5.7 (of zstd-safe, of zstd, of
          # uv-python-managed) links zstd; without the variable it compiles its
          # own copy
          pkgs.zstd
        ];

        # for zstd-sys
        ZSTD_SYS_USE_PKG_CONFIG = "1";
      });
}
