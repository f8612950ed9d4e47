# From a lock to an overlay: what the markers leave of it, and one package for each name.
{ lib }:
let
  inherit (builtins)
    attrNames
    attrValues
    concatMap
    filter
    isPath
    length
    listToAttrs
    map
    mapAttrs
    ;
  evaluate = import ./markers.nix { inherit lib; };
  build = import ./build.nix { inherit lib; };

  # Dependencies as passthru has them: names to lists of extras.
  specify = deps: listToAttrs (map (dep: lib.nameValuePair dep.name (dep.extra or [ ])) deps);

  tables = package: {
    dependencies = package.dependencies or [ ];
    optional-dependencies = package.optional-dependencies or { };
    dependency-groups = package.dev-dependencies or { };
  };

  applyMarkers =
    holds: package:
    let
      kept = filter (dep: !(dep ? marker) || holds dep.marker);
      raw = tables package;
    in
    package
    // {
      passthru = {
        dependencies = specify (kept raw.dependencies);
        optional-dependencies = mapAttrs (_: deps: specify (kept deps)) raw.optional-dependencies;
        dependency-groups = mapAttrs (_: deps: specify (kept deps)) raw.dependency-groups;
      };
    };

  # Everything that the projects can reach, with all extras and groups.
  reach =
    packages: names:
    builtins.genericClosure {
      startSet = map (name: { key = name; }) names;
      operator =
        { key }:
        let
          known = packages.${key}.passthru;
          specs = [ known.dependencies ] ++ attrValues known.optional-dependencies ++ attrValues known.dependency-groups;
        in
        map (name: { key = name; }) (concatMap attrNames specs);
    };
in
{
  loadWorkspace =
    { workspaceRoot }:
    # As the real one: a string without a context is none.
    assert isPath workspaceRoot;
    let
      lock = lib.importTOML (workspaceRoot + "/uv.lock");
      projects = filter (package: package.source ? virtual) lock.package;
      deps = f: listToAttrs (map (project: lib.nameValuePair project.name (f (tables project))) projects);
    in
    assert lock.version == 1;
    assert !(lock ? conflicts);
    {
      deps = {
        default = deps (_: [ ]);
        all = deps (known: lib.unique (attrNames known.optional-dependencies ++ attrNames known.dependency-groups));
      };
      mkPyprojectOverlay =
        { sourcePreference }:
        assert sourcePreference == "wheel";
        final: prev:
        let
          holds = evaluate prev.python;
          supported = lock.supported-markers or [ ];
          here = filter (
            package: !(package ? resolution-markers) || builtins.any holds package.resolution-markers
          ) lock.package;
          grouped = builtins.groupBy (package: package.name) (map (applyMarkers holds) here);
          packages = mapAttrs (
            name: found: if length found == 1 then builtins.head found else throw "${name}: several versions are left"
          ) grouped;
        in
        assert supported == [ ] || builtins.any holds supported;
        listToAttrs (
          map (
            { key }: lib.nameValuePair key (final.callPackage (build packages.${key}) { })
          ) (reach packages (map (project: project.name) projects))
        );
    };
}
