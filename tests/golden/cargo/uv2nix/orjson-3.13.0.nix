# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? orjson) {
  # orjson 3.13.0, from orjson-3.13.0.tar.gz
  # Needs Rust 1.95 or later (rust-version of orjson).
  # The sdist brings its crates in include/cargo: its .cargo/config.toml makes
  # cargo take those.
  orjson = (hacks.importCargoLock { prev = prev.orjson; }).overrideAttrs (old: {
    nativeBuildInputs =
      (old.nativeBuildInputs or [ ])
      ++ final.resolveBuildSystem { maturin = [ ]; };
  });
}
