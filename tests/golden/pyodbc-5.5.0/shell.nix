# A shell for a virtual environment of pip or uv. Written by wheelfix.
# For pyodbc 5.5.0, from
# pyodbc-5.5.0-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl.
{ pkgs ? import <nixpkgs> { } }:
pkgs.mkShell {
  # nix-ld (programs.nix-ld.enable) starts what Nix did not build, such as uv's
  # Python, with these; start a Python of nixpkgs with
  # LD_LIBRARY_PATH=$NIX_LD_LIBRARY_PATH in front.
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
