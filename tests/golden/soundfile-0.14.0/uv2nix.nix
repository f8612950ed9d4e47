# Overlay for a package set of uv2nix. Written by wheelfix.
# soundfile 0.14.0, from
# soundfile-0.14.0-py2.py3-none-manylinux_2_28_x86_64.whl: nothing to add.
{ pkgs, lib, ... }: final: prev: { }
