# nix-ld.nix, a module in imports of configuration.nix. Written by wheelfix.
# What is searched for with ctypes.util.find_library is not found by this, as
# that asks ldconfig and a compiler: `wheelfix patch` writes what finds it.
# For numba 0.68.1, from
# numba-0.68.1-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl.
# For pyodbc 5.5.0, from
# pyodbc-5.5.0-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl.
# Opened by name, if at all, and left out because nixpkgs refuses them without
# allowUnfree: pkgs.cudaPackages.cuda_cudart (libcudart.so),
# pkgs.cudaPackages.cuda_nvcc (libcudadevrt.so, libnvvm.so),
# pkgs.cudaPackages.cuda_nvrtc (libnvrtc.so). `--prefer ATTR` writes one.
{ pkgs, options, ... }:
{
  # After nixos-rebuild switch, log in again. nix-ld starts programs that were
  # not built by Nix, such as an interpreter that uv fetched, and hands these
  # libraries to them. An interpreter from nixpkgs does not pass through it:
  # `wheelfix patch` helps there.
  programs.nix-ld.enable = true;

  programs.nix-ld.libraries = options.programs.nix-ld.libraries.default ++ [
    # numba: libtbb.so.12 for
    # numba/np/ufunc/tbbpool.cpython-312-x86_64-linux-gnu.so; numba:
    # numba/np/ufunc/parallel.py: ctypes.CDLL(libtbb_name), line 361, with
    # "libtbb.so.12" of line 358
    pkgs.onetbb
    # numba: libgcc_s.so.1, libgomp.so.1.0.0, libstdc++.so.6 for
    # numba/_devicearray.cpython-312-x86_64-linux-gnu.so,
    # numba/_dispatcher.cpython-312-x86_64-linux-gnu.so and 5 more; pyodbc:
    # libgcc_s.so.1, libstdc++.so.6 for pyodbc.cpython-312-x86_64-linux-gnu.so
    pkgs.stdenv.cc.cc.lib
    # pyodbc: libodbc.so.2 for pyodbc.cpython-312-x86_64-linux-gnu.so
    pkgs.unixodbc
    # libcuda.so.1: from the GPU driver, in /run/opengl-driver/lib
    (pkgs.linkFarm "gpu-driver" [
      {
        name = "lib/libcuda.so.1";
        path = "/run/opengl-driver/lib/libcuda.so.1";
      }
    ])
  ];
}
