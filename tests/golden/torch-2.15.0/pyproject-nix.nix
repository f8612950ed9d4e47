# Overlay for a package set of pyproject.nix, whose wheels have no hooks yet.
# Written by wheelfix.
{ pkgs, lib, ... }:
final: prev: lib.optionalAttrs (prev ? torch) {
  # torch 2.15.0, from torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl
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
  torch = prev.torch.overrideAttrs (old: {
    nativeBuildInputs = (old.nativeBuildInputs or [ ]) ++ [
      # nothing adds it for this kind of wheel
      pkgs.autoPatchelfHook
      # libcuda.so.1: found in /run/opengl-driver/lib at run time
      pkgs.autoAddDriverRunpath
    ];

    buildInputs = (old.buildInputs or [ ]) ++ [
      # libgcc_s.so.1, libquadmath.so.0, libstdc++.so.6 for torch/bin/protoc,
      # torch/bin/protoc-3.21.12.0 and 12 more
      pkgs.stdenv.cc.cc.lib
      # libz.so.1 for torch/lib/libgfortran.so.5
      pkgs.zlib
    ];

    autoPatchelfIgnoreMissingDeps =
      (old.autoPatchelfIgnoreMissingDeps or [ ]) ++ [
        # comes with the GPU driver, in /run/opengl-driver/lib
        "libcuda.so.1"
      ];

    preFixup =
      (old.preFixup or "")
      + lib.optionalString (final ? nvidia-cublas) ''
        # libcublas.so.13, libcublasLt.so.13 for torch/lib/libtorch_cuda.so, torch/lib/libtorch_cuda_linalg.so
        addAutoPatchelfSearchPath ${final.nvidia-cublas}/${final.python.sitePackages}/nvidia/cu13/lib
      ''
      + lib.optionalString (final ? nvidia-cuda-cupti) ''
        # libcupti.so.13 for torch/lib/libtorch_cpu.so
        addAutoPatchelfSearchPath ${final.nvidia-cuda-cupti}/${final.python.sitePackages}/nvidia/cu13/lib
      ''
      + lib.optionalString (final ? nvidia-cuda-nvrtc) ''
        # libnvrtc.so.13 for torch/lib/libcaffe2_nvrtc.so, torch/lib/libtorch_cuda.so
        addAutoPatchelfSearchPath ${final.nvidia-cuda-nvrtc}/${final.python.sitePackages}/nvidia/cu13/lib
      ''
      + lib.optionalString (final ? nvidia-cuda-runtime) ''
        # libcudart.so.13 for torch/lib/libc10_cuda.so, torch/lib/libtorch_cpu.so and 5 more
        addAutoPatchelfSearchPath ${final.nvidia-cuda-runtime}/${final.python.sitePackages}/nvidia/cu13/lib
      ''
      + lib.optionalString (final ? nvidia-cudnn-cu13) ''
        # libcudnn.so.9 for torch/lib/libtorch_cuda.so, torch/lib/libtorch_python.so
        addAutoPatchelfSearchPath ${final.nvidia-cudnn-cu13}/${final.python.sitePackages}/nvidia/cudnn/lib
      ''
      + lib.optionalString (final ? nvidia-cufft) ''
        # libcufft.so.12 for torch/lib/libtorch_cuda.so
        addAutoPatchelfSearchPath ${final.nvidia-cufft}/${final.python.sitePackages}/nvidia/cu13/lib
      ''
      + lib.optionalString (final ? nvidia-cufile) ''
        # libcufile.so.0 for torch/lib/libtorch_cuda.so, torch/lib/libtorch_python.so
        addAutoPatchelfSearchPath ${final.nvidia-cufile}/${final.python.sitePackages}/nvidia/cu13/lib
      ''
      + lib.optionalString (final ? nvidia-cusolver) ''
        # libcusolver.so.12 for torch/lib/libtorch_cuda_linalg.so
        addAutoPatchelfSearchPath ${final.nvidia-cusolver}/${final.python.sitePackages}/nvidia/cu13/lib
      ''
      + lib.optionalString (final ? nvidia-cusparse) ''
        # libcusparse.so.12 for torch/lib/libtorch_cuda.so, torch/lib/libtorch_cuda_linalg.so
        addAutoPatchelfSearchPath ${final.nvidia-cusparse}/${final.python.sitePackages}/nvidia/cu13/lib
      ''
      + lib.optionalString (final ? nvidia-cusparselt-cu13) ''
        # libcusparseLt.so.0 for torch/lib/libtorch_cuda.so
        addAutoPatchelfSearchPath ${final.nvidia-cusparselt-cu13}/${final.python.sitePackages}/nvidia/cu13/lib
      ''
      + lib.optionalString (final ? nvidia-nccl-cu13) ''
        # libnccl.so.2 for torch/lib/libtorch_cuda.so
        addAutoPatchelfSearchPath ${final.nvidia-nccl-cu13}/${final.python.sitePackages}/nvidia/nccl/lib
      ''
      + lib.optionalString (final ? nvidia-nvshmem-cu13) ''
        # libnvshmem_host.so.3 for torch/lib/libtorch_nvshmem.so
        addAutoPatchelfSearchPath ${final.nvidia-nvshmem-cu13}/${final.python.sitePackages}/nvidia/nvshmem/lib
      '';
  });
}
