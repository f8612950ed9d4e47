# pydantic-core 2.50.4, from pydantic_core-2.50.4.tar.gz
# Needs Rust 1.88 or later (rust-version of pydantic-core).
# Written by wheelfix.
{ lib, buildPythonPackage, fetchPypi, rustPlatform, typing-extensions }:
buildPythonPackage rec {
  pname = "pydantic-core";
  version = "2.50.4";
  pyproject = true;
  src = fetchPypi {
    pname = "pydantic_core";
    inherit version;
    hash = "sha256-rq07dLaDlr8P6rXVfgULcw3tffVYU8HgSKh+AKrwM8Y=";
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
  dependencies = [ typing-extensions ];
  meta = {
    description =
      "Core functionality for Pydantic validation and serialization";
    homepage = "https://github.com/pydantic/pydantic";
    license = lib.licenses.mit;
  };
}
