# Overlay for a package set of pyproject.nix, whose wheels have no hooks yet.
# Written by wheelfix.
{ pkgs, lib, ... }:
final: prev: lib.optionalAttrs (prev ? opencv-python) {
  # opencv-python 5.0.0.93, from
  # opencv_python-5.0.0.93-cp37-abi3-manylinux_2_28_x86_64.whl
  opencv-python = prev.opencv-python.overrideAttrs (old: {
    nativeBuildInputs = (old.nativeBuildInputs or [ ]) ++ [
      # nothing adds it for this kind of wheel
      pkgs.autoPatchelfHook
    ];

    buildInputs = (old.buildInputs or [ ]) ++ [
      # libglib-2.0.so.0, libgthread-2.0.so.0 for
      # opencv_python.libs/libQt5Core-9088e21b.so.5.15.19,
      # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
      pkgs.glib
      # libGL.so.1 for cv2/qt/plugins/platforms/libqxcb.so,
      # opencv_python.libs/libQt5Gui-afbd4980.so.5.15.19 and 2 more
      pkgs.libGL
      # libICE.so.6 for cv2/qt/plugins/platforms/libqxcb.so,
      # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
      pkgs.libice
      # libSM.so.6 for cv2/qt/plugins/platforms/libqxcb.so,
      # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
      pkgs.libsm
      # libX11.so.6 for cv2/qt/plugins/platforms/libqxcb.so,
      # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
      pkgs.libx11
      # libxcb.so.1 for cv2/qt/plugins/platforms/libqxcb.so,
      # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19 and 15 more
      pkgs.libxcb
      # libXext.so.6 for cv2/qt/plugins/platforms/libqxcb.so,
      # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
      pkgs.libxext
      # libgcc_s.so.1, libstdc++.so.6 for cv2/cv2.abi3.so,
      # cv2/qt/plugins/platforms/libqxcb.so and 8 more
      pkgs.stdenv.cc.cc.lib
      # libz.so.1 for cv2/cv2.abi3.so, cv2/qt/plugins/platforms/libqxcb.so and 9
      # more
      pkgs.zlib
    ];

    appendRunpaths = (old.appendRunpaths or [ ]) ++ [
      # libOpenCL.so.1, opened by cv2/cv2.abi3.so
      "${lib.getLib pkgs.ocl-icd}/lib"
    ];
  });
}
