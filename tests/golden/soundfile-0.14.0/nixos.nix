# A module of NixOS: libraries for nix-ld. Written by wheelfix.
# Save it as nix-ld.nix beside configuration.nix, add ./nix-ld.nix to the
# imports there, run nixos-rebuild switch, and log in again.
# nix-ld starts programs that were not built by Nix, such as an interpreter that
# uv fetched, and hands these libraries to them. An interpreter from nixpkgs
# does not pass through it: `wheelfix patch` helps there.
# For soundfile 0.14.0, from
# soundfile-0.14.0-py2.py3-none-manylinux_2_28_x86_64.whl.
{ pkgs, ... }: { programs.nix-ld.enable = true; }
