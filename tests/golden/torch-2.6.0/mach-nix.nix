# Settings for mach-nix: mkPython ({ requirements = …; } // import ./this.nix {
# inherit pkgs; }). Written by wheelfix.
# For torch 2.6.0, from torch-2.6.0-cp312-cp312-manylinux1_x86_64.whl.
# Opened by name, from the GPU driver: libnvidia-ml.so.1. Found where the
# program's run path or LD_LIBRARY_PATH has /run/opengl-driver/lib.
# Opened by name at run time, if at all; where one is wanted, add the
# attribute's lib directory to appendRunpaths, or to LD_LIBRARY_PATH if Python
# code opens it:
# - pkgs.mkl: libmkl_avx2.so.2, libmkl_avx512.so.2, libmkl_def.so.2,
# libmkl_mc3.so.2, libmkl_vml_avx2.so.2, libmkl_vml_avx512.so.2,
# libmkl_vml_cmpt.so.2, libmkl_vml_def.so.2, libmkl_vml_mc3.so.2
# (torch/lib/libtorch_cpu.so)
# - pkgs.rdma-core: libibverbs.so.1 (torch/lib/libtorch_cpu.so)
{ pkgs }:
{
  _.torch.nativeBuildInputs.add = [
    # libcuda.so.1: in /run/opengl-driver/lib
    pkgs.autoAddDriverRunpath
  ];

  _.torch.autoPatchelfIgnoreMissingDeps = [
    # comes with the GPU driver, in /run/opengl-driver/lib
    "libcuda.so.1"
  ];
}
