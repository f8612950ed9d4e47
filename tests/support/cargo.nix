# What generated cargo adapters meet, reduced to its contract: derivations are sets that say what they were
# made of. hacks.importCargoLock follows pyproject.nix's build/hacks/default.nix (7af23cf7), resolveBuildSystem
# its build/lib/resolvers.nix, rustPlatform.importCargoLock and fetchCargoVendor nixpkgs' pkgs/build-support/rust.
{
  name, # of the package
  systems, # Python packages in the set, with what each requires
  attrs, # attribute paths in nixpkgs
}:
let
  inherit (builtins) attrNames concatMap elem filter foldl' isAttrs isPath isString listToAttrs match;
  derive = label: { type = "derivation"; name = label; outPath = "/nix/store/x-${label}"; };
  make =
    arguments:
    derive (arguments.name or "${arguments.pname}-${arguments.version}")
    // arguments
    // { overrideAttrs = change: make (arguments // change arguments); };
  merge = a: b: if isAttrs a && isAttrs b && !(a ? type) then a // builtins.mapAttrs (n: v: if a ? ${n} then merge a.${n} v else v) b else b;
  put = path: value: if path == [ ] then value else { ${builtins.head path} = put (builtins.tail path) value; };
  pkgs = foldl' (all: path: merge all (put path (derive (builtins.concatStringsSep "." path)))) {
    inherit rustPlatform;
  } attrs;
  rustPlatform = {
    cargoSetupHook = derive "cargo-setup-hook";
    maturinBuildHook = derive "maturin-build-hook";
    bindgenHook = derive "bindgen-hook";
    importCargoLock =
      { lockFile, outputHashes ? { } }:
      assert isPath lockFile || isString lockFile;
      derive "cargo-vendor-dir" // { lockFile = toString lockFile; inherit outputHashes; };
    fetchCargoVendor =
      { pname, version, src, hash, cargoRoot ? "." }:
      derive "${pname}-${version}-vendor" // { inherit src hash cargoRoot; };
  };
  hacks.importCargoLock =
    {
      prev,
      importCargoLockArgs ? { },
      cargoRoot ? ".",
      lockFile ? "${cargoRoot}/Cargo.lock",
    }:
    assert prev.type == "derivation";
    prev.overrideAttrs (old: {
      inherit cargoRoot;
      src = derive "${prev.src.name}-unpacked";
      cargoDeps = rustPlatform.importCargoLock (
        {
          lockFile =
            if isPath lockFile || match "/.*" lockFile != null then lockFile else "SRC/${lockFile}";
        }
        // importCargoLockArgs
      );
      nativeBuildInputs = (old.nativeBuildInputs or [ ]) ++ map derive [ "cargo-setup-hook" "pkg-config" "cargo" "rustc" ];
    });
  lib = {
    fakeHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    optionalAttrs = condition: set: if condition then set else { };
  };
  resolve = names: concatMap (one: [ one ] ++ resolve systems.${one}) names;
  final = {
    resolveBuildSystem = spec: map derive (unique (resolve (attrNames spec)));
  };
  unique = foldl' (all: one: if elem one all then all else all ++ [ one ]) [ ];
  prev.${name} = make {
    pname = name;
    version = "1";
    src = derive "sdist";
    nativeBuildInputs = [ (derive "pyproject-hook") ];
  };
  show =
    package:
    listToAttrs (
      concatMap (
        key:
        if package ? ${key} then [ { name = key; value = package.${key}; } ] else [ ]
      ) [ "cargoRoot" "dontUseCmakeConfigure" "postPatch" "RUSTC_BOOTSTRAP" "ZSTD_SYS_USE_PKG_CONFIG" "env" "pname" "version" "pyproject" ]
    )
    // {
      native = map (one: one.name) package.nativeBuildInputs;
      build = map (one: one.name) (package.buildInputs or [ ]);
      systems = map (one: one.name) (package.build-system or [ ]);
      dependencies = map (one: one.name) (package.dependencies or [ ]);
      vendor = builtins.removeAttrs package.cargoDeps [ "type" "outPath" "src" ];
      src = package.src.name;
    };
in
{
  overlay = path: show ((import path { inherit pkgs lib hacks; }) final prev).${name};
  untouched = path: (import path { inherit pkgs lib hacks; }) final { };
  package =
    path:
    let
      function = import path;
      world = pkgs // builtins.mapAttrs (one: _: derive one) systems // {
        inherit lib rustPlatform;
        buildPythonPackage = arguments: arguments;
        fetchPypi = { pname, version, hash }: derive "${pname}-${version}.tar.gz" // { inherit hash; };
        pythonPackages = builtins.mapAttrs (one: _: derive one) systems;
      };
    in
    show (function (builtins.intersectAttrs (builtins.functionArgs function) world));
}
