# safetensors 0.8.0, from safetensors-0.8.0.tar.gz
# Needs Rust 1.80 or later (rust-version of safetensors).
# Written by wheelfix.
{ lib, buildPythonPackage, fetchPypi, rustPlatform }:
buildPythonPackage rec {
  pname = "safetensors";
  version = "0.8.0";
  pyproject = true;
  src = fetchPypi {
    inherit pname version;
    hash = "sha256-+rrz4PGKZhjZs2VgaCViFX93wrcfz/x7Qyviuu2ddT0=";
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
  ];

  meta = {
    homepage = "https://github.com/huggingface/safetensors";
    license = lib.licenses.asl20;
  };
}
