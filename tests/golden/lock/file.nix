# Overlay for a Python package set (packageOverrides). Written by wheelfix for
# uv.lock, Python 3.12 on x86_64-linux.
final: prev: {
  # antlr4-python3-runtime 4.9.3, built from antlr4-python3-runtime-4.9.3.tar.gz
  antlr4-python3-runtime = final.buildPythonPackage {
    pname = "antlr4-python3-runtime";
    version = "4.9.3";
    pyproject = true;
    src = final.fetchPypi {
      pname = "antlr4-python3-runtime";
      version = "4.9.3";
      hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    };
    build-system = [ final.six ];
    dependencies = [ final.fresh ];
    meta = {
      description = "Thing";
      # license: the metadata names none
    };
  };

  # fresh 1.0, from fresh-1.0-py3-none-any.whl
  fresh =
    final.callPackage
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
            hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
          };
          dependencies = [ numpy newest ];
          meta = {
            # license: the metadata names none
          };
        }
      )
      { };

  # gone 2.0, from gone-2.0-py3-none-any.whl
  # nixpkgs has python3Packages.gone 1.0.
  gone =
    final.callPackage
      (
        { buildPythonPackage, fetchPypi }:
        buildPythonPackage rec {
          pname = "gone";
          version = "2.0";
          format = "wheel";
          src = fetchPypi {
            inherit pname version format;
            dist = "py3";
            python = "py3";
            hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
          };

          meta = {
            # license: the metadata names none
          };
        }
      )
      { };

  # newest 0.1, built from newest-0.1.tar.gz
  newest = final.buildPythonPackage {
    pname = "newest";
    version = "0.1";
    pyproject = true;
    src = final.fetchPypi {
      pname = "newest";
      version = "0.1";
      hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    };
    build-system = [ final.six ];
    pythonRemoveDeps = [ "fresh" ];
    meta = {
      description = "Thing";
      # license: the metadata names none
    };
  };

  # numpy 2.5.0, from numpy-2.5.0-py3-none-any.whl
  # nixpkgs has python3Packages.numpy 2.4.0.
  numpy =
    final.callPackage
      (
        { buildPythonPackage, fetchPypi, autoPatchelfHook, onetbb }:
        buildPythonPackage rec {
          pname = "numpy";
          version = "2.5.0";
          format = "wheel";
          src = fetchPypi {
            inherit pname version format;
            dist = "py3";
            python = "py3";
            hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
          };
          nativeBuildInputs = [ autoPatchelfHook ];
          buildInputs = [
            # libtbb.so.12, wanted by x.so
            onetbb
          ];

          # strip breaks libraries that patchelf has changed
          dontStrip = true;

          meta = {
            # license: the metadata names none
          };
        }
      )
      { };
}
