# Overlay for a package set of pyproject.nix, whose wheels have no hooks yet.
# Written by wheelfix.
# Needs allowUnfree in the configuration of nixpkgs, for
# cudaPackages.cuda_cudart, cudaPackages.cuda_cupti, cudaPackages.cuda_nvrtc,
# cudaPackages.cudnn, cudaPackages.libcublas, cudaPackages.libcufft,
# cudaPackages.libcurand, cudaPackages.libcusolver, cudaPackages.libcusparse,
# cudaPackages.libcusparse_lt, cudaPackages.nccl.
{ pkgs, lib, ... }:
final: prev: lib.optionalAttrs (prev ? torch) {
  # torch 2.6.0, from torch-2.6.0-cp312-cp312-manylinux1_x86_64.whl
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
  torch = prev.torch.overrideAttrs (old: {
    nativeBuildInputs = (old.nativeBuildInputs or [ ]) ++ [
      # nothing adds it for this kind of wheel
      pkgs.autoPatchelfHook
      # libcuda.so.1: found in /run/opengl-driver/lib at run time
      pkgs.autoAddDriverRunpath
    ];

    buildInputs = (old.buildInputs or [ ]) ++ [
      # libcudart.so.12 for torch/lib/libc10_cuda.so, torch/lib/libtorch_cpu.so
      # and 4 more; in place of nvidia-cuda-runtime-cu12
      pkgs.cudaPackages.cuda_cudart
      # libcupti.so.12 for torch/lib/libtorch_cpu.so; in place of
      # nvidia-cuda-cupti-cu12
      pkgs.cudaPackages.cuda_cupti
      # libnvrtc.so.12 for torch/lib/libcaffe2_nvrtc.so; in place of
      # nvidia-cuda-nvrtc-cu12
      pkgs.cudaPackages.cuda_nvrtc
      # libcudnn.so.9 for torch/lib/libtorch_cuda.so,
      # torch/lib/libtorch_python.so; in place of nvidia-cudnn-cu12
      pkgs.cudaPackages.cudnn
      # libcublas.so.12, libcublasLt.so.12 for torch/lib/libtorch_cuda.so,
      # torch/lib/libtorch_cuda_linalg.so; in place of nvidia-cublas-cu12
      pkgs.cudaPackages.libcublas
      # libcufft.so.11 for torch/lib/libtorch_cuda.so; in place of
      # nvidia-cufft-cu12
      pkgs.cudaPackages.libcufft
      # libcurand.so.10 for torch/lib/libtorch_cuda.so; in place of
      # nvidia-curand-cu12
      pkgs.cudaPackages.libcurand
      # libcusolver.so.11 for torch/lib/libtorch_cuda_linalg.so; in place of
      # nvidia-cusolver-cu12
      pkgs.cudaPackages.libcusolver
      # libcusparse.so.12 for torch/lib/libtorch_cuda.so,
      # torch/lib/libtorch_cuda_linalg.so; in place of nvidia-cusparse-cu12
      pkgs.cudaPackages.libcusparse
      # libcusparseLt.so.0 for torch/lib/libtorch_cuda.so; in place of
      # nvidia-cusparselt-cu12
      pkgs.cudaPackages.libcusparse_lt
      # libnccl.so.2 for torch/lib/libtorch_cuda.so; in place of
      # nvidia-nccl-cu12
      pkgs.cudaPackages.nccl
      # libgcc_s.so.1, libstdc++.so.6 for
      # functorch/_C.cpython-312-x86_64-linux-gnu.so, torch/bin/protoc and 11
      # more
      pkgs.stdenv.cc.cc.lib
    ];

    autoPatchelfIgnoreMissingDeps =
      (old.autoPatchelfIgnoreMissingDeps or [ ]) ++ [
        # comes with the GPU driver, in /run/opengl-driver/lib
        "libcuda.so.1"
      ];

    # Kept: triton (torch/_dynamo/logging.py:40 imports it). What they require
    # is known from wheelfix's own table.
    passthru = old.passthru // {
      dependencies = builtins.removeAttrs old.passthru.dependencies [
        # torch/lib/libtorch_cuda.so links libcublas.so.12 of it, and it has no
        # modules
        "nvidia-cublas-cu12"
        # torch/lib/libtorch_cpu.so links libcupti.so.12 of it, and it has no
        # modules
        "nvidia-cuda-cupti-cu12"
        # torch/lib/libcaffe2_nvrtc.so links libnvrtc.so.12 of it, and it has no
        # modules
        "nvidia-cuda-nvrtc-cu12"
        # torch/lib/libc10_cuda.so links libcudart.so.12 of it, and it has no
        # modules
        "nvidia-cuda-runtime-cu12"
        # torch/lib/libtorch_cuda.so links libcudnn.so.9 of it, and it has no
        # modules
        "nvidia-cudnn-cu12"
        # torch/lib/libtorch_cuda.so links libcufft.so.11 of it, and it has no
        # modules
        "nvidia-cufft-cu12"
        # torch/lib/libtorch_cuda.so links libcurand.so.10 of it, and it has no
        # modules
        "nvidia-curand-cu12"
        # torch/lib/libtorch_cuda_linalg.so links libcusolver.so.11 of it, and
        # it has no modules
        "nvidia-cusolver-cu12"
        # torch/lib/libtorch_cuda.so links libcusparse.so.12 of it, and it has
        # no modules
        "nvidia-cusparse-cu12"
        # torch/lib/libtorch_cuda.so links libcusparseLt.so.0 of it, and it has
        # no modules
        "nvidia-cusparselt-cu12"
        # torch/lib/libtorch_cuda.so links libnccl.so.2 of it, and it has no
        # modules
        "nvidia-nccl-cu12"
        # carries libnvJitLink.so.12 of CUDA, which nixpkgs has, where it is
        # wanted at all
        "nvidia-nvjitlink-cu12"
        # carries libnvtx3interop.so.1 of CUDA, which nixpkgs has, where it is
        # wanted at all
        "nvidia-nvtx-cu12"
      ];
    };
  });
}
