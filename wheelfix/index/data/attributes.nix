# Asks a nixpkgs about attributes and Python packages: what there is, which outputs buildInputs reach, and what
# keeps it from being evaluated. The answer is data that builtins.toJSON can print. Evaluated by
# wheelfix/index/evaluate.py, and by scripts/update_attributes.py for what is shipped.
#
# source: a path, or a flake. system: the platform. attrs: attribute paths, as lists of names. python: attributes
# of python3Packages; null asks for their names alone.
{
  source,
  system,
  attrs ? [ ],
  python ? [ ],
}:
let
  nixpkgs = source.outPath or source;
  load =
    config:
    import nixpkgs {
      inherit config system;
      overlays = [ ];
    };

  # What a user has who set nothing, then one permission more at a time: the first that evaluates tells which
  # permissions are missing.
  plain = load { };
  unfree = load { allowUnfree = true; };
  insecure = load {
    allowUnfree = true;
    allowInsecurePredicate = _: true;
  };
  anything = load {
    allowUnfree = true;
    allowInsecurePredicate = _: true;
    allowBroken = true;
    allowUnsupportedSystem = true;
  };
  lib = plain.lib;

  attempt =
    default: value:
    let
      tried = builtins.tryEval value;
    in
    if tried.success then tried.value else default;

  # A string without its context, as JSON has none; null for all that is no string.
  text =
    value:
    attempt null (
      if builtins.isString value then builtins.unsafeDiscardStringContext value else null
    );

  # The value at a path, or null where there is none or reaching it throws.
  reach =
    path: set:
    attempt null (
      lib.foldl' (
        value: name: if builtins.isAttrs value && value ? ${name} then value.${name} else null
      ) set path
    );

  isPackage = value: attempt false (builtins.isAttrs value && value.type or null == "derivation");

  # Computing the path of an output evaluates the package with everything that it is built with.
  evaluates = value: isPackage value && text value.outPath != null;

  flag =
    package: name: isPackage package && attempt false (package.meta.${name} or false == true);

  judge =
    path:
    let
      allowed = reach path anything;
      byDefault = evaluates (reach path plain);
      withUnfree = byDefault || evaluates (reach path unfree);
      withInsecure = withUnfree || evaluates (reach path insecure);
    in
    {
      found = isPackage allowed;
      version = if isPackage allowed then text (allowed.version or null) else null;
      unfree = flag allowed "unfree" || (!byDefault && withUnfree);
      insecure = flag allowed "insecure" || (!withUnfree && withInsecure);
      broken = flag allowed "broken" || (isPackage allowed && !withInsecure);
    };

  # The outputs that a package gives when it stands in buildInputs: its development output, and what
  # setup-hooks/multiple-outputs.sh lists in propagated-build-inputs of that output.
  listReached =
    package:
    let
      outputs = package.outputs or [ "out" ];
      pick =
        variable: names:
        let
          own = text (package.${variable} or null);
        in
        if own != null && own != "" then
          own
        else
          lib.findFirst (name: builtins.elem name outputs) (builtins.head outputs) names;
      listed = package.propagatedBuildOutputs or null;
      propagated =
        if builtins.isList listed then
          listed
        else if builtins.isString listed then
          lib.splitString " " listed
        else
          [
            (pick "outputBin" [
              "bin"
              "out"
            ])
            (pick "outputLib" [
              "lib"
              "out"
            ])
          ];
      development = pick "outputDev" [
        "dev"
        "out"
      ];
    in
    if package.outputSpecified or false then
      [ package.outputName ]
    else
      lib.unique (lib.filter (name: builtins.elem name outputs) ([ development ] ++ propagated));

  # Files of aliases say why an attribute was removed, or which one has taken its place. Here throw returns its
  # reason, and packages are replaced by their names.
  readAliases =
    file: packages:
    if builtins.pathExists file then
      builtins.scopedImport { throw = reason: { "removed because" = reason; }; } file (
        lib
        // {
          warn = _: value: value;
          warnOnInstantiate = _: value: value;
        }
      ) (packages // lib.mapAttrs (name: _: { "name in the set" = name; }) packages) { }
    else
      { };
  aliases = readAliases (nixpkgs + "/pkgs/top-level/aliases.nix") anything;
  pythonAliases = readAliases (nixpkgs + "/pkgs/top-level/python-aliases.nix") anything.python3Packages;

  tellAlias =
    file: name:
    let
      alias = attempt null (file.${name} or null);
    in
    {
      reason = text (alias."removed because" or null);
      target = text (alias."name in the set" or null);
    };

  describe =
    path:
    let
      package = reach path anything;
    in
    judge path
    // tellAlias aliases (builtins.head path)
    // {
      attr = lib.concatStringsSep "." path;
      outputs = if isPackage package then attempt [ ] (map text (package.outputs or [ "out" ])) else [ ];
      reached = if isPackage package then attempt [ ] (map text (listReached package)) else [ ];
    };

  isModule = value: isPackage value && attempt false (value ? pythonModule);

  describePython =
    attr:
    let
      path = [
        "python3Packages"
        attr
      ];
      package = reach path anything;
      names = map (input: text (input.pname or null)) (
        lib.filter (input: isModule input && !(input ? pythonVersion)) (package.propagatedBuildInputs or [ ])
      );
    in
    judge path
    // tellAlias pythonAliases attr
    // {
      inherit attr;
      found = isModule package;
      name = if isPackage package then text (package.pname or null) else null;
      dependencies = if isModule package then attempt [ ] (lib.filter (name: name != null) names) else [ ];
    };
in
{
  version = lib.trivial.release;
  revision = source.rev or (text (lib.trivial.revisionWithDefault null));
  modified = source.lastModified or null;
  python_version = plain.python3.version;
  attributes = map describe attrs;
  python =
    if python == null then
      builtins.attrNames (anything.python3Packages // pythonAliases)
    else
      map describePython python;
}
