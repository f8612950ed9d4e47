# Overlay for poetry2nix (`overrides`). Written by wheelfix.
{ pkgs, lib, ... }:
final: prev: lib.optionalAttrs (prev ? numba) {
  # numba 0.68.1, from
  # numba-0.68.1-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl
  # Opened by name, from the GPU driver: libcuda.so.1. Found where the program's
  # run path or LD_LIBRARY_PATH has /run/opengl-driver/lib.
  # Opened by name at run time, if at all; where one is wanted, add the
  # attribute's lib directory to appendRunpaths, or to LD_LIBRARY_PATH if Python
  # code opens it:
  # - pkgs.cudaPackages.cuda_nvcc: libnvvm.so (numba/cuda/cudadrv/libs.py)
  numba = prev.numba.overridePythonAttrs (old: {
    buildInputs = (old.buildInputs or [ ]) ++ [
      # libtbb.so.12 for numba/np/ufunc/tbbpool.cpython-312-x86_64-linux-gnu.so
      pkgs.onetbb
    ];
  });
}
