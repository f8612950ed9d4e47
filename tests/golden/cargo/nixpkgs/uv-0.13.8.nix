# uv 0.13.8, from uv-0.13.8.tar.gz
# Needs Rust 1.97.0 or later (rust-version of uv-audit-operations).
# Written by wheelfix.
{ lib, buildPythonPackage, fetchPypi, rustPlatform, pkg-config, zstd }:
buildPythonPackage rec {
  pname = "uv";
  version = "0.13.8";
  pyproject = true;
  src = fetchPypi {
    inherit pname version;
    hash = "sha256-VcC0Bedd6h0cU+/JqOByX0Axvg4hnsKgixXXjs6aYWo=";
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
    # zstd-sys 2.1.0+zstd.1.5.7 (of zstd-safe, of zstd, of uv-python-managed)
    # links zstd; without the variable it compiles its own copy
    zstd
  ];

  env = {
    # for zstd-sys
    ZSTD_SYS_USE_PKG_CONFIG = "1";
  };

  meta = {
    description =
      "Extremely fast Python package and project manager, written in Rust";
    homepage = "https://index.example/project/uv/";
    changelog = "https://github.com/astral-sh/uv/blob/main/CHANGELOG.md";
    # MIT OR Apache-2.0
    license = [ lib.licenses.mit lib.licenses.asl20 ];
  };
}
