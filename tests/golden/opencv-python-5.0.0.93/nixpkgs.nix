# opencv-python 5.0.0.93, from
# opencv_python-5.0.0.93-cp37-abi3-manylinux_2_28_x86_64.whl. Written by
# wheelfix.
{
  lib,
  buildPythonPackage,
  fetchPypi,
  autoPatchelfHook,
  python,
  glib,
  libGL,
  libice,
  libsm,
  libx11,
  libxcb,
  libxext,
  ocl-icd,
  stdenv,
  zlib,
  numpy,
}:
buildPythonPackage rec {
  pname = "opencv-python";
  version = "5.0.0.93";
  format = "wheel";
  # the wheel is for these interpreters alone; a t is free-threaded
  disabled = builtins.match "python[0-9.]+" python.libPrefix == null;

  src = fetchPypi {
    inherit version format;
    pname = "opencv_python";
    dist = "cp37";
    python = "cp37";
    abi = "abi3";
    platform = "manylinux_2_28_x86_64";
    hash = "sha256-yN4t7BERIqAui+so4WwxkEmS39YYZWCxQqkscUA8EDk=";
  };
  nativeBuildInputs = [ autoPatchelfHook ];
  buildInputs = [
    # libglib-2.0.so.0, libgthread-2.0.so.0 for
    # opencv_python.libs/libQt5Core-9088e21b.so.5.15.19,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
    glib
    # libGL.so.1 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5Gui-afbd4980.so.5.15.19 and 2 more
    libGL
    # libICE.so.6 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
    libice
    # libSM.so.6 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
    libsm
    # libX11.so.6 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
    libx11
    # libxcb.so.1 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19 and 15 more
    libxcb
    # libXext.so.6 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19
    libxext
    # libgcc_s.so.1, libstdc++.so.6 for cv2/cv2.abi3.so,
    # cv2/qt/plugins/platforms/libqxcb.so and 8 more
    stdenv.cc.cc.lib
    # libz.so.1 for cv2/cv2.abi3.so, cv2/qt/plugins/platforms/libqxcb.so and 9
    # more
    zlib
  ];

  appendRunpaths = [
    # libOpenCL.so.1, opened by cv2/cv2.abi3.so
    "${lib.getLib ocl-icd}/lib"
  ];

  # strip breaks libraries that patchelf has changed
  dontStrip = true;
  dependencies = [ numpy ];
  pythonImportsCheck = [ "cv2" ];
  meta = {
    description = "Wrapper package for OpenCV python bindings";
    homepage = "https://github.com/opencv/opencv-python";
    license = lib.licenses.asl20;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    platforms = [ "x86_64-linux" ];
  };
}
