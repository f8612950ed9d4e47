# numba 0.68.1, from
# numba-0.68.1-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl.
# Written by wheelfix.
# For Python 3.12: python312Packages.callPackage.
# Opened by name, from the GPU driver: libcuda.so.1. Found where the program's
# run path or LD_LIBRARY_PATH has /run/opengl-driver/lib.
# Opened by name at run time, if at all; where one is wanted, add the
# attribute's lib directory to appendRunpaths, or to LD_LIBRARY_PATH if Python
# code opens it:
# - pkgs.cudaPackages.cuda_nvcc: libnvvm.so (numba/cuda/cudadrv/libs.py)
{
  lib,
  buildPythonPackage,
  fetchPypi,
  autoPatchelfHook,
  python,
  onetbb,
  stdenv,
  llvmlite,
  numpy,
}:
buildPythonPackage rec {
  pname = "numba";
  version = "0.68.1";
  format = "wheel";
  # the wheel is for these interpreters alone; a t is free-threaded
  disabled = python.libPrefix != "python3.12";

  src = fetchPypi {
    inherit pname version format;
    dist = "cp312";
    python = "cp312";
    abi = "cp312";
    platform = "manylinux_2_27_x86_64.manylinux_2_28_x86_64";
    hash = "sha256-izP+4jkZS5tsubF288JWO5TliC/YRnSK0M+WDa7uVAY=";
  };
  nativeBuildInputs = [ autoPatchelfHook ];
  buildInputs = [
    # libtbb.so.12 for numba/np/ufunc/tbbpool.cpython-312-x86_64-linux-gnu.so
    onetbb
    # libgcc_s.so.1, libgomp.so.1.0.0, libstdc++.so.6 for
    # numba/_devicearray.cpython-312-x86_64-linux-gnu.so,
    # numba/_dispatcher.cpython-312-x86_64-linux-gnu.so and 5 more
    stdenv.cc.cc.lib
  ];

  # strip breaks libraries that patchelf has changed
  dontStrip = true;
  dependencies = [ llvmlite numpy ];
  pythonImportsCheck = [ "numba" ];
  meta = {
    description = "Compiling Python code using LLVM";
    homepage = "https://numba.pydata.org";
    license = lib.licenses.bsd2;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    platforms = [ "x86_64-linux" ];
  };
}
