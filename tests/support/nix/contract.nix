# The same questions as to the stub, asked of the real pyproject.nix, uv2nix and nixpkgs' lib.
#
# Only what these three take from the rest of nixpkgs is the stub's: derivations, hooks, the interpreter. See
# docs/nix-contract.md.
{
  lib, # path of nixpkgs' lib
  pyproject-nix, # path of a checkout
  uv2nix, # path of a checkout
  workspace, # path of a directory with pyproject.toml and uv.lock
  code, # path of generated code
  attrs,
  name,
  standalone ? false, # the code is a complete file, not an overlay
}:
let
  reallib = import lib;
  stub = import ./stub.nix { inherit attrs; };
  platform = reallib.systems.elaborate "x86_64-linux";
  stdenv = import ./platform.nix platform // {
    inherit (stub) mkDerivation;
  };
  python = stub.python // {
    inherit stdenv;
    passthru = stub.python.passthru // {
      inherit stdenv;
    };
    isPyPy = false;
    version = "${stub.python.pythonVersion}.0";
  };
  listed = name: stub.mkDerivation { pname = name; };
  pkgs = stub.pkgs // {
    inherit stdenv;
    lib = reallib;
    buildPackages = pkgs;
    fetchurl = args: args // { passthru.url = args.url; };
    unzip = listed "unzip";
    # pkgs/development/interpreters/python/manylinux/default.nix
    pythonManylinuxPackages = rec {
      manylinux1 = manylinux2014 ++ map listed [ "libxcrypt" "ncurses5" ];
      manylinux2010 = manylinux2014;
      manylinux2014 = map listed [ "glibc" "stdenv.cc.cc.lib" "zlib" ];
    };
    newScope = extra: reallib.callPackageWith (pkgs // { lib = reallib; } // extra);
    callPackage = pkgs.newScope { inherit pkgs; };
  };
  pyproject = import pyproject-nix { lib = reallib; };
  uv = import uv2nix {
    lib = reallib;
    pyproject-nix = pyproject;
  };
  loaded = uv.lib.workspace.loadWorkspace { workspaceRoot = workspace; };
  hooks = _final: _prev: {
    pyprojectHook = stub.hook;
    pyprojectWheelHook = stub.hook;
  };
  set = pkgs.callPackage pyproject.build.packages { inherit python; };
  hacks = pkgs.callPackage pyproject.build.hacks { };
  generated = import code {
    inherit pkgs hacks;
    lib = reallib;
  };
  final = set.overrideScope (
    reallib.composeManyExtensions [
      hooks
      (loaded.mkPyprojectOverlay { sourcePreference = "wheel"; })
      generated
    ]
  );
  before = set.overrideScope (
    reallib.composeManyExtensions [
      hooks
      (loaded.mkPyprojectOverlay { sourcePreference = "wheel"; })
    ]
  );
  environment = import code {
    pkgs = pkgs // {
      python312 = python;
    };
    pyproject-nix = pyproject;
    uv2nix = uv;
    pyproject-build-systems.overlays.wheel = hooks;
    workspaceRoot = workspace;
  };
in
if standalone then
  {
    inherit (environment) name;
    environment = map (path: builtins.substring 44 (-1) path) (
      reallib.splitString ":" environment.NIX_PYPROJECT_DEPS
    );
  }
else
{
  before = stub.show before.${name};
  package = stub.show final.${name};
  environment = map (drv: drv.pname) (final.resolveVirtualEnv { ${name} = [ ]; });
}
