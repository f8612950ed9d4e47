# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? safetensors) {
  # safetensors 0.8.0, from safetensors-0.8.0.tar.gz
  # Needs Rust 1.80 or later (rust-version of safetensors).
  safetensors =
    (hacks.importCargoLock {
      prev = prev.safetensors;
      # [tool.maturin] manifest-path is bindings/python/Cargo.toml
      cargoRoot = "bindings/python";
    }).overrideAttrs
      (old: {
        nativeBuildInputs =
          (old.nativeBuildInputs or [ ])
          ++ final.resolveBuildSystem { maturin = [ ]; };
      });
}
