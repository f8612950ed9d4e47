# A shell for a virtual environment of pip or uv. Written by wheelfix.
# Programs that were not built by Nix, such as an interpreter that uv fetched,
# start through nix-ld (programs.nix-ld.enable on NixOS), which hands
# NIX_LD_LIBRARY_PATH on to them. An interpreter from nixpkgs does not pass
# through it: start that one program with LD_LIBRARY_PATH=$NIX_LD_LIBRARY_PATH
# in front. Do not export LD_LIBRARY_PATH for the whole shell: every program in
# it would load these.
# For soundfile 0.14.0, from
# soundfile-0.14.0-py2.py3-none-manylinux_2_28_x86_64.whl.
{ pkgs ? import <nixpkgs> { } }:
pkgs.mkShell { NIX_LD = pkgs.stdenv.cc.bintools.dynamicLinker; }
