# torch 2.6.0: nixpkgs' python312Packages.torchWithoutCuda in place of the
# wheel. Written by wheelfix from torch-2.6.0-cp312-cp312-manylinux1_x86_64.whl.
# nixpkgsPrebuilt leaves out what nixpkgs' build propagates: modules that it
# imports come from the dependencies that are left.
# hacks = pkgs.callPackage pyproject-nix.build.hacks { };
{ pkgs, lib, hacks }:
final: prev: lib.optionalAttrs (prev ? torch) {
  torch =
    let
      from = pkgs.python312Packages.torchWithoutCuda;
    in
    lib.warnIf
      (from.version != prev.torch.version)
      "torch: nixpkgs has ${from.version}, the lock has ${prev.torch.version}"
      (hacks.nixpkgsPrebuilt {
        inherit from;
        prev = prev.torch.overrideAttrs (old: {
          # Kept: triton (nothing shows it to be only linked). What they require
          # is known from the package index.
          passthru = old.passthru // {
            dependencies = builtins.removeAttrs old.passthru.dependencies [
              # carries libcublas.so.12 of CUDA, which nixpkgs has, where it is
              # wanted at all
              "nvidia-cublas-cu12"
              # carries libcupti.so.12 of CUDA, which nixpkgs has, where it is
              # wanted at all
              "nvidia-cuda-cupti-cu12"
              # carries libnvrtc.so.12 of CUDA, which nixpkgs has, where it is
              # wanted at all
              "nvidia-cuda-nvrtc-cu12"
              # carries libcudart.so.12 of CUDA, which nixpkgs has, where it is
              # wanted at all
              "nvidia-cuda-runtime-cu12"
              # carries libcudnn.so.9 of CUDA, which nixpkgs has, where it is
              # wanted at all
              "nvidia-cudnn-cu12"
              # carries libcufft.so.11 of CUDA, which nixpkgs has, where it is
              # wanted at all
              "nvidia-cufft-cu12"
              # carries libcurand.so.10 of CUDA, which nixpkgs has, where it is
              # wanted at all
              "nvidia-curand-cu12"
              # carries libcusolver.so.11 of CUDA, which nixpkgs has, where it
              # is wanted at all
              "nvidia-cusolver-cu12"
              # carries libcusparse.so.12 of CUDA, which nixpkgs has, where it
              # is wanted at all
              "nvidia-cusparse-cu12"
              # carries libcusparseLt.so.0 of CUDA, which nixpkgs has, where it
              # is wanted at all
              "nvidia-cusparselt-cu12"
              # carries libnccl.so.2 of CUDA, which nixpkgs has, where it is
              # wanted at all
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
