# Settings for mach-nix: mkPython ({ requirements = …; } // import ./this.nix {
# inherit pkgs; }). Written by wheelfix.
# For numba 0.68.1, from
# numba-0.68.1-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl.
# Opened by name, from the GPU driver: libcuda.so.1. Found where the program's
# run path or LD_LIBRARY_PATH has /run/opengl-driver/lib.
# Opened by name, brought by other wheels: libnvvm.so (nvidia-cuda-nvcc-cu12).
{ pkgs }:
{
  _.numba.buildInputs.add = [
    # libtbb.so.12 for numba/np/ufunc/tbbpool.cpython-312-x86_64-linux-gnu.so
    pkgs.onetbb
  ];
}
