# torch 2.15.0, from torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl. Written
# by wheelfix.
# Needs allowUnfree in the configuration of nixpkgs, for
# cudaPackages_13.cuda_cudart, cudaPackages_13.cuda_cupti,
# cudaPackages_13.cuda_nvrtc, cudaPackages_13.cudnn, cudaPackages_13.libcublas,
# cudaPackages_13.libcufft, cudaPackages_13.libcufile,
# cudaPackages_13.libcusolver, cudaPackages_13.libcusparse,
# cudaPackages_13.libcusparse_lt, cudaPackages_13.libnvshmem,
# cudaPackages_13.nccl.
# For Python 3.12: python312Packages.callPackage.
# Warning: it wants nvidia-cudnn-cu13 9.26.0.51, and nixpkgs has
# cudaPackages_13.cudnn 9.22.0.52, which is older.
# Warning: it wants nvidia-nvshmem-cu13 3.7.2, and nixpkgs has
# cudaPackages_13.libnvshmem 3.6.5-0, which is older.
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
# - pkgs.rocmPackages.amdsmi: libamd_smi.so (torch/cuda/__init__.py)
# - pkgs.rocmPackages.clr: libamdhip64.so (torch/cuda/_utils.py)
{
  lib,
  buildPythonPackage,
  fetchPypi,
  autoPatchelfHook,
  autoAddDriverRunpath,
  python,
  cudaPackages_13,
  stdenv,
  zlib,
  cuda-bindings,
  filelock,
  fsspec,
  jinja2,
  networkx,
  setuptools,
  sympy,
  triton,
  typing-extensions,
}:
buildPythonPackage rec {
  pname = "torch";
  version = "2.15.0";
  format = "wheel";
  # the wheel is for these interpreters alone; a t is free-threaded
  disabled = python.libPrefix != "python3.12";

  src = fetchPypi {
    inherit pname version format;
    dist = "cp312";
    python = "cp312";
    abi = "cp312";
    platform = "manylinux_2_28_x86_64";
    hash = "sha256-bYyG9OM6nxKlgUm9mw1kNRYyuOtER5vo/4XlOJky3Xk=";
  };
  nativeBuildInputs = [ autoPatchelfHook autoAddDriverRunpath ];
  buildInputs = [
    # libcudart.so.13 for torch/lib/libc10_cuda.so, torch/lib/libtorch_cpu.so
    # and 5 more; in place of nvidia-cuda-runtime
    cudaPackages_13.cuda_cudart
    # libcupti.so.13 for torch/lib/libtorch_cpu.so; in place of
    # nvidia-cuda-cupti
    cudaPackages_13.cuda_cupti
    # libnvrtc.so.13 for torch/lib/libcaffe2_nvrtc.so,
    # torch/lib/libtorch_cuda.so; in place of nvidia-cuda-nvrtc
    cudaPackages_13.cuda_nvrtc
    # libcudnn.so.9 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_python.so; in place of nvidia-cudnn-cu13
    cudaPackages_13.cudnn
    # libcublas.so.13, libcublasLt.so.13 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_cuda_linalg.so; in place of nvidia-cublas
    cudaPackages_13.libcublas
    # libcufft.so.12 for torch/lib/libtorch_cuda.so; in place of nvidia-cufft
    cudaPackages_13.libcufft
    # libcufile.so.0 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_python.so; in place of nvidia-cufile
    cudaPackages_13.libcufile
    # libcusolver.so.12 for torch/lib/libtorch_cuda_linalg.so; in place of
    # nvidia-cusolver
    cudaPackages_13.libcusolver
    # libcusparse.so.12 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_cuda_linalg.so; in place of nvidia-cusparse
    cudaPackages_13.libcusparse
    # libcusparseLt.so.0 for torch/lib/libtorch_cuda.so; in place of
    # nvidia-cusparselt-cu13
    cudaPackages_13.libcusparse_lt
    # libnvshmem_host.so.3 for torch/lib/libtorch_nvshmem.so; in place of
    # nvidia-nvshmem-cu13
    cudaPackages_13.libnvshmem
    # libnccl.so.2 for torch/lib/libtorch_cuda.so; in place of nvidia-nccl-cu13
    cudaPackages_13.nccl
    # libgcc_s.so.1, libquadmath.so.0, libstdc++.so.6 for torch/bin/protoc,
    # torch/bin/protoc-3.21.12.0 and 12 more
    stdenv.cc.cc.lib
    # libz.so.1 for torch/lib/libgfortran.so.5
    zlib
  ];

  autoPatchelfIgnoreMissingDeps = [
    # comes with the GPU driver, in /run/opengl-driver/lib
    "libcuda.so.1"
  ];

  # strip breaks libraries that patchelf has changed
  dontStrip = true;

  # Kept: cuda-bindings (nothing shows it to be only linked); triton
  # (torch/_dynamo/device_interface.py:381 imports it). What they require is
  # known from wheelfix's own table.
  pythonRemoveDeps = [
    "cuda-toolkit"
    "nvidia-cudnn-cu13"
    "nvidia-cusparselt-cu13"
    "nvidia-nccl-cu13"
    "nvidia-nvshmem-cu13"
  ];

  dependencies = [
    cuda-bindings
    filelock
    fsspec
    jinja2
    networkx
    setuptools
    sympy
    triton
    typing-extensions
  ];
  pythonImportsCheck = [ "torch" ];
  meta = {
    description =
      "Tensors and Dynamic neural networks in Python with strong GPU acceleration";
    homepage = "https://pytorch.org";
    # Apache-2.0 AND Apache-2.0 WITH LLVM-exception AND BSD-2-Clause AND
    # BSD-3-Clause AND BSL-1.0 AND ISC AND MIT AND Zlib
    license = [
      lib.licenses.asl20
      lib.licenses.llvm-exception
      lib.licenses.bsd2
      lib.licenses.bsd3
      lib.licenses.boost
      lib.licenses.isc
      lib.licenses.mit
      lib.licenses.zlib
    ];
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    platforms = [ "x86_64-linux" ];
  };
}
