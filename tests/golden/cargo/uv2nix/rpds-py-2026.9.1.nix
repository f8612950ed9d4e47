# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? rpds-py) {
  # rpds-py 2026.9.1, from rpds_py-2026.9.1.tar.gz
  rpds-py = (hacks.importCargoLock { prev = prev.rpds-py; }).overrideAttrs (old: {
    nativeBuildInputs =
      (old.nativeBuildInputs or [ ])
      ++ final.resolveBuildSystem { maturin = [ ]; };
  });
}
