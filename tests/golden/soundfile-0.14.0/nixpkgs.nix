# soundfile 0.14.0, from
# soundfile-0.14.0-py2.py3-none-manylinux_2_28_x86_64.whl. Written by wheelfix.
{
  lib,
  buildPythonPackage,
  fetchPypi,
  autoPatchelfHook,
  cffi,
  numpy,
  typing-extensions,
}:
buildPythonPackage rec {
  pname = "soundfile";
  version = "0.14.0";
  format = "wheel";
  src = fetchPypi {
    inherit pname version format;
    dist = "py2.py3";
    python = "py2.py3";
    abi = "none";
    platform = "manylinux_2_28_x86_64";
    hash = "sha256-Hji6wYU0EocTGOgqG6aai+Z3YZtWAlu/zM20G2yv6C0=";
  };
  nativeBuildInputs = [ autoPatchelfHook ];
  # strip breaks libraries that patchelf has changed
  dontStrip = true;
  dependencies = [ cffi numpy typing-extensions ];
  pythonImportsCheck = [ "soundfile" ];
  meta = {
    description = "Audio library based on libsndfile, CFFI and NumPy";
    homepage = "https://github.com/bastibe/python-soundfile";
    license = lib.licenses.bsd3;
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    platforms = [ "x86_64-linux" ];
  };
}
