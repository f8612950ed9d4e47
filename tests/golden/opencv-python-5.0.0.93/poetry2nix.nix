# Overlay for poetry2nix (`overrides`). Written by wheelfix.
{ pkgs, lib, ... }:
final: prev: lib.optionalAttrs (prev ? opencv-python) {
  # opencv-python 5.0.0.93, from
  # opencv_python-5.0.0.93-cp37-abi3-manylinux_2_28_x86_64.whl
  # Opened by name at run time, if at all; where one is wanted, add the
  # attribute's lib directory to appendRunpaths, or to LD_LIBRARY_PATH if Python
  # code opens it:
  # - pkgs.ocl-icd: libOpenCL.so.1 (cv2/cv2.abi3.so)
  opencv-python = prev.opencv-python.overridePythonAttrs (old: {
    buildInputs = (old.buildInputs or [ ]) ++ [
      # libxcb.so.1 for cv2/qt/plugins/platforms/libqxcb.so,
      # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19 and 15 more
      pkgs.libxcb
    ];
  });
}
