# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? polars-runtime-32) {
  # polars-runtime-32 2.1.0, from polars_runtime_32-2.1.0.tar.gz
  # Needs Rust 1.85 or later (edition 2024 of polars-arrow).
  polars-runtime-32 =
    (hacks.importCargoLock {
      prev = prev.polars-runtime-32;
      # [tool.maturin] manifest-path is
      # py-polars/runtime/polars-runtime-32/Cargo.toml, a member of the
      # workspace of Cargo.toml
      cargoRoot = ".";

      # where it says fakeHash: build once, and put the hash here that Nix says
      # it got, or the one `nix-prefetch-git --fetch-submodules` prints
      importCargoLockArgs = {
        outputHashes = {
          # https://github.com/orlp/color-backtrace at
          # 20f5eea183563bb4cfac9a4d65901d4a1002cde2; not at hand
          "color-backtrace-0.7.4" = lib.fakeHash;

          # https://github.com/pola-rs/hashbrown at
          # d76a6f81abd8f388676aff15068236a8d21c7e1a; not at hand
          "hashbrown-0.17.1" = lib.fakeHash;

          # https://github.com/pola-rs/jemallocator at
          # 0d683dfb157097e2075d5e0eaf25f71f514a7552; not at hand
          "tikv-jemalloc-sys-0.7.1+5.3.1-0-g81034ce1f1373e37dc865038e1bc8eeecf559ce8" =
            lib.fakeHash;
        };
      };
    }).overrideAttrs
      (old: {
        nativeBuildInputs =
          (old.nativeBuildInputs or [ ])
          ++ final.resolveBuildSystem { maturin = [ ]; };

        buildInputs = (old.buildInputs or [ ]) ++ [
          # zstd-sys 2.0.16+zstd.1.5.7 (of zstd-safe, of zstd, of polars-io)
          # links zstd; without the variable it compiles its own copy
          pkgs.zstd
        ];

        # for zstd-sys
        ZSTD_SYS_USE_PKG_CONFIG = "1";

        # its authors build with nightly-2026-09-01: a stable compiler then
        # takes unstable features
        RUSTC_BOOTSTRAP = "1";
      });
}
