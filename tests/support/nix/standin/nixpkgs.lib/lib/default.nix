# The functions of nixpkgs' lib that generated code calls, and those that its neighbours here need. What each has to
# do is nixpkgs' manual's; docs/nix-contract.md tells how all of this is compared with the real ones.
let
  inherit (builtins)
    attrNames
    concatMap
    elemAt
    filter
    foldl'
    head
    isAttrs
    length
    listToAttrs
    map
    mapAttrs
    replaceStrings
    splitVersion
    stringLength
    substring
    tail
    ;

  lib = {
    inherit
      concatMap
      filter
      foldl'
      head
      isAttrs
      length
      listToAttrs
      mapAttrs
      replaceStrings
      ;

    optionalAttrs = condition: set: if condition then set else { };
    # Halved, as it may be long: a fold is as deep as the list is long, and copies the set each time.
    mergeAttrsList =
      list:
      let
        merge =
          first: count:
          if count == 1 then
            elemAt list first
          else
            merge first (count / 2) // merge (first + count / 2) (count - count / 2);
      in
      if list == [ ] then { } else merge 0 (length list);
    fix =
      f:
      let
        self = f self;
      in
      self;
    extends =
      overlay: f: final:
      let
        prev = f final;
      in
      prev // overlay final prev;
    optionalString = condition: string: if condition then string else "";
    optional = condition: value: if condition then [ value ] else [ ];

    warnIf =
      condition: message: value:
      if condition then builtins.trace "evaluation warning: ${message}" value else value;
    throwIf =
      condition: message: value:
      if condition then throw message else value;

    nameValuePair = name: value: { inherit name value; };
    genAttrs = names: f: listToAttrs (map (name: lib.nameValuePair name (f name)) names);
    mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
    singleton = value: [ value ];
    last = list: elemAt list (length list - 1);
    unique = foldl' (seen: one: if builtins.elem one seen then seen else seen ++ [ one ]) [ ];
    setAttrByPath = path: value: if path == [ ] then value else { ${head path} = lib.setAttrByPath (tail path) value; };
    recursiveUpdate =
      a: b:
      a
      // mapAttrs (
        name: value: if isAttrs value && isAttrs (a.${name} or null) then lib.recursiveUpdate a.${name} value else value
      ) b;

    hasPrefix = prefix: string: substring 0 (stringLength prefix) string == prefix;
    hasSuffix =
      suffix: string:
      let
        excess = stringLength string - stringLength suffix;
      in
      excess >= 0 && substring excess (-1) string == suffix;
    # Without its first occurrence a string that has the infix is another.
    hasInfix = infix: string: infix == "" || replaceStrings [ infix ] [ "" ] string != string;
    splitString =
      separator: string: filter builtins.isString (builtins.split (replaceStrings [ "." ] [ "\\." ] separator) string);

    versions = {
      major = version: elemAt (splitVersion version) 0;
      minor = version: elemAt (splitVersion version) 1;
    };

    composeManyExtensions = foldl' (
      f: g: final: prev:
      let
        first = f final prev;
      in
      first // g final (prev // first)
    ) (_final: _prev: { });

    importTOML = path: builtins.fromTOML (builtins.readFile path);

    getLib = drv: drv.lib or drv.out or drv;
    getOutput = output: drv: drv.${output} or drv.out or drv;
    makeLibraryPath = drvs: builtins.concatStringsSep ":" (map (drv: "${lib.getLib drv}/lib") drvs);
    # Those that the package knows: whether nixpkgs has them, scripts/collect_licenses.py --check says.
    licenses =
      let
        table = builtins.fromJSON (builtins.readFile ../../../../../../wheelfix/nix/data/licenses.json);
      in
      builtins.listToAttrs (
        map (spdxId: {
          name = table.attributes.${spdxId};
          value = { inherit spdxId; };
        }) (builtins.attrNames table.attributes)
      );
    sourceTypes = {
      binaryNativeCode = "binaryNativeCode";
      binaryBytecode = "binaryBytecode";
    };
    remove = value: filter (other: other != value);

    systems.elaborate =
      system:
      assert system == "x86_64-linux";
      {
        inherit system;
        isLinux = true;
        libc = "glibc";
        parsed.cpu.name = "x86_64";
      };
  };
in
lib
