# Settings for mach-nix: mkPython ({ requirements = …; } // import ./this.nix {
# inherit pkgs; }). Written by wheelfix.
# For opencv-python 5.0.0.93, from
# opencv_python-5.0.0.93-cp37-abi3-manylinux_2_28_x86_64.whl.
# Opened by name at run time, if at all; where one is wanted, add the
# attribute's lib directory to appendRunpaths, or to LD_LIBRARY_PATH if Python
# code opens it:
# - pkgs.ocl-icd: libOpenCL.so.1 (cv2/cv2.abi3.so)
{ pkgs }:
{
  _.opencv-python.buildInputs.add = [
    # libxcb.so.1 for cv2/qt/plugins/platforms/libqxcb.so,
    # opencv_python.libs/libQt5XcbQpa-bb93e554.so.5.15.19 and 15 more
    pkgs.libxcb
  ];
}
