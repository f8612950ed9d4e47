# Stands in for uv2nix: packages of a uv.lock whose project is virtual, for x86_64-linux with glibc.
{ lib, pyproject-nix }:
{
  lib.workspace = import ./workspace.nix { inherit lib; };
}
