# A stand-in for nixpkgs, as far as its Python package sets and what changes them go: an overlay, or
# packageOverrides of one interpreter. The contract is pkgs/development/interpreters/python of nixpkgs 26.11pre of
# 2026-07-14: one list of extensions for the sets of all interpreters, then packageOverrides; what was removed is a
# `throw`; callPackage gives a function the arguments that it names.
#
# python: whose packageOverrides the overrides are.
# packages: of each set, by attribute: { version; dependencies; ... }, the arguments of buildPythonPackage.
{
  overlay ? _: _: { },
  overrides ? _: _: { },
  packages ? { },
  python ? "3.12",
}:
let
  lib = import ./standin/nixpkgs.lib/lib;

  pkgs = {
    inherit lib pkgs;
    fetchurl = args: { inherit (args) url name hash; };
    fetchPypi = args: args;
    autoPatchelfHook = "autoPatchelfHook";
    stdenv.cc.cc.lib = "stdenv.cc.cc.lib";
    onetbb = "onetbb";
    python313Packages = sets."3.13";
    pythonPackagesExtensions = [ ];
  };

  build =
    args:
    (removeAttrs args [ "passthru" ])
    // {
      type = "derivation";
      pythonModule = true;
      dependencies = args.dependencies or [ ];
      passthru = {
        inherit (args) version; # as some recipes have it there
        dependencies = args.dependencies or [ ];
        optional-dependencies = args.optional-dependencies or { };
      }
      // args.passthru or { };
      overridePythonAttrs = change: build (args // change args);
    }
    // args.passthru or { };

  makeSet =
    name: extensions:
    let
      version = builtins.elemAt (builtins.match "(pypy)?([0-9.]+)t?" name) 1;
      libPrefix = if version == name || "${version}t" == name then "python${name}" else name;
      base = self: {
        inherit lib pkgs;
        python = {
          inherit libPrefix;
          sitePackages = "lib/${libPrefix}/site-packages";
        };
        inherit (pkgs) fetchPypi;
        buildPythonPackage = build;
        pythonOlder = asked: builtins.compareVersions version asked < 0;
        pythonAtLeast = asked: builtins.compareVersions version asked >= 0;
        gone = throw "gone was removed";
        callPackage =
          function: more:
          let
            make = given: function (builtins.intersectAttrs (builtins.functionArgs function) (pkgs // self) // given);
          in
          make more // { override = changed: make (more // changed); };
      };
      own = self: builtins.mapAttrs (name: args: build ({ pname = name; } // args self)) packages;
      apply = self: set: extension: set // extension self set;
      self = builtins.foldl' (apply self) (base self // own self) extensions;
    in
    self;

  extensions = (overlay pkgs pkgs).pythonPackagesExtensions or [ ];
  sets = lib.genAttrs [ "3.11" "3.12" "3.13" "3.14" "3.14t" "pypy3.11" ] (
    version: makeSet version (extensions ++ lib.optional (version == python) overrides)
  );

  names = map (one: one.pname or one);
in
{
  inherit sets;
  show = package: {
    inherit (package) pname version;
    src = package.src or null;
    format = package.format or null;
    dependencies = names package.dependencies;
    passthru = builtins.attrNames package.passthru;
    program = package.meta.mainProgram or null;
    doCheck = package.doCheck or true;
    patches = package.patches or null;
  };
}
