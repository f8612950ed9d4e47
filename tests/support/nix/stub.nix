# What generated code meets when it is evaluated, without nixpkgs: packages that remember what they were given.
#
# The contract is that of nixpkgs' mkDerivation and lib, pyproject.nix's build/hacks and package sets, as far as
# the generated code touches them; docs/nix-contract.md tells how this file is compared with the real ones.
{
  attrs ? [ ], # attribute paths of nixpkgs, as lists of names
  packages ? { }, # Python packages: name -> { version, dependencies, inputs, wheel }
  pythonVersion ? "3.12",
  nixpkgsPython ? pythonVersion,
  libPrefix ? "python${pythonVersion}", # python3.14t, pypy3.11: of another kind
}:
let
  inherit (builtins)
    attrNames
    filter
    foldl'
    genericClosure
    head
    map
    mapAttrs
    tail
    ;

  lib = import ./standin/nixpkgs.lib/lib;

  # As in nixpkgs: what was given is what overrideAttrs hands out, and passthru is merged on top.
  mkDerivation =
    given:
    let
      args = if builtins.isFunction given then given self else given;
      self = {
        name = "${args.pname}-${args.version or "0"}";
      }
        // args
        // rec {
          type = "derivation";
          outPath = "/nix/store/00000000000000000000000000000000-${args.pname or args.name}";
          drvPath = "${outPath}.drv";
          overrideAttrs = f: mkDerivation (args // f args);
          overridePythonAttrs = overrideAttrs;
          inherit args;
        }
        // (args.passthru or { });
    in
    self;

  mkLeaf =
    path:
    mkDerivation {
      pname = builtins.concatStringsSep "." path;
      version = "1.0";
    };

  nest = path: value: if path == [ ] then value else { ${head path} = nest (tail path) value; };

  python = mkDerivation {
    pname = "python";
    version = pythonVersion;
    passthru = {
      inherit pythonVersion libPrefix;
      sitePackages = "lib/${libPrefix}/site-packages";
      implementation = "cpython";
      pythonOnBuildForHost.interpreter = "python3";
      sourceVersion = {
        major = "3";
        minor = builtins.elemAt (builtins.match "3\\.([0-9]+)" pythonVersion) 0;
        patch = "0";
        suffix = "";
      };
    };
  };

  # A build of nixpkgs' own Python package set.
  mkPrebuilt =
    path: version:
    mkDerivation {
      pname = builtins.concatStringsSep "." path;
      inherit version;
      passthru.pythonModule = {
        pythonVersion = nixpkgsPython;
        outPath = "/nix/store/00000000000000000000000000000000-python3-${nixpkgsPython}";
        pythonOnBuildForHost = python;
      };
    };

  isPython = path: builtins.match "python3[0-9]*Packages" (head path) != null;

  pkgs = foldl' lib.recursiveUpdate {
    inherit lib;
    callPackage = f: extra: f ({ inherit pkgs lib python; } // extra);
    mkShell = args: args;
    fetchurl = args: args;
    stdenv.cc.bintools.dynamicLinker = "/nix/store/00000000000000000000000000000000-glibc/lib/ld.so";
    autoPatchelfHook = mkLeaf [ "autoPatchelfHook" ];
    autoAddDriverRunpath = mkLeaf [ "autoAddDriverRunpath" ];
  } (map (path: nest path (if isPython path then mkPrebuilt path "9.9" else mkLeaf path)) attrs);

  hook = mkDerivation {
    name = "pyproject-hook";
    passthru = { inherit python; };
  };

  hacks = import ./standin/pyproject.nix/hacks.nix {
    pkgs.stdenv = { inherit mkDerivation; };
    inherit lib;
  };

  # lib/build.nix of uv2nix: hooks and manylinux inputs of a wheel; dependencies are name -> extras.
  mkPackage =
    pname: p:
    mkDerivation {
      inherit pname;
      inherit (p) version;
      nativeBuildInputs = [ hook ] ++ (if p.wheel or true then [ pkgs.autoPatchelfHook ] else [ ]);
      buildInputs = map (attr: mkLeaf [ attr ]) (p.inputs or [ ]);
      propagatedBuildInputs = map (name: mkLeaf [ name ]) (attrNames p.dependencies);
      passthru.dependencies = p.dependencies;
    };

  base = { inherit python pkgs; } // mapAttrs mkPackage packages;

  apply =
    overlay:
    let
      final = base // overlay final base;
    in
    final;

  # What mkVirtualEnv resolves: everything reachable through passthru.dependencies.
  closure =
    set: name:
    map (node: node.key) (genericClosure {
      startSet = [ { key = name; } ];
      operator =
        node:
        map (key: { inherit key; }) (
          filter (dep: set ? ${dep}) (attrNames (set.${node.key}.passthru.dependencies or { }))
        );
    });

  names = map (drv: drv.pname or drv.name);

  show = drv: {
    version = drv.version or null;
    prebuilt = drv.dontFixup or false; # files of another package, as they are
    hooks = names (drv.nativeBuildInputs or [ ]);
    inputs = names (drv.buildInputs or [ ]);
    ignored = drv.autoPatchelfIgnoreMissingDeps or [ ];
    runpaths = drv.appendRunpaths or [ ];
    flags = drv.autoPatchelfFlags or [ ];
    source = drv.src.name or null;
    preFixup = drv.preFixup or "";
    dependencies = attrNames (drv.passthru.dependencies or { });
    propagated = names (drv.propagatedBuildInputs or [ ]);
  };

  # callPackage for a file of the nixpkgs dialect: whatever parameter it names, it gets.
  callAny = f: f (take f);
  take =
    f:
      mapAttrs (
        name: _:
        if name == "lib" then
          lib
        else if name == "python" then
          python
        else if name == "pythonOlder" then
          version: builtins.compareVersions pythonVersion version < 0
        else if name == "pythonAtLeast" then
          version: builtins.compareVersions pythonVersion version >= 0
        else if name == "pkgs" then
          pkgs
        else if name == "buildPythonPackage" then
          mkDerivation
        else if name == "fetchPypi" || name == "fetchurl" then
          args: args
        else
          pkgs.${name} or (mkLeaf [ name ])
      ) (builtins.functionArgs f);
in
{
  inherit
    apply
    base
    callAny
    closure
    hacks
    lib
    hook
    mkDerivation
    pkgs
    python
    show
    take
    ;
}
