# Overlay for nixpkgs, in which python312Packages conforms to the lock: import
# <nixpkgs> { overlays = [ (import ./FILE) ]; }, or nixpkgs.overlays of NixOS.
# Written by wheelfix for uv.lock, Python 3.12 on x86_64-linux.
final: prev: {
  pythonPackagesExtensions = prev.pythonPackagesExtensions ++ [
    (
      pyfinal: pyprev:
      # the lock is for Python 3.12: the sets of other Pythons stay as they are
      pyprev.lib.optionalAttrs
        (pyprev.python.libPrefix == "python3.12")
        (
          let
            # What other packages of nixpkgs read of the one in whose place a
            # wheel is
            fromNixpkgs =
              name:
              let
                old = (builtins.tryEval (pyprev.${name} or null)).value;
              in
              {
                passthru = removeAttrs (old.passthru or { }) [
                  "build-system"
                  "dependencies"
                  "disabled"
                  "pyproject"
                  "pythonModule"
                  "pythonPath"
                  "requiredPythonModules"
                  "tests"
                  "updateScript"
                  "__stdenvPythonCompat"
                  "__stdenvPythonCompatPos"
                  "cargoDeps"
                  "name"
                  "pname"
                  "src"
                  "version"
                ];

                meta =
                  builtins.intersectAttrs
                    { mainProgram = null; }
                    (old.meta or { });
              };

            # The inputs that are no Python packages, which a lock does not name
            withoutPython =
              several:
              builtins.filter (one: (one.pythonModule or null) == null) several;
          in
          {
            # antlr4-python3-runtime 4.9.3, built from
            # antlr4-python3-runtime-4.9.3.tar.gz, by nixpkgs' recipe for 4.13.2
            antlr4-python3-runtime = pyprev.antlr4-python3-runtime.overridePythonAttrs
              (old: {
                version = "4.9.3";
                src = pyfinal.fetchPypi {
                  pname = "antlr4-python3-runtime";
                  version = "4.9.3";
                  hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
                };

                # nixpkgs may build a directory of a repository; an sdist has it
                # at the top
                sourceRoot = null;

                # nixpkgs' patches are for 4.13.2
                patches = [ ];
                build-system = (old.build-system or [ ]) ++ [ pyfinal.six ];
                dependencies = withoutPython (old.dependencies or [ ]) ++ [
                  pyfinal.fresh
                ];

                propagatedBuildInputs =
                  withoutPython (old.propagatedBuildInputs or [ ]);
                doCheck = false;
              });

            # fresh 1.0, from fresh-1.0-py3-none-any.whl
            fresh =
              pyfinal.callPackage
                (
                  { buildPythonPackage, fetchPypi, newest, numpy }:
                  buildPythonPackage rec {
                    pname = "fresh";
                    version = "1.0";
                    format = "wheel";
                    src = fetchPypi {
                      inherit pname version format;
                      dist = "py3";
                      python = "py3";
                      hash =
                        "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
                    };
                    dependencies = [ numpy newest ];
                    meta = {
                      # license: the metadata names none
                    };
                  }
                )
                { };

            # gone 2.0, from gone-2.0-py3-none-any.whl
            gone =
              pyfinal.callPackage
                (
                  { buildPythonPackage, fetchPypi, ... }:
                  buildPythonPackage rec {
                    pname = "gone";
                    version = "2.0";
                    format = "wheel";
                    src = fetchPypi {
                      inherit pname version format;
                      dist = "py3";
                      python = "py3";
                      hash =
                        "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
                    };
                    passthru = (fromNixpkgs "gone").passthru;
                    meta = (fromNixpkgs "gone").meta // {
                      # license: the metadata names none
                    };
                  }
                )
                { };

            # newest 0.1, built from newest-0.1.tar.gz
            newest = pyfinal.buildPythonPackage {
              pname = "newest";
              version = "0.1";
              pyproject = true;
              src = pyfinal.fetchPypi {
                pname = "newest";
                version = "0.1";
                hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
              };
              build-system = [ pyfinal.six ];
              pythonRemoveDeps = [ "fresh" ];
              meta = {
                description = "Thing";
                # license: the metadata names none
              };
            };

            # numpy 2.5.0, from numpy-2.5.0-py3-none-any.whl
            numpy =
              pyfinal.callPackage
                (
                  {
                    buildPythonPackage,
                    fetchPypi,
                    autoPatchelfHook,
                    onetbb,
                    ...
                  }:
                  buildPythonPackage rec {
                    pname = "numpy";
                    version = "2.5.0";
                    format = "wheel";
                    src = fetchPypi {
                      inherit pname version format;
                      dist = "py3";
                      python = "py3";
                      hash =
                        "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
                    };
                    nativeBuildInputs = [ autoPatchelfHook ];
                    buildInputs = [
                      # libtbb.so.12, wanted by x.so
                      onetbb
                    ];

                    # strip breaks libraries that patchelf has changed
                    dontStrip = true;
                    passthru = (fromNixpkgs "numpy").passthru;
                    meta = (fromNixpkgs "numpy").meta // {
                      # license: the metadata names none
                    };
                  }
                )
                { };
          }
        )
    )
  ];
}
