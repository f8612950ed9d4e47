# polars-runtime-32 2.1.0, from polars_runtime_32-2.1.0.tar.gz
# Needs Rust 1.85 or later (edition 2024 of polars-arrow).
# Written by wheelfix.
{ lib, buildPythonPackage, fetchPypi, rustPlatform, pkg-config, zstd }:
buildPythonPackage rec {
  pname = "polars-runtime-32";
  version = "2.1.0";
  pyproject = true;
  src = fetchPypi {
    pname = "polars_runtime_32";
    inherit version;
    hash = "sha256-xXX18824pfm+ZUd7m0ICsGJZNof+YqAIKt2H+9RXEGc=";
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
    # zstd-sys 2.0.16+zstd.1.5.7 (of zstd-safe, of zstd, of polars-io) links
    # zstd; without the variable it compiles its own copy
    zstd
  ];

  env = {
    # for zstd-sys
    ZSTD_SYS_USE_PKG_CONFIG = "1";

    # its authors build with nightly-2026-09-01: a stable compiler then takes
    # unstable features
    RUSTC_BOOTSTRAP = "1";
  };

  meta = {
    description = "Blazingly fast DataFrame library";
    homepage = "https://www.pola.rs/";
    changelog = "https://github.com/pola-rs/polars/releases";
    license = lib.licenses.mit;
  };
}
