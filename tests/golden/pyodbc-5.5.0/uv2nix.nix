# Overlay for a package set of uv2nix. Written by wheelfix.
{ pkgs, lib, ... }:
final: prev: lib.optionalAttrs (prev ? pyodbc) {
  # pyodbc 5.5.0, from
  # pyodbc-5.5.0-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl
  pyodbc = prev.pyodbc.overrideAttrs (old: {
    buildInputs = (old.buildInputs or [ ]) ++ [
      # libodbc.so.2 for pyodbc.cpython-312-x86_64-linux-gnu.so
      pkgs.unixodbc
    ];
  });
}
