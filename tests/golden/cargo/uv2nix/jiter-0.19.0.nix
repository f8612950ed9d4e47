# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? jiter) {
  # jiter 0.19.0, from jiter-0.19.0.tar.gz
  # Needs Rust 1.88 or later (rust-version of jiter-python).
  jiter =
    (hacks.importCargoLock {
      prev = prev.jiter;
      # [tool.maturin] manifest-path is crates/jiter-python/Cargo.toml, a member
      # of the workspace of Cargo.toml
      cargoRoot = ".";
    }).overrideAttrs
      (old: {
        nativeBuildInputs =
          (old.nativeBuildInputs or [ ])
          ++ final.resolveBuildSystem { maturin = [ ]; };
      });
}
