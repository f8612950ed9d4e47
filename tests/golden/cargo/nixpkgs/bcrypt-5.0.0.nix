# bcrypt 5.0.0, from bcrypt-5.0.0.tar.gz
# Needs Rust 1.74.0 or later (rust-version of bcrypt-rust).
# Written by wheelfix.
{
  lib,
  buildPythonPackage,
  fetchPypi,
  rustPlatform,
  cargo,
  rustc,
  setuptools,
  setuptools-rust,
  wheel,
}:
buildPythonPackage rec {
  pname = "bcrypt";
  version = "5.0.0";
  pyproject = true;
  src = fetchPypi {
    inherit pname version;
    hash = "sha256-90j3wtb9N1zJPT+6fvSp46CSQhuNvzTY1NwGvpSS390=";
  };

  # [[tool.setuptools-rust.ext-modules]] is src/_bcrypt/Cargo.toml
  cargoRoot = "src/_bcrypt";

  cargoDeps = rustPlatform.fetchCargoVendor {
    inherit pname version src cargoRoot;
    # not known before the crates are: build once, and put the hash here that
    # Nix says it got
    hash = lib.fakeHash;
  };
  build-system = [ setuptools setuptools-rust wheel ];
  nativeBuildInputs = [ rustPlatform.cargoSetupHook cargo rustc ];
  meta = {
    description = "Modern password hashing for your software and your servers";
    homepage = "https://github.com/pyca/bcrypt/";
    license = lib.licenses.asl20;
  };
}
