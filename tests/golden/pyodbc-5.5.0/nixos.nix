# nix-ld.nix, a module in imports of configuration.nix. Written by wheelfix.
# For pyodbc 5.5.0, from
# pyodbc-5.5.0-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl.
{ pkgs, options, ... }:
{
  # After nixos-rebuild switch, log in again. nix-ld starts programs that were
  # not built by Nix, such as an interpreter that uv fetched, and hands these
  # libraries to them. An interpreter from nixpkgs does not pass through it:
  # `wheelfix patch` helps there.
  programs.nix-ld.enable = true;

  programs.nix-ld.libraries = options.programs.nix-ld.libraries.default ++ [
    # pyodbc: libgcc_s.so.1, libstdc++.so.6 for
    # pyodbc.cpython-312-x86_64-linux-gnu.so
    pkgs.stdenv.cc.cc.lib
    # pyodbc: libodbc.so.2 for pyodbc.cpython-312-x86_64-linux-gnu.so
    pkgs.unixodbc
  ];
}
