# Overlay for a package set of uv2nix or pyproject.nix. Written by wheelfix.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? tokenizers) {
  # tokenizers 0.23.3, from tokenizers-0.23.3.tar.gz
  tokenizers =
    (hacks.importCargoLock {
      prev = prev.tokenizers;
      # [tool.maturin] manifest-path is bindings/python/Cargo.toml
      cargoRoot = "bindings/python";
    }).overrideAttrs
      (old: {
        nativeBuildInputs =
          (old.nativeBuildInputs or [ ])
          ++ final.resolveBuildSystem { maturin = [ ]; };

        buildInputs = (old.buildInputs or [ ]) ++ [
          # onig_sys 69.9.3 (of onig, of tokenizers, of tokenizers-python) links
          # Oniguruma; without the variable it compiles its own copy
          pkgs.oniguruma
        ];

        # for onig_sys
        RUSTONIG_SYSTEM_LIBONIG = "1";
      });
}
