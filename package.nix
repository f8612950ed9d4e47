{
  lib,
  stdenv,
  autoPatchelfHook,
  fetchPypi,
  python3Packages,
}:

let
  # The releases before 0.19 are built on another HTTP client.
  unearth =
    if lib.versionAtLeast python3Packages.unearth.version "0.19" then
      python3Packages.unearth
    else
      python3Packages.unearth.overridePythonAttrs {
        version = "0.19.0";
        src = fetchPypi {
          pname = "unearth";
          version = "0.19.0";
          hash = "sha256-2Fp7FkgzwdyFMqWQBDy9cVn2rSuR/D508qFv8l7QmMg=";
        };
        patches = [ ];
        dependencies = [
          python3Packages.httpx2
          python3Packages.packaging
        ];
        doCheck = false;
      };

  # nixpkgs has none, so it is upstream's wheel, where there is one; without it locks of pixi are not read and conda's
  # packages not solved for, as with pip without the extra `conda`.
  wheels = {
    x86_64-linux = {
      platform = "manylinux_2_17_x86_64.manylinux2014_x86_64";
      hash = "sha256-T0qx001TlOfOEwqG5ZAJyVrOT1dX2cOvBN4TUbzqR+s=";
    };
    aarch64-linux = {
      platform = "manylinux_2_28_aarch64";
      hash = "sha256-YbJCAjdBiOchMPGz3GO0Vb76r8PknlSBo4tqbIgoweA=";
    };
  };
  inherit (stdenv.hostPlatform) system;
  rattler =
    if python3Packages ? py-rattler then
      [ python3Packages.py-rattler ]
    else
      lib.optional (wheels ? ${system}) (
        python3Packages.buildPythonPackage rec {
          pname = "py-rattler";
          version = "0.28.0";
          format = "wheel";
          src = fetchPypi {
            pname = "py_rattler";
            inherit version format;
            dist = "cp310";
            python = "cp310";
            abi = "abi3";
            inherit (wheels.${system}) platform hash;
          };
          nativeBuildInputs = [ autoPatchelfHook ];
          buildInputs = [ stdenv.cc.cc.lib ];
          pythonImportsCheck = [ "rattler" ];
        }
      );
in
python3Packages.buildPythonApplication {
  pname = "wheelfix";
  version = "0.1.0";
  pyproject = true;

  src = lib.fileset.toSource {
    root = ./.;
    fileset = lib.fileset.unions [
      ./wheelfix
      ./pyproject.toml
      ./README.md
      ./LICENSE
    ];
  };

  build-system = [ python3Packages.hatchling ];

  dependencies = [
    python3Packages.ahocorasick-rs
    python3Packages.click
    python3Packages.httpx2
    python3Packages.installer
    python3Packages.isal
    python3Packages.msgspec
    python3Packages.packaging
    python3Packages.platformdirs
    python3Packages.pyelftools
    python3Packages.pyyaml
    python3Packages.rich
    python3Packages.tomli-w
    python3Packages.tree-sitter
    python3Packages.tree-sitter-grammars.tree-sitter-nix
    unearth
  ]
  ++ rattler
  ++ lib.optional (python3Packages.pythonOlder "3.14") python3Packages.backports-zstd;

  pythonImportsCheck = [ "wheelfix" ];

  meta = {
    description = "Make binary Python wheels work under Nix";
    license = lib.licenses.mit;
    mainProgram = "wheelfix";
    platforms = lib.platforms.linux;
  };
}
