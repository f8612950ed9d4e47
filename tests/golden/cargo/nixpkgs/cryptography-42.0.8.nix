# cryptography 42.0.8, from cryptography-42.0.8.tar.gz
# Needs Rust 1.63.0 or later ([[tool.setuptools-rust.ext-modules]]).
# Written by wheelfix.
{
  lib,
  buildPythonPackage,
  fetchPypi,
  rustPlatform,
  cargo,
  cffi,
  openssl,
  pkg-config,
  rustc,
  setuptools,
  setuptools-rust,
  wheel,
}:
buildPythonPackage rec {
  pname = "cryptography";
  version = "42.0.8";
  pyproject = true;
  src = fetchPypi {
    inherit pname version;
    hash = "sha256-jQnQVDnOe6qOnpWwfsW2yIb1SN634Pae8l9ks7zoQvI=";
  };

  # [[tool.setuptools-rust.ext-modules]] is src/rust/Cargo.toml
  cargoRoot = "src/rust";

  cargoDeps = rustPlatform.fetchCargoVendor {
    inherit pname version src cargoRoot;
    # not known before the crates are: build once, and put the hash here that
    # Nix says it got
    hash = lib.fakeHash;
  };
  build-system = [ cffi setuptools setuptools-rust wheel ];
  nativeBuildInputs = [ rustPlatform.cargoSetupHook cargo rustc pkg-config ];
  buildInputs = [
    # openssl-sys 0.9.102 (of cryptography-rust) links OpenSSL
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
