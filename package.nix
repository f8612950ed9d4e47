{
  lib,
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
    python3Packages.rich
    python3Packages.tomli-w
    python3Packages.tree-sitter
    python3Packages.tree-sitter-grammars.tree-sitter-nix
    unearth
  ]
  ++ lib.optional (python3Packages.pythonOlder "3.14") python3Packages.backports-zstd;

  pythonImportsCheck = [ "wheelfix" ];

  meta = {
    description = "Make binary Python wheels work under Nix";
    license = lib.licenses.mit;
    mainProgram = "wheelfix";
    platforms = lib.platforms.linux;
  };
}
