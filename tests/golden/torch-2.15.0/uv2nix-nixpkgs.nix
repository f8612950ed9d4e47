# Overlay for a package set of uv2nix. Written by wheelfix.
# Needs allowUnfree in the configuration of nixpkgs, for
# cudaPackages_13.cuda_cudart, cudaPackages_13.cuda_cupti,
# cudaPackages_13.cuda_nvrtc, cudaPackages_13.cudnn, cudaPackages_13.libcublas,
# cudaPackages_13.libcufft, cudaPackages_13.libcufile,
# cudaPackages_13.libcusolver, cudaPackages_13.libcusparse,
# cudaPackages_13.libcusparse_lt, cudaPackages_13.libnvshmem,
# cudaPackages_13.nccl.
{ pkgs, lib, ... }:
final: prev: lib.optionalAttrs (prev ? torch) {
  # torch 2.15.0, from torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl
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
  torch = prev.torch.overrideAttrs (old: {
    nativeBuildInputs = (old.nativeBuildInputs or [ ]) ++ [
      # libcuda.so.1: found in /run/opengl-driver/lib at run time
      pkgs.autoAddDriverRunpath
    ];

    buildInputs = (old.buildInputs or [ ]) ++ [
      # libcudart.so.13 for torch/lib/libc10_cuda.so, torch/lib/libtorch_cpu.so
      # and 5 more; in place of nvidia-cuda-runtime
      pkgs.cudaPackages_13.cuda_cudart
      # libcupti.so.13 for torch/lib/libtorch_cpu.so; in place of
      # nvidia-cuda-cupti
      pkgs.cudaPackages_13.cuda_cupti
      # libnvrtc.so.13 for torch/lib/libcaffe2_nvrtc.so,
      # torch/lib/libtorch_cuda.so; in place of nvidia-cuda-nvrtc
      pkgs.cudaPackages_13.cuda_nvrtc
      # libcudnn.so.9 for torch/lib/libtorch_cuda.so,
      # torch/lib/libtorch_python.so; in place of nvidia-cudnn-cu13
      pkgs.cudaPackages_13.cudnn
      # libcublas.so.13, libcublasLt.so.13 for torch/lib/libtorch_cuda.so,
      # torch/lib/libtorch_cuda_linalg.so; in place of nvidia-cublas
      pkgs.cudaPackages_13.libcublas
      # libcufft.so.12 for torch/lib/libtorch_cuda.so; in place of nvidia-cufft
      pkgs.cudaPackages_13.libcufft
      # libcufile.so.0 for torch/lib/libtorch_cuda.so,
      # torch/lib/libtorch_python.so; in place of nvidia-cufile
      pkgs.cudaPackages_13.libcufile
      # libcusolver.so.12 for torch/lib/libtorch_cuda_linalg.so; in place of
      # nvidia-cusolver
      pkgs.cudaPackages_13.libcusolver
      # libcusparse.so.12 for torch/lib/libtorch_cuda.so,
      # torch/lib/libtorch_cuda_linalg.so; in place of nvidia-cusparse
      pkgs.cudaPackages_13.libcusparse
      # libcusparseLt.so.0 for torch/lib/libtorch_cuda.so; in place of
      # nvidia-cusparselt-cu13
      pkgs.cudaPackages_13.libcusparse_lt
      # libnvshmem_host.so.3 for torch/lib/libtorch_nvshmem.so; in place of
      # nvidia-nvshmem-cu13
      pkgs.cudaPackages_13.libnvshmem
      # libnccl.so.2 for torch/lib/libtorch_cuda.so; in place of
      # nvidia-nccl-cu13
      pkgs.cudaPackages_13.nccl
    ];

    autoPatchelfIgnoreMissingDeps =
      (old.autoPatchelfIgnoreMissingDeps or [ ]) ++ [
        # comes with the GPU driver, in /run/opengl-driver/lib
        "libcuda.so.1"
      ];

    # Kept: cuda-bindings (nothing shows it to be only linked); triton
    # (torch/_dynamo/device_interface.py:381 imports it). What they require is
    # known from wheelfix's own table.
    passthru = old.passthru // {
      dependencies = builtins.removeAttrs old.passthru.dependencies [
        # is a meta distribution that stands for the CUDA wheels named by its
        # extras
        "cuda-toolkit"
        # torch/lib/libtorch_cuda.so links libcudnn.so.9 of it, and it has no
        # modules
        "nvidia-cudnn-cu13"
        # torch/lib/libtorch_cuda.so links libcusparseLt.so.0 of it, and it has
        # no modules
        "nvidia-cusparselt-cu13"
        # torch/lib/libtorch_cuda.so links libnccl.so.2 of it, and it has no
        # modules
        "nvidia-nccl-cu13"
        # torch/lib/libtorch_nvshmem.so links libnvshmem_host.so.3 of it, and it
        # has no modules
        "nvidia-nvshmem-cu13"
      ];
    };
  });
}
