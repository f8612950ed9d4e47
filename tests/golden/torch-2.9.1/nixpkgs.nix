# torch 2.9.1, from torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl. Written
# by wheelfix.
# Needs allowUnfree in the configuration of nixpkgs, for
# cudaPackages.cuda_cudart, cudaPackages.cuda_cupti, cudaPackages.cuda_nvrtc,
# cudaPackages.cudnn, cudaPackages.libcublas, cudaPackages.libcufft,
# cudaPackages.libcufile, cudaPackages.libcurand, cudaPackages.libcusolver,
# cudaPackages.libcusparse, cudaPackages.libcusparse_lt,
# cudaPackages.libnvshmem, cudaPackages.nccl.
# For Python 3.12: python312Packages.callPackage.
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
{
  lib,
  buildPythonPackage,
  fetchPypi,
  autoPatchelfHook,
  autoAddDriverRunpath,
  python,
  cudaPackages,
  stdenv,
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
  version = "2.9.1";
  format = "wheel";
  # the wheel is for these interpreters alone; a t is free-threaded
  disabled = python.libPrefix != "python3.12";

  src = fetchPypi {
    inherit pname version format;
    dist = "cp312";
    python = "cp312";
    abi = "cp312";
    platform = "manylinux_2_28_x86_64";
    hash = "sha256-JzMc2QL7QyIlJlfzkCrfHE9qytncrYHY3zrhTHxPB8Q=";
  };
  nativeBuildInputs = [ autoPatchelfHook autoAddDriverRunpath ];
  buildInputs = [
    # libcudart.so.12 for torch/lib/libc10_cuda.so, torch/lib/libtorch_cpu.so
    # and 4 more; in place of nvidia-cuda-runtime-cu12
    cudaPackages.cuda_cudart
    # libcupti.so.12 for torch/lib/libtorch_cpu.so; in place of
    # nvidia-cuda-cupti-cu12
    cudaPackages.cuda_cupti
    # libnvrtc.so.12 for torch/lib/libcaffe2_nvrtc.so; in place of
    # nvidia-cuda-nvrtc-cu12
    cudaPackages.cuda_nvrtc
    # libcudnn.so.9 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_python.so; in place of nvidia-cudnn-cu12
    cudaPackages.cudnn
    # libcublas.so.12, libcublasLt.so.12 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_cuda_linalg.so; in place of nvidia-cublas-cu12
    cudaPackages.libcublas
    # libcufft.so.11 for torch/lib/libtorch_cuda.so; in place of
    # nvidia-cufft-cu12
    cudaPackages.libcufft
    # libcufile.so.0 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_python.so; in place of nvidia-cufile-cu12
    cudaPackages.libcufile
    # libcurand.so.10 for torch/lib/libtorch_cuda.so; in place of
    # nvidia-curand-cu12
    cudaPackages.libcurand
    # libcusolver.so.11 for torch/lib/libtorch_cuda_linalg.so; in place of
    # nvidia-cusolver-cu12
    cudaPackages.libcusolver
    # libcusparse.so.12 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_cuda_linalg.so; in place of nvidia-cusparse-cu12
    cudaPackages.libcusparse
    # libcusparseLt.so.0 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_python.so; in place of nvidia-cusparselt-cu12
    cudaPackages.libcusparse_lt
    # libnvshmem_host.so.3 for torch/lib/libtorch_nvshmem.so; in place of
    # nvidia-nvshmem-cu12
    cudaPackages.libnvshmem
    # libnccl.so.2 for torch/lib/libtorch_cuda.so; in place of nvidia-nccl-cu12
    cudaPackages.nccl
    # libgcc_s.so.1, libstdc++.so.6 for
    # functorch/_C.cpython-312-x86_64-linux-gnu.so, torch/bin/protoc and 12 more
    stdenv.cc.cc.lib
  ];

  autoPatchelfIgnoreMissingDeps = [
    # comes with the GPU driver, in /run/opengl-driver/lib
    "libcuda.so.1"
  ];

  # strip breaks libraries that patchelf has changed
  dontStrip = true;

  # Kept: triton (torch/_dynamo/device_interface.py:282 imports it). What they
  # require is known from wheelfix's own table.
  pythonRemoveDeps = [
    "nvidia-cublas-cu12"
    "nvidia-cuda-cupti-cu12"
    "nvidia-cuda-nvrtc-cu12"
    "nvidia-cuda-runtime-cu12"
    "nvidia-cudnn-cu12"
    "nvidia-cufft-cu12"
    "nvidia-cufile-cu12"
    "nvidia-curand-cu12"
    "nvidia-cusolver-cu12"
    "nvidia-cusparse-cu12"
    "nvidia-cusparselt-cu12"
    "nvidia-nccl-cu12"
    "nvidia-nvjitlink-cu12"
    "nvidia-nvshmem-cu12"
    "nvidia-nvtx-cu12"
  ];

  dependencies = [
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
    license = lib.licenses.bsd3;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    platforms = [ "x86_64-linux" ];
  };
}
