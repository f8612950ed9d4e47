# Builds the wheels of a lock as uv2nix does, under an overlay, and an environment of all of them.
#
# Nix, wheels and libraries are real; what stands in for nixpkgs, its hooks, pyproject.nix and uv2nix is our own.
{
  config, # a file that tests/support/proof/store.py writes
}:
let
  given = builtins.fromJSON (builtins.readFile config);
  system = "x86_64-linux";
  lib = import ../standin/nixpkgs.lib/lib;
  pyproject-nix = import ../standin/pyproject.nix { inherit lib; };
  uv2nix = import ../standin/uv2nix { inherit lib pyproject-nix; };

  code = builtins.path {
    path = given.builder;
    name = "builder";
  };
  first = { PATCHELF = given.patchelf; };
  libraries = import ./libraries.nix {
    inherit lib system;
    tools = first;
    inherit (given) facts;
  };
  interpreter = import ./python.nix {
    inherit lib system libraries;
    tools = first;
    inherit (given) facts;
  } // {
    pythonOnBuildForHost = interpreter;
    inherit stdenv;
  };
  tools = first // {
    builderPython = "${interpreter}/bin/python3";
    # Laid out as in the source tree, for the names of the modules.
    builderCode = run "builder-code" "mkdir -p $out/tests/support/proof && cp -r ${code} $out/tests/support/proof/builder";
    inherit (interpreter) sitePackages;
    builderLibc = run "libc" ''
      mkdir -p $out/lib
      ${builtins.concatStringsSep "\n" (
        map (file: "cp ${libraries.importFile file} $out/lib/${baseNameOf file}") given.facts.libc
      )}
    '';
  };

  # The shell has to be what ends: coreutils close their output before they exit, and Nix kills who has closed it.
  run =
    name: script:
    derivation {
      inherit name system;
      builder = "/bin/bash";
      args = [ "-euc" "${script}\nexit" ];
      PATH = "/usr/bin:/bin";
    };

  programs = import ./programs.nix {
    inherit system libraries;
    tools = first;
    inherit (given) facts;
  };
  images = import ./images.nix {
    inherit tools system pkgs;
    libc = tools.builderLibc;
  };

  platform = lib.systems.elaborate system // { canExecute = other: true; };
  building = import ./stdenv.nix { inherit lib tools system; };
  stdenv = lib.recursiveUpdate { inherit (building) mkDerivation; } (import ../platform.nix platform) // {
    cc = (import ../platform.nix platform).cc // {
      bintools.dynamicLinker = "${tools.builderLibc}/lib/ld-linux-x86-64.so.2";
    };
  };

  # A program of this machine, which builds find among their inputs.
  linkProgram = path: run (baseNameOf path) "mkdir -p $out/bin && ln -s ${path} $out/bin/${baseNameOf path}";

  makeHook =
    name: passthru:
    run name "mkdir -p $out/nix-support && cp ${code}/${name}.sh $out/nix-support/setup-hook"
    // passthru;
  wheelHook = makeHook "wheel-hook" { } // {
    name = "pyproject-hook";
    passthru.python = interpreter;
  };

  callPackageWith =
    scope: function: extra:
    let
      f = if builtins.isFunction function then function else import function;
    in
    f (builtins.intersectAttrs (builtins.functionArgs f) scope // extra);

  # Those of pythonManylinuxPackages that there is a stand-in for.
  manylinux = builtins.concatMap (
    attr: if attr.group != null && builtins.elem attr.path given.facts.manylinux then [ (lib.getLib (get attr.path)) ] else [ ]
  ) given.facts.attrs;
  get = path: lib.foldl' (set: name: set.${name}) pkgs path;

  pkgs = lib.foldl' lib.recursiveUpdate {
    inherit lib stdenv pkgs system;
    inherit (programs) bashInteractive cacert coreutils;
    inherit (images) buildEnv dockerTools;
    inherit (building) runCommand;
    patchelf = linkProgram given.patchelf;
    zstd = linkProgram "/usr/bin/zstd";
    runtimeShell = "${programs.bashInteractive}/bin/bash";
    addDriverRunpath.driverLink = "/run/opengl-driver";
    glibc = tools.builderLibc;
    mkShell = args: args;
    uv = throw "uv is not built here";
    python3 = interpreter;
    "python${lib.replaceStrings [ "." ] [ "" ] interpreter.pythonVersion}" = interpreter;
    buildPackages = pkgs;
    newScope = extra: callPackageWith (pkgs // extra);
    callPackage = callPackageWith pkgs;
    autoPatchelfHook = makeHook "auto-patchelf-hook" { };
    autoAddDriverRunpath = makeHook "driver-runpath-hook" { };
    writeText =
      name: text:
      derivation {
        inherit name text system;
        builder = "/bin/bash";
        args = [ "-euc" ''/bin/cp "$textPath" "$out"; exit'' ];
        passAsFile = [ "text" ];
      };
    fetchurl = args: {
      inherit (args) url;
      name = args.name or (baseNameOf args.url);
      outPath = builtins.path {
        path = given.wheels.${args.name or (baseNameOf args.url)};
        name = lib.replaceStrings [ "!" ] [ "_" ] (args.name or (baseNameOf args.url));
      };
    };
    # R as nixpkgs lays it out, without what R does.
    R = run "R" ''
      mkdir -p $out/lib/R/lib
      echo 'int R_answer(void) { return 42; }' | gcc -shared -fPIC -Wl,-soname,libR.so -x c - -o $out/lib/R/lib/libR.so
    '';
    rPackages.data_table = run "r-data.table" "mkdir -p $out/library/data.table && touch $out/library/data.table/DESCRIPTION";
    pythonManylinuxPackages = lib.genAttrs [ "manylinux1" "manylinux2010" "manylinux2014" ] (_: manylinux);
  } (map (attr: lib.setAttrByPath attr.path attr.value) libraries.attrs);

  hooks = _final: _prev: {
    pyprojectHook = throw "source distributions are not built here";
    pyprojectWheelHook = wheelHook;
    pyprojectMakeVenvHook = makeHook "venv-hook" { };
  };

  workspace = uv2nix.lib.workspace.loadWorkspace { workspaceRoot = /. + given.workspace; };
  overlay = import given.overlay {
    inherit pkgs lib;
    hacks = pkgs.callPackage pyproject-nix.build.hacks { };
  };
  set = (pkgs.callPackage pyproject-nix.build.packages { python = interpreter; }).overrideScope (
    lib.composeManyExtensions [
      hooks
      (workspace.mkPyprojectOverlay { sourcePreference = "wheel"; })
      overlay
    ]
  );
in
{
  inherit interpreter set pkgs;
  # A definition that `wheelfix env` wrote, in the workspace.
  written = import (/. + given.workspace + "/default.nix") {
    inherit pkgs pyproject-nix uv2nix;
    pyproject-build-systems.overlays.wheel = hooks;
  };
  # An environment of conda, in the workspace.
  conda = pkgs.callPackage (/. + given.workspace + "/environment.nix") { };
  environment = set.mkVirtualEnv "environment" workspace.deps.default;
  # What stands in for nixpkgs' attributes, their outputs with libraries.
  directories = builtins.concatMap (
    attr: if attr.group == null then [ ] else [ (lib.getLib (get attr.path)) ]
  ) given.facts.attrs;
}
