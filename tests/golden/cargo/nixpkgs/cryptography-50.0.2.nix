# cryptography 50.0.2, from cryptography-50.0.2.tar.gz
# Needs Rust 1.83.0 or later (rust-version of cryptography-rust).
# Written by wheelfix.
{
  lib,
  buildPythonPackage,
  fetchPypi,
  rustPlatform,
  cffi,
  openssl,
  pkg-config,
  setuptools,
}:
buildPythonPackage rec {
  pname = "cryptography";
  version = "50.0.2";
  pyproject = true;
  src = fetchPypi {
    inherit pname version;
    hash = "sha256-e0YWW7VutHBOLqr4bzyUDRkVRTXZsMp9bVkLBAYOANU=";
  };

  cargoDeps = rustPlatform.fetchCargoVendor {
    inherit pname version src;
    # not known before the crates are: build once, and put the hash here that
    # Nix says it got
    hash = lib.fakeHash;
  };
  build-system = [ cffi setuptools ];
  nativeBuildInputs = [
    rustPlatform.cargoSetupHook
    rustPlatform.maturinBuildHook
    pkg-config
  ];

  buildInputs = [
    # openssl-sys 0.9.117 (of cryptography-rust) links OpenSSL
    openssl
  ];
  dependencies = [ cffi ];
  meta = {
    description =
      "Cryptography is a package which provides cryptographic recipes and primitives to Python developers";
    homepage = "https://github.com/pyca/cryptography";
    changelog = "https://cryptography.io/en/latest/changelog/";
    # Apache-2.0 OR BSD-3-Clause
    license = [ lib.licenses.asl20 lib.licenses.bsd3 ];
  };
}
