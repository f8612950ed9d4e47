# uv2nix and pyproject.nix over a lock and an overlay, without nixpkgs: packages remember what they were given.
{
  sources, # directory with uv2nix, pyproject.nix and nixpkgs.lib: what stands in for them, or the real ones
  attrs ? [ ], # attribute paths of nixpkgs, as lists of names
  python ? "3.12",
}:
let
  lib = import (sources + "/nixpkgs.lib/lib");
  pyproject-nix = import (sources + "/pyproject.nix") { inherit lib; };
  uv2nix = import (sources + "/uv2nix") { inherit lib pyproject-nix; };
  platform = lib.systems.elaborate "x86_64-linux";

  mkDerivation =
    given:
    let
      args = if builtins.isFunction given then given self else given;
      self = {
        type = "derivation";
        outPath = "/nix/store/00000000000000000000000000000000-${args.pname or args.name}";
        drvPath = "/nix/store/00000000000000000000000000000000-${args.pname or args.name}.drv";
        overrideAttrs = f: mkDerivation (args // f args);
        inherit args;
      }
      // args
      // (args.passthru or { });
    in
    self;

  mkLeaf =
    path:
    mkDerivation {
      name = builtins.concatStringsSep "." path;
      pname = lib.last path;
      version = "9.9";
      passthru.pythonModule = interpreter;
    };

  stdenv = import ./platform.nix platform // {
    inherit mkDerivation;
  };

  interpreter = mkDerivation {
    pname = "python3";
    name = "python3-${python}.9";
    version = "${python}.9";
    passthru = {
      pythonVersion = python;
      implementation = "cpython";
      sourceVersion = {
        major = lib.versions.major python;
        minor = lib.versions.minor python;
        patch = "9";
        suffix = "";
      };
      sitePackages = "lib/python${python}/site-packages";
      pythonOnBuildForHost = interpreter;
      interpreter = "python3";
      inherit stdenv;
    };
  };

  callPackageWith =
    scope: function: extra:
    let
      f = if builtins.isFunction function then function else import function;
      go =
        more:
        let
          result = f (builtins.intersectAttrs (builtins.functionArgs f) scope // extra // more);
        in
        if builtins.isAttrs result then result // { override = new: go (more // new); } else result;
    in
    go { };

  pkgs = lib.foldl' lib.recursiveUpdate {
    inherit lib stdenv pkgs;
    python3 = interpreter;
    "python${lib.replaceStrings [ "." ] [ "" ] python}" = interpreter;
    buildPackages = pkgs;
    newScope = extra: callPackageWith (pkgs // extra);
    callPackage = callPackageWith pkgs;
    fetchurl =
      args:
      mkDerivation {
        name = args.name or (baseNameOf args.url);
        passthru = args;
      };
    makeSetupHook = args: _: mkLeaf [ args.name or "hook" ];
    mkShell = args: args;
    buildEnv = args: mkDerivation (if args ? pathsToLink then { inherit (args) name paths pathsToLink; } else args);
    writeText = _name: text: text; # for questions about what is written
    dockerTools = {
      streamLayeredImage = args: args;
      usrBinEnv = mkLeaf [ "usrBinEnv" ];
      fakeNss = mkLeaf [ "fakeNss" ];
    };
    pythonManylinuxPackages = lib.genAttrs [ "manylinux1" "manylinux2010" "manylinux2014" ] (name: [
      (mkLeaf [ name ])
    ]);
  } (
    map (path: lib.setAttrByPath path (mkLeaf path)) (
      map lib.singleton [
        "autoPatchelfHook"
        "autoAddDriverRunpath"
        "unzip"
        "uv"
        "bashInteractive"
        "cacert"
        "coreutils"
      ]
      ++ attrs
    )
  );

  # The hooks of the set are made from scripts, which only a builder could run.
  hooks = _final: prev: {
    pyprojectHook = mkDerivation {
      name = "pyproject-hook";
      passthru.python = interpreter;
    };
    pyprojectWheelHook = mkDerivation {
      name = "pyproject-hook";
      passthru.python = interpreter;
    };
  };

  load =
    workspaceRoot: overlay:
    let
      workspace = uv2nix.lib.workspace.loadWorkspace { inherit workspaceRoot; };
      set = (pkgs.callPackage pyproject-nix.build.packages { python = interpreter; }).overrideScope (
        lib.composeManyExtensions [
          hooks
          (workspace.mkPyprojectOverlay { sourcePreference = "wheel"; })
          overlay
        ]
      );
      locked = lib.filter (package: !(package.source ? virtual)) (
        lib.importTOML (workspaceRoot + "/uv.lock")
      ).package;
      names = lib.filter (name: set ? ${name}) (map (package: package.name) locked);
    in
    {
      inherit set workspace names;
    };

  named = map (drv: drv.name or drv.pname);

  show = package: {
    source = package.src.name or null;
    hooks = named (package.nativeBuildInputs or [ ]);
    inputs = named (package.buildInputs or [ ]);
    ignored = package.autoPatchelfIgnoreMissingDeps or [ ];
    runpaths = package.appendRunpaths or [ ];
    preFixup = package.preFixup or "";
    dependencies = builtins.attrNames (package.passthru.dependencies or { });
  };
in
{
  inherit
    interpreter
    lib
    load
    pkgs
    pyproject-nix
    show
    uv2nix
    hooks
    mkDerivation
    ;
  hacks = pkgs.callPackage pyproject-nix.build.hacks { };
}
