{ lib, python3Packages }:

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
    python3Packages.click
    python3Packages.httpx
    python3Packages.installer
    python3Packages.isal
    python3Packages.packaging
    python3Packages.platformdirs
    python3Packages.rich
    python3Packages.tomli-w
    python3Packages.tree-sitter
    python3Packages.tree-sitter-grammars.tree-sitter-nix
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
