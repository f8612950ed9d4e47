# What generated code makes of real package sets. Everything real comes in by path; see docs/nix-contract.md.
{
  nixpkgs, # path of a checkout
  pyproject-nix, # path of a checkout
  uv2nix, # path of a checkout
  system,
  allow, # "nothing", as a configuration that is empty; "unfree"; or "everything"
}:
let
  configurations = {
    nothing = { };
    unfree.allowUnfree = true;
    everything = {
      allowUnfree = true;
      allowBroken = true;
      allowUnsupportedSystem = true;
      allowInsecurePredicate = _: true;
    };
  };
  pkgs = import nixpkgs {
    inherit system;
    config = configurations.${allow};
    overlays = [ ];
  };
  inherit (pkgs) lib;
  pyproject = import pyproject-nix { inherit lib; };
  uv = import uv2nix {
    inherit lib;
    pyproject-nix = pyproject;
  };
  hacks = pkgs.callPackage pyproject.build.hacks { };

  apply =
    code:
    let
      function = import code;
    in
    function (builtins.intersectAttrs (builtins.functionArgs function) { inherit pkgs lib hacks; });

  newSet = case: pkgs.callPackage pyproject.build.packages { python = pkgs.${case.python}; };

  locked =
    case:
    (uv.lib.workspace.loadWorkspace { workspaceRoot = /. + case.workspace; }).mkPyprojectOverlay {
      sourcePreference = "wheel";
    };

  # A set of pyproject.nix without uv2nix: a wheel has the hook that installs it, and nothing else.
  plain =
    case: final: _prev:
    lib.mapAttrs (
      name: package:
      final.stdenv.mkDerivation {
        pname = name;
        inherit (package) version;
        src = pkgs.fetchurl { inherit (package) url hash; };
        nativeBuildInputs = [ final.pyprojectWheelHook ];
        passthru.dependencies = lib.genAttrs package.dependencies (_: [ ]);
      }
    ) case.packages;

  overlay =
    base: case:
    let
      before = (newSet case).overrideScope (base case);
      after = before.overrideScope (apply (/. + case.code));
      names = builtins.filter (name: after ? ${name}) (builtins.attrNames case.packages);
    in
    {
      before = show before.${case.name};
      after = show after.${case.name};
      distributions = lib.genAttrs names (name: after.${name}.outPath);
    };

  package =
    case:
    let
      scope = pkgs.${case.python}.pkgs;
      code = /. + case.code;
      wanted = lib.filterAttrs (_: optional: !optional) (builtins.functionArgs (import code));
      missing = builtins.filter (name: !(scope ? ${name} || pkgs ? ${name})) (builtins.attrNames wanted);
      drv = scope.callPackage code { };
      foreign = builtins.filter (input: !(input ? pythonModule || input ? interpreter)) (
        list drv "propagatedBuildInputs"
      );
    in
    if missing != [ ] then
      { inherit missing; }
    else
      {
        after = show drv;
        # Dependencies that nixpkgs has by that name, but not as a Python package.
        foreign = map lib.getName foreign;
      };

  dialects = {
    uv2nix = overlay locked;
    pyproject-nix = overlay plain;
    nixpkgs = package;
  };

  # pkgs/build-support/setup-hooks/multiple-outputs.sh: which output takes which role.
  choose =
    drv: role: wanted:
    let
      outputs = drv.outputs or [ "out" ];
      found = builtins.filter (output: builtins.elem output outputs) wanted;
    in
    drv.${role} or (builtins.head (found ++ outputs));

  # Outputs that an output brings with it, and what is propagated by it: `propagated-build-inputs` and the
  # like are written by the development output alone.
  propagated = [
    {
      attr = "depsBuildBuildPropagated";
      host = -1;
      target = -1;
    }
    {
      attr = "propagatedNativeBuildInputs";
      host = -1;
      target = 0;
    }
    {
      attr = "depsBuildTargetPropagated";
      host = -1;
      target = 1;
    }
    {
      attr = "depsHostHostPropagated";
      host = 0;
      target = 0;
    }
    {
      attr = "propagatedBuildInputs";
      host = 0;
      target = 1;
    }
    {
      attr = "depsTargetTargetPropagated";
      host = 1;
      target = 1;
    }
  ];
  isInput = input: builtins.isAttrs input && input ? outPath;
  list = drv: attr: builtins.filter isInput (lib.flatten (lib.toList (drv.${attr} or [ ])));
  bring =
    drv:
    let
      dev = choose drv "outputDev" [
        "dev"
        "out"
      ];
      roles = lib.unique [
        (choose drv "outputBin" [
          "bin"
          "out"
        ])
        (choose drv "outputInclude" [ dev ])
        (choose drv "outputLib" [
          "lib"
          "out"
        ])
      ];
      set = drv.propagatedBuildOutputs or (lib.remove dev roles);
      others = if builtins.isString set then lib.filter (s: s != "") (lib.splitString " " set) else set;
      several = (drv.outputs or [ "out" ]) != [ "out" ];
    in
    if (drv.outputName or "out") != dev then
      [ ]
    else
      lib.concatMap (
        kind:
        map (input: {
          inherit input;
          inherit (kind) host target;
        }) (list drv kind.attr)
      ) propagated
      ++ lib.optionals several (
        map (output: {
          input = drv.${output};
          host = 0;
          target = 1;
        }) others
      );

  # pkgs/stdenv/generic/setup.sh, findInputs: everything that one input brings, with its host platform.
  reach =
    host: target: input:
    let
      node = input: host: target: {
        key = "${builtins.unsafeDiscardStringContext input.outPath} ${toString host} ${toString target}";
        inherit input host target;
      };
      step =
        item:
        let
          shift = offset: if offset <= 0 then offset + item.host else offset - 1 + item.target;
          next = map (p: node p.input (shift p.host) (shift p.target)) (bring item.input);
        in
        builtins.filter (n: n.host >= -1 && n.host <= 1 && n.target >= -1 && n.target <= 1) next;
      found = builtins.genericClosure {
        startSet = [ (node input host target) ];
        operator = step;
      };
    in
    {
      path = input.outPath;
      reached = map (n: {
        path = n.input.outPath;
        inherit (n) host;
      }) found;
    };

  show = drv: {
    inherit (drv) drvPath;
    path = drv.outPath;
    strict = drv.strictDeps or false;
    native = map (reach (-1) 0) (list drv "nativeBuildInputs" ++ list drv "propagatedNativeBuildInputs");
    inputs = map (reach 0 1) (list drv "buildInputs" ++ list drv "propagatedBuildInputs");
    variables = lib.genAttrs [
      "autoPatchelfIgnoreMissingDeps"
      "appendRunpaths"
      "runtimeDependencies"
      "patchelfFlags"
      "autoPatchelfFlags"
      "dontAutoPatchelf"
      "preFixup"
    ] (name: drv.${name} or null);
  };

  # The attribute as a derivation, and its outputs; null where there is none.
  find =
    attr:
    let
      value = lib.attrByPath attr null pkgs;
    in
    if lib.isDerivation value then
      {
        inherit (value) drvPath;
        refused = builtins.filter (reason: value.meta.${reason} or false) [
          "unfree"
          "insecure"
          "broken"
          "unsupported"
        ];
        outputs = lib.genAttrs (
          if value.outputSpecified or false then [ value.outputName ] else value.outputs or [ "out" ]
        ) (output: value.${output}.outPath);
      }
    else
      null;

  ask =
    question: one:
    let
      answer = question one;
      tried = builtins.tryEval (builtins.deepSeq answer answer);
    in
    if tried.success then { value = tried.value; } else { failed = true; };
in
{
  tryCases = map (ask (case: dialects.${case.dialect} case));
  askCases = map (case: dialects.${case.dialect} case);
  tryAttributes = map (ask find);
  askAttributes = map find;
}
