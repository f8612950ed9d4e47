# A shell for a virtual environment of pip or uv. Written by wheelfix.
# For soundfile 0.14.0, from
# soundfile-0.14.0-py2.py3-none-manylinux_2_28_x86_64.whl.
{ pkgs ? import <nixpkgs> { } }:
pkgs.mkShell {
  # nix-ld (programs.nix-ld.enable) starts what Nix did not build, such as uv's
  # Python, with these; start a Python of nixpkgs with
  # LD_LIBRARY_PATH=$NIX_LD_LIBRARY_PATH in front.
  NIX_LD = pkgs.stdenv.cc.bintools.dynamicLinker;
}
