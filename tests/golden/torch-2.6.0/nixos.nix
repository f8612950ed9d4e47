# nix-ld.nix, a module in imports of configuration.nix. Written by wheelfix.
# For torch 2.6.0, from torch-2.6.0-cp312-cp312-manylinux1_x86_64.whl.
# Opened by name, if at all, and left out because nixpkgs refuses them without
# allowUnfree: pkgs.mkl (libmkl_avx2.so.2, libmkl_avx512.so.2, libmkl_def.so.2,
# libmkl_mc3.so.2, libmkl_vml_avx2.so.2, libmkl_vml_avx512.so.2,
# libmkl_vml_cmpt.so.2, libmkl_vml_def.so.2, libmkl_vml_mc3.so.2). `--prefer
# ATTR` writes one.
{ pkgs, options, ... }:
{
  # After nixos-rebuild switch, log in again. nix-ld starts programs that were
  # not built by Nix, such as an interpreter that uv fetched, and hands these
  # libraries to them. An interpreter from nixpkgs does not pass through it:
  # `wheelfix patch` helps there.
  programs.nix-ld.enable = true;

  programs.nix-ld.libraries = options.programs.nix-ld.libraries.default ++ [
    # torch: libibverbs.so.1, opened by torch/lib/libtorch_cpu.so
    pkgs.rdma-core
    # torch: libgcc_s.so.1, libstdc++.so.6 for
    # functorch/_C.cpython-312-x86_64-linux-gnu.so, torch/bin/protoc and 11 more
    pkgs.stdenv.cc.cc.lib
    # libcuda.so.1, libnvidia-ml.so.1: from the GPU driver, in
    # /run/opengl-driver/lib
    (pkgs.linkFarm "gpu-driver" [
      {
        name = "lib/libcuda.so.1";
        path = "/run/opengl-driver/lib/libcuda.so.1";
      }
      {
        name = "lib/libnvidia-ml.so.1";
        path = "/run/opengl-driver/lib/libnvidia-ml.so.1";
      }
    ])
  ];
}
