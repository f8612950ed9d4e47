# A set of Python packages that overlays extend, and the virtual environments made of it.
{ lib }:
{
  python,
  newScope,
  stdenv,
  pkgs,
  ...
}:
let
  # Names that a specification, names to extras and groups, reaches through passthru; circles end.
  resolve =
    set: spec:
    let
      node = name: extra: {
        key = if extra == null then name else "${name}[${extra}]";
        inherit name extra;
      };
      expand =
        spec: builtins.concatLists (lib.mapAttrsToList (name: extras: map (node name) ([ null ] ++ extras)) spec);
      follow =
        { name, extra, ... }:
        let
          known = set.${name}.passthru;
          extras = known.optional-dependencies or { };
          groups = known.dependency-groups or { };
        in
        if extra == null then
          expand (known.dependencies or { })
        else if extras ? ${extra} || groups ? ${extra} then
          expand (extras.${extra} or { }) ++ expand (groups.${extra} or { })
        else
          throw "${name} has no extra and no group '${extra}'";
      reached = builtins.genericClosure {
        startSet = expand spec;
        operator = follow;
      };
    in
    map (one: one.name) (builtins.filter (one: one.extra == null) reached);

  # A layer is a function of the finished set.
  finish =
    layer:
    let
      final = layer final // {
        overrideScope = overlay: finish (final: let prev = layer final; in prev // overlay final prev);
      };
    in
    final;
in
finish (final: {
  inherit python pkgs stdenv;
  callPackage = newScope final;
  pyprojectMakeVenvHook = stdenv.mkDerivation { name = "pyproject-make-venv-hook"; };
  resolveVirtualEnv = spec: map (name: final.${name}) (resolve final spec);
  mkVirtualEnv =
    name: spec:
    final.stdenv.mkDerivation {
      inherit name;
      nativeBuildInputs = [ final.pyprojectMakeVenvHook ];
      venvSkip = [ ];
      venvIgnoreCollisions = [ ];
      NIX_PYPROJECT_DEPS = builtins.concatStringsSep ":" (map toString (final.resolveVirtualEnv spec));
    };
})
