# pyodbc 5.5.0, from
# pyodbc-5.5.0-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl.
# Written by wheelfix.
# For Python 3.12: python312Packages.callPackage.
{
  lib,
  buildPythonPackage,
  fetchPypi,
  autoPatchelfHook,
  python,
  stdenv,
  unixodbc,
}:
buildPythonPackage rec {
  pname = "pyodbc";
  version = "5.5.0";
  format = "wheel";
  # the wheel is for these interpreters alone; a t is free-threaded
  disabled = python.libPrefix != "python3.12";

  src = fetchPypi {
    inherit pname version format;
    dist = "cp312";
    python = "cp312";
    abi = "cp312";
    platform = "manylinux_2_24_x86_64.manylinux_2_28_x86_64";
    hash = "sha256-TuZNuAo83Ph74iNNN5ODOzJPvRH75ziv2rpGykeMrBM=";
  };
  nativeBuildInputs = [ autoPatchelfHook ];
  buildInputs = [
    # libgcc_s.so.1, libstdc++.so.6 for pyodbc.cpython-312-x86_64-linux-gnu.so
    stdenv.cc.cc.lib
    # libodbc.so.2 for pyodbc.cpython-312-x86_64-linux-gnu.so
    unixodbc
  ];

  # strip breaks libraries that patchelf has changed
  dontStrip = true;
  pythonImportsCheck = [ "pyodbc" ];
  meta = {
    description = "DB API module for ODBC";
    homepage = "https://github.com/mkleehammer/pyodbc";
    license = lib.licenses.mit0;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    platforms = [ "x86_64-linux" ];
  };
}
