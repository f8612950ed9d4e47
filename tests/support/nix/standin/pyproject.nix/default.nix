# Stands in for pyproject.nix: its package sets, and its build of nixpkgs in place of a package.
{ lib }:
{
  build = {
    packages = import ./packages.nix { inherit lib; };
    hacks = import ./hacks.nix;
  };
}
