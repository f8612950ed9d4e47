# torch 2.15.0: nixpkgs' python312Packages.torchWithoutCuda in place of the
# wheel. Written by wheelfix from
# torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl.
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
          # With them go cuda-pathfinder, nvidia-cublas, nvidia-cuda-cccl,
          # nvidia-cuda-cupti, nvidia-cuda-nvrtc, nvidia-cuda-runtime,
          # nvidia-cufft, nvidia-cufile, nvidia-cusolver, nvidia-cusparse,
          # nvidia-nvjitlink, nvidia-nvtx, which nothing else requires. Kept:
          # triton (nothing shows it to be only linked). What they require is
          # known from the package index.
          passthru = old.passthru // {
            dependencies = builtins.removeAttrs old.passthru.dependencies [
              # has Python bindings of CUDA, for a toolkit of its own
              "cuda-bindings"
              # brings nothing but nvidia-cublas, nvidia-cuda-cupti,
              # nvidia-cuda-nvrtc and 7 more, all redundant
              "cuda-toolkit"
              # carries libcudnn.so.9 of CUDA, which nixpkgs has, where it is
              # wanted at all
              "nvidia-cudnn-cu13"
              # carries libcusparseLt.so.0 of CUDA, which nixpkgs has, where it
              # is wanted at all
              "nvidia-cusparselt-cu13"
              # carries libnccl.so.2 of CUDA, which nixpkgs has, where it is
              # wanted at all
              "nvidia-nccl-cu13"
              # carries libnvshmem_host.so.3 of CUDA, which nixpkgs has, where
              # it is wanted at all
              "nvidia-nvshmem-cu13"
            ];
          };
        });
      });
}
