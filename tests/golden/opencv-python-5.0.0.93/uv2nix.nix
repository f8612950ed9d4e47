# Overlay for a package set of uv2nix. Written by wheelfix.
{ pkgs, lib, ... }:
final: prev: lib.optionalAttrs (prev ? opencv-python) {
  # opencv-python 5.0.0.93, from
  # opencv_python-5.0.0.93-cp37-abi3-manylinux_2_28_x86_64.whl
  opencv-python = prev.opencv-python.overrideAttrs (old: {
    buildInputs = (old.buildInputs or [ ]) ++ [
      # libxcb.so.1 for cv2/qt/plugins/platforms/libqxcb.so,
      # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19 and 15 more
      pkgs.libxcb
    ];

    appendRunpaths = (old.appendRunpaths or [ ]) ++ [
      # libOpenCL.so.1, opened by cv2/cv2.abi3.so
      "${lib.getLib pkgs.ocl-icd}/lib"
    ];
  });
}
