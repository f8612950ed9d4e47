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
          # Kept: triton (torch/_dynamo/device_interface.py:381 imports it).
          # What they require is known from wheelfix's own table.
          passthru = old.passthru // {
            dependencies = builtins.removeAttrs old.passthru.dependencies [
              # has Python bindings of CUDA, for a toolkit of its own
              "cuda-bindings"
              # is a meta distribution that stands for the CUDA wheels named by
              # its extras
              "cuda-toolkit"
              # torch/lib/libtorch_cuda.so links libcudnn.so.9 of it, and it has
              # no modules
              "nvidia-cudnn-cu13"
              # torch/lib/libtorch_cuda.so links libcusparseLt.so.0 of it, and
              # it has no modules
              "nvidia-cusparselt-cu13"
              # torch/lib/libtorch_cuda.so links libnccl.so.2 of it, and it has
              # no modules
              "nvidia-nccl-cu13"
              # torch/lib/libtorch_nvshmem.so links libnvshmem_host.so.3 of it,
              # and it has no modules
              "nvidia-nvshmem-cu13"
            ];
          };
        });
      });
}
