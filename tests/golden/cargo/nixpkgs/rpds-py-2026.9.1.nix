# rpds-py 2026.9.1, from rpds_py-2026.9.1.tar.gz
# Written by wheelfix.
{ lib, buildPythonPackage, fetchPypi, rustPlatform }:
buildPythonPackage rec {
  pname = "rpds-py";
  version = "2026.9.1";
  pyproject = true;
  src = fetchPypi {
    pname = "rpds_py";
    inherit version;
    hash = "sha256-R5Pvf3gmixJLc/qTNEDwHSWLuuAd6fpT6QgMmrBCWhI=";
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
    description = "Python bindings to Rust's persistent data structures (rpds)";
    homepage = "https://github.com/crate-py/rpds";
    license = lib.licenses.mit;
  };
}
