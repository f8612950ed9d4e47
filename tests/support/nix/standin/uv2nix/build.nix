# One package of a lock: its wheel, else its sdist; a virtual project is made of its dependencies alone.
{ lib }:
let
  inherit (builtins)
    any
    compareVersions
    elem
    elemAt
    filter
    head
    map
    match
    sort
    ;

  unquote = builtins.replaceStrings [ "%2B" "%21" ] [ "+" "!" ];

  parse =
    wheel:
    let
      file = baseNameOf wheel.url;
      parts = match "[^-]+-[^-]+(-([0-9][^-]*))?-([^-]+)-([^-]+)-(.+)\\.whl" file;
      build = elemAt parts 1;
    in
    {
      inherit wheel;
      build = if build == null then "" else build;
      python = lib.splitString "." (elemAt parts 2);
      abi = lib.splitString "." (elemAt parts 3);
      platform = lib.splitString "." (elemAt parts 4);
    };

  # The number in a tag of an interpreter that can run it ("cp312" is 312), else null.
  rank =
    python: tag:
    let
      parts = match "(py|cp)([0-9]*)" tag;
      digits = elemAt parts 1;
      major = python.sourceVersion.major;
      own = builtins.fromJSON "${major}${python.sourceVersion.minor}";
    in
    if parts == null then
      null
    else if digits == "" then
      0
    else if digits == major || (lib.hasPrefix major digits && own >= builtins.fromJSON digits) then
      builtins.fromJSON digits
    else
      null;

  fitsPlatform =
    { platform, libc }:
    tag:
    let
      modern =
        {
          manylinux1 = "manylinux_2_5";
          manylinux2010 = "manylinux_2_12";
          manylinux2014 = "manylinux_2_17";
        };
      legacy = match "(manylinux[0-9]+)_(.+)" tag;
      named = if legacy == null then tag else "${modern.${head legacy}}_${elemAt legacy 1}";
      parts = match "manylinux_([0-9]+)_([0-9]+)_(.+)" named;
    in
    tag == "any"
    || tag == "linux_${platform.parsed.cpu.name}"
    || (
      parts != null
      && elemAt parts 2 == platform.parsed.cpu.name
      && compareVersions libc.version "${elemAt parts 0}.${elemAt parts 1}" >= 0
    );

  # Wheels that fit, best first: a build number, then the newest interpreter; else in the order of the lock.
  choose =
    target: python: wheels:
    let
      abis = [ "none" "any" "abi3" "cp${python.sourceVersion.major}${python.sourceVersion.minor}" ];
      ranked = map (
        file: file // { ranks = sort (x: y: x > y) (filter (r: r != null) (map (rank python) file.python)); }
      ) (map parse wheels);
      fitting = filter (
        file: file.ranks != [ ] && any (tag: elem tag abis) file.abi && any (fitsPlatform target) file.platform
      ) ranked;
    in
    sort (x: y: x.build > y.build || head x.ranks > head y.ranks) fitting;
in
package:
{
  stdenv,
  python,
  fetchurl,
  autoPatchelfHook,
  pythonManylinuxPackages,
  pyprojectHook,
  pyprojectWheelHook,
}:
let
  target = {
    platform = stdenv.targetPlatform;
    inherit (stdenv.cc) libc;
  };
  found = choose target python (package.wheels or [ ]);
  isWheel = found != [ ];
  best = head found;
  legacy =
    tag:
    let
      parts = match "(manylinux1|manylinux2010|manylinux2014|manylinux_).*" tag;
    in
    if parts == null then
      [ ]
    else
      pythonManylinuxPackages.${if head parts == "manylinux_" then "manylinux2014" else head parts};
  common = {
    pname = package.name;
    version = package.version or "0.0.0";
    inherit (package) passthru;
  };
in
if package.source ? virtual then
  stdenv.mkDerivation (common // { dontBuild = true; })
else if !(package.source ? registry) then
  throw "${package.name}: sources that are no index have nothing that stands in for them"
else if isWheel then
  stdenv.mkDerivation (
    common
    // {
      src = fetchurl {
        name = unquote (baseNameOf best.wheel.url);
        inherit (best.wheel) url hash;
      };
      nativeBuildInputs = [
        pyprojectWheelHook
        autoPatchelfHook
      ];
      buildInputs = lib.unique (builtins.concatMap legacy best.platform);
      dontStrip = true;
    }
  )
else if package ? sdist then
  stdenv.mkDerivation (
    common
    // {
      src = fetchurl { inherit (package.sdist) url hash; };
      nativeBuildInputs = [ pyprojectHook ];
    }
  )
else
  throw "${package.name} ${package.version}: no wheel fits, and there is no sdist"
