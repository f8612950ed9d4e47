# Overlay for a package set of uv2nix. Written by wheelfix.
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? torch) {
  torch =
    let
      from = pkgs.python3Packages.torch;
    in
    lib.warnIf
      (from.version != prev.torch.version)
      "torch: nixpkgs has ${from.version}, the lock has ${prev.torch.version}"
      (hacks.nixpkgsPrebuilt {
        inherit from;
        prev = prev.torch.overrideAttrs (old: {
          # Kept: triton (torch/_dynamo/logging.py:40 imports it). What they
          # require is known from wheelfix's own table.
          passthru = old.passthru // {
            dependencies = builtins.removeAttrs old.passthru.dependencies [
              # torch/lib/libtorch_cuda.so links libcublas.so.12 of it, and it
              # has no modules
              "nvidia-cublas-cu12"
              # torch/lib/libtorch_cpu.so links libcupti.so.12 of it, and it has
              # no modules
              "nvidia-cuda-cupti-cu12"
              # torch/lib/libcaffe2_nvrtc.so links libnvrtc.so.12 of it, and it
              # has no modules
              "nvidia-cuda-nvrtc-cu12"
              # torch/lib/libc10_cuda.so links libcudart.so.12 of it, and it has
              # no modules
              "nvidia-cuda-runtime-cu12"
              # torch/lib/libtorch_cuda.so links libcudnn.so.9 of it, and it has
              # no modules
              "nvidia-cudnn-cu12"
              # torch/lib/libtorch_cuda.so links libcufft.so.11 of it, and it
              # has no modules
              "nvidia-cufft-cu12"
              # torch/lib/libtorch_cuda.so links libcurand.so.10 of it, and it
              # has no modules
              "nvidia-curand-cu12"
              # torch/lib/libtorch_cuda_linalg.so links libcusolver.so.11 of it,
              # and it has no modules
              "nvidia-cusolver-cu12"
              # torch/lib/libtorch_cuda.so links libcusparse.so.12 of it, and it
              # has no modules
              "nvidia-cusparse-cu12"
              # torch/lib/libtorch_cuda.so links libcusparseLt.so.0 of it, and
              # it has no modules
              "nvidia-cusparselt-cu12"
              # torch/lib/libtorch_cuda.so links libnccl.so.2 of it, and it has
              # no modules
              "nvidia-nccl-cu12"
              # carries libnvJitLink.so.12 of CUDA, which nixpkgs has, where it
              # is wanted at all
              "nvidia-nvjitlink-cu12"
              # carries libnvtx3interop.so.1 of CUDA, which nixpkgs has, where
              # it is wanted at all
              "nvidia-nvtx-cu12"
            ];
          };
        });
      });
}
