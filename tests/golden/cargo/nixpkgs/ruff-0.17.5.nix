# ruff 0.17.5, from ruff-0.17.5.tar.gz
# Needs Rust 1.97 or later (rust-version of ruff).
# Written by wheelfix.
{ lib, buildPythonPackage, fetchPypi, rustPlatform, pkg-config, zstd }:
buildPythonPackage rec {
  pname = "ruff";
  version = "0.17.5";
  pyproject = true;
  src = fetchPypi {
    inherit pname version;
    hash = "sha256-Yl5X2AzUM1LRLqgWkPPqxGzdyMDzUCbRN/sPFX+UWS4=";
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
    pkg-config
  ];

  buildInputs = [
    # zstd-sys 2.1.2+zstd.1.5.7 (of zstd-safe, of zstd, of zip) links zstd;
    # without the variable it compiles its own copy
    zstd
  ];

  env = {
    # for zstd-sys
    ZSTD_SYS_USE_PKG_CONFIG = "1";
  };

  meta = {
    description =
      "Extremely fast Python linter and code formatter, written in Rust";
    homepage = "https://docs.astral.sh/ruff";
    changelog = "https://github.com/astral-sh/ruff/blob/main/CHANGELOG.md";
    license = lib.licenses.mit;
  };
}
