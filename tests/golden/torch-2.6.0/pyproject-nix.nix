# Overlay for a package set of pyproject.nix, whose wheels have no hooks yet.
# Written by wheelfix.
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

    preFixup =
      (old.preFixup or "")
      + lib.optionalString (final ? nvidia-cublas-cu12) ''
        # libcublas.so.12, libcublasLt.so.12 for torch/lib/libtorch_cuda.so, torch/lib/libtorch_cuda_linalg.so
        addAutoPatchelfSearchPath ${final.nvidia-cublas-cu12}/${final.python.sitePackages}/nvidia/cublas/lib
      ''
      + lib.optionalString (final ? nvidia-cuda-cupti-cu12) ''
        # libcupti.so.12 for torch/lib/libtorch_cpu.so
        addAutoPatchelfSearchPath ${final.nvidia-cuda-cupti-cu12}/${final.python.sitePackages}/nvidia/cuda_cupti/lib
      ''
      + lib.optionalString (final ? nvidia-cuda-nvrtc-cu12) ''
        # libnvrtc.so.12 for torch/lib/libcaffe2_nvrtc.so
        addAutoPatchelfSearchPath ${final.nvidia-cuda-nvrtc-cu12}/${final.python.sitePackages}/nvidia/cuda_nvrtc/lib
      ''
      + lib.optionalString (final ? nvidia-cuda-runtime-cu12) ''
        # libcudart.so.12 for torch/lib/libc10_cuda.so, torch/lib/libtorch_cpu.so and 4 more
        addAutoPatchelfSearchPath ${final.nvidia-cuda-runtime-cu12}/${final.python.sitePackages}/nvidia/cuda_runtime/lib
      ''
      + lib.optionalString (final ? nvidia-cudnn-cu12) ''
        # libcudnn.so.9 for torch/lib/libtorch_cuda.so, torch/lib/libtorch_python.so
        addAutoPatchelfSearchPath ${final.nvidia-cudnn-cu12}/${final.python.sitePackages}/nvidia/cudnn/lib
      ''
      + lib.optionalString (final ? nvidia-cufft-cu12) ''
        # libcufft.so.11 for torch/lib/libtorch_cuda.so
        addAutoPatchelfSearchPath ${final.nvidia-cufft-cu12}/${final.python.sitePackages}/nvidia/cufft/lib
      ''
      + lib.optionalString (final ? nvidia-curand-cu12) ''
        # libcurand.so.10 for torch/lib/libtorch_cuda.so
        addAutoPatchelfSearchPath ${final.nvidia-curand-cu12}/${final.python.sitePackages}/nvidia/curand/lib
      ''
      + lib.optionalString (final ? nvidia-cusolver-cu12) ''
        # libcusolver.so.11 for torch/lib/libtorch_cuda_linalg.so
        addAutoPatchelfSearchPath ${final.nvidia-cusolver-cu12}/${final.python.sitePackages}/nvidia/cusolver/lib
      ''
      + lib.optionalString (final ? nvidia-cusparse-cu12) ''
        # libcusparse.so.12 for torch/lib/libtorch_cuda.so, torch/lib/libtorch_cuda_linalg.so
        addAutoPatchelfSearchPath ${final.nvidia-cusparse-cu12}/${final.python.sitePackages}/nvidia/cusparse/lib
      ''
      + lib.optionalString (final ? nvidia-cusparselt-cu12) ''
        # libcusparseLt.so.0 for torch/lib/libtorch_cuda.so
        addAutoPatchelfSearchPath ${final.nvidia-cusparselt-cu12}/${final.python.sitePackages}/cusparselt/lib
      ''
      + lib.optionalString (final ? nvidia-nccl-cu12) ''
        # libnccl.so.2 for torch/lib/libtorch_cuda.so
        addAutoPatchelfSearchPath ${final.nvidia-nccl-cu12}/${final.python.sitePackages}/nvidia/nccl/lib
      '';
  });
}
