# nix-ld.nix, a module in imports of configuration.nix. Written by wheelfix.
# For opencv-python 5.0.0.93, from
# opencv_python-5.0.0.93-cp37-abi3-manylinux_2_28_x86_64.whl.
{ pkgs, options, ... }:
{
  # After nixos-rebuild switch, log in again. nix-ld starts programs that were
  # not built by Nix, such as an interpreter that uv fetched, and hands these
  # libraries to them. An interpreter from nixpkgs does not pass through it:
  # `wheelfix patch` helps there.
  programs.nix-ld.enable = true;

  programs.nix-ld.libraries = options.programs.nix-ld.libraries.default ++ [
    # opencv-python: libglib-2.0.so.0, libgthread-2.0.so.0 for
    # opencv_python.libs/libQt5Core-9088e21b.so.5.15.19,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
    pkgs.glib
    # opencv-python: libGL.so.1 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5Gui-afbd4980.so.5.15.19 and 2 more
    pkgs.libGL
    # opencv-python: libICE.so.6 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
    pkgs.libice
    # opencv-python: libSM.so.6 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
    pkgs.libsm
    # opencv-python: libX11.so.6 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
    pkgs.libx11
    # opencv-python: libxcb.so.1 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19 and 15 more
    pkgs.libxcb
    # opencv-python: libXext.so.6 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
    pkgs.libxext
    # opencv-python: libOpenCL.so.1, opened by cv2/cv2.abi3.so
    pkgs.ocl-icd
    # opencv-python: libgcc_s.so.1, libstdc++.so.6 for cv2/cv2.abi3.so,
    # cv2/qt/plugins/platforms/libqxcb.so and 8 more
    pkgs.stdenv.cc.cc.lib
    # opencv-python: libz.so.1 for cv2/cv2.abi3.so,
    # cv2/qt/plugins/platforms/libqxcb.so and 9 more
    pkgs.zlib
  ];
}
