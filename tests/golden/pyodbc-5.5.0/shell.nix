# A shell for a virtual environment of pip or uv. Written by wheelfix.
# Programs that were not built by Nix, such as an interpreter that uv fetched,
# start through nix-ld (programs.nix-ld.enable on NixOS), which hands
# NIX_LD_LIBRARY_PATH on to them. An interpreter from nixpkgs does not pass
# through it: start that one program with LD_LIBRARY_PATH=$NIX_LD_LIBRARY_PATH
# in front. Do not export LD_LIBRARY_PATH for the whole shell: every program in
# it would load these.
# For pyodbc 5.5.0, from
# pyodbc-5.5.0-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl.
{ pkgs ? import <nixpkgs> { } }:
pkgs.mkShell {
  NIX_LD = pkgs.stdenv.cc.bintools.dynamicLinker;
  shellHook =
    "export NIX_LD_LIBRARY_PATH=\${NIX_LD_LIBRARY_PATH:-/run/current-system/sw/share/nix-ld/lib}:"
    + pkgs.lib.makeLibraryPath [
      # pyodbc: libgcc_s.so.1, libstdc++.so.6 for
      # pyodbc.cpython-312-x86_64-linux-gnu.so
      pkgs.stdenv.cc.cc.lib
      # pyodbc: libodbc.so.2 for pyodbc.cpython-312-x86_64-linux-gnu.so
      pkgs.unixodbc
    ];
}
