# A build of nixpkgs gives name, version and files; of the package it replaces it keeps passthru alone, where the
# dependencies stand, and the interpreter, which has to be of the same version.
{ pkgs, lib }:
{
  nixpkgsPrebuilt =
    {
      from,
      prev ? {
        passthru = { };
      },
      quiet ? false,
    }:
    assert from.type == "derivation";
    assert builtins.isAttrs prev;
    let
      hooks = builtins.filter (input: input.name == "pyproject-hook") prev.nativeBuildInputs;
      wanted =
        if !(prev ? nativeBuildInputs) then
          null
        else if hooks == [ ] then
          throw "${prev.name} has no pyproject-hook among its nativeBuildInputs"
        else
          (builtins.head hooks).passthru.python;
      found = from.pythonModule;
    in
    lib.throwIf (
      wanted != null && wanted.pythonVersion != found.pythonVersion
    ) "Mismatching Python versions: ${found.pythonVersion} != ${wanted.pythonVersion}" (
      lib.warnIf (!quiet && wanted != null && wanted != found) "Mismatching Python derivations: ${found} != ${wanted}" (
        pkgs.stdenv.mkDerivation {
          inherit (from) pname version;
          inherit (prev) passthru;
          nativeBuildInputs = [ found.pythonOnBuildForHost ];
          dontUnpack = true;
          dontConfigure = true;
          dontBuild = true;
          dontFixup = true;
        }
      )
    );
}
