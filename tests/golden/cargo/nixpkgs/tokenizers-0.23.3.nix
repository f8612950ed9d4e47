# tokenizers 0.23.3, from tokenizers-0.23.3.tar.gz
# Written by wheelfix.
{
  lib,
  buildPythonPackage,
  fetchPypi,
  rustPlatform,
  huggingface-hub,
  oniguruma,
  pkg-config,
}:
buildPythonPackage rec {
  pname = "tokenizers";
  version = "0.23.3";
  pyproject = true;
  src = fetchPypi {
    inherit pname version;
    hash = "sha256-ze0zI3x3yu72KUTTKqmn70K9zis0l+GNE34HKoxL5Dg=";
  };

  # [tool.maturin] manifest-path is bindings/python/Cargo.toml
  cargoRoot = "bindings/python";

  cargoDeps = rustPlatform.fetchCargoVendor {
    inherit pname version src cargoRoot;
    # not known before the crates are: build once, and put the hash here that
    # Nix says it got
    hash = lib.fakeHash;
  };
  build-system = [ ];
  nativeBuildInputs = [
    rustPlatform.cargoSetupHook
    rustPlatform.maturinBuildHook
    pkg-config
  ];

  buildInputs = [
    # onig_sys 69.9.3 (of onig, of tokenizers, of tokenizers-python) links
    # Oniguruma; without the variable it compiles its own copy
    oniguruma
  ];

  env = {
    # for onig_sys
    RUSTONIG_SYSTEM_LIBONIG = "1";
  };
  dependencies = [ huggingface-hub ];
  meta = {
    homepage = "https://github.com/huggingface/tokenizers";
    license = lib.licenses.asl20;
  };
}
