# jiter 0.19.0, from jiter-0.19.0.tar.gz
# Needs Rust 1.88 or later (rust-version of jiter-python).
# Written by wheelfix.
{ lib, buildPythonPackage, fetchPypi, rustPlatform }:
buildPythonPackage rec {
  pname = "jiter";
  version = "0.19.0";
  pyproject = true;
  src = fetchPypi {
    inherit pname version;
    hash = "sha256-ujBk+L4nbXz7g8L7hchYvlM9osL4D5sEjDeBtFpXoZU=";
  };

  cargoDeps = rustPlatform.fetchCargoVendor {
    inherit pname version src;
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
    description = "Fast iterable JSON parser";
    homepage = "https://github.com/pydantic/jiter/";
    license = lib.licenses.mit;
  };
}
