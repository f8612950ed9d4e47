# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? pydantic-core) {
  # pydantic-core 2.50.4, from pydantic_core-2.50.4.tar.gz
  # Needs Rust 1.88 or later (rust-version of pydantic-core).
  pydantic-core = (hacks.importCargoLock { prev = prev.pydantic-core; }).overrideAttrs
    (old: {
      nativeBuildInputs =
        (old.nativeBuildInputs or [ ])
        ++ final.resolveBuildSystem { maturin = [ ]; };
    });
}
