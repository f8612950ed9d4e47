# nix-ld.nix, a module in imports of configuration.nix. Written by wheelfix.
# For soundfile 0.14.0, from
# soundfile-0.14.0-py2.py3-none-manylinux_2_28_x86_64.whl.
{ pkgs, ... }: { programs.nix-ld.enable = true; }
