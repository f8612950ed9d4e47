# libraries.nix, a module in imports of devenv.nix. Written by wheelfix.
# For torch 2.9.1, from torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl.
# Opened by name, if at all, and left out because nixpkgs refuses them without
# allowUnfree: pkgs.cudaPackages.cuda_nvrtc (libnvrtc.so), pkgs.mkl
# (libmkl_avx2.so.2, libmkl_avx512.so.2, libmkl_def.so.2, libmkl_mc3.so.2,
# libmkl_vml_avx2.so.2, libmkl_vml_avx512.so.2, libmkl_vml_cmpt.so.2,
# libmkl_vml_def.so.2, libmkl_vml_mc3.so.2). `--prefer ATTR` writes one.
# Opened by name, where several would do, or for another GPU: pkgs.level-zero
# (libze_loader.so), pkgs.rocmPackages.amdsmi (libamd_smi.so). `--prefer ATTR`
# writes one.
{ pkgs, options, ... }:
{
  # devenv's own Python finds these libraries: the virtual environment has to be
  # made with it, as languages.python.venv.enable does. An interpreter that uv
  # fetched does not: `wheelfix patch` helps there.
  languages.python.enable = true;

  languages.python.libraries = options.languages.python.libraries.default ++ [
    # torch: libibverbs.so.1, opened by torch/lib/libtorch_cpu.so
    pkgs.rdma-core
    # torch: libgcc_s.so.1, libstdc++.so.6 for
    # functorch/_C.cpython-312-x86_64-linux-gnu.so, torch/bin/protoc and 12 more
    pkgs.stdenv.cc.cc.lib
    # libcuda.so.1, libnvidia-ml.so.1: from the GPU driver, in
    # /run/opengl-driver/lib
    "/run/opengl-driver"
  ];
}
