# tiktoken 0.14.0, from tiktoken-0.14.0.tar.gz
# Needs Rust 1.85 or later (edition 2024 of tiktoken).
# error: has no Cargo.lock: name one with --lock, which cargo makes if there is
# none
# Written by wheelfix.
{
  lib,
  buildPythonPackage,
  fetchPypi,
  rustPlatform,
  cargo,
  regex,
  requests,
  rustc,
  setuptools,
  setuptools-rust,
  wheel,
}:
buildPythonPackage rec {
  pname = "tiktoken";
  version = "0.14.0";
  pyproject = true;
  src = fetchPypi {
    inherit pname version;
    hash = "sha256-Ix3skO/NzPG1ZaFBYQdzbx4JsaCP5zbvnWNj5ibQOHQ=";
  };
  cargoDeps = rustPlatform.importCargoLock { lockFile = ./Cargo.lock; };
  postPatch = ''
    cp ${./Cargo.lock} Cargo.lock
  '';
  build-system = [ setuptools setuptools-rust wheel ];
  nativeBuildInputs = [ rustPlatform.cargoSetupHook cargo rustc ];
  dependencies = [ regex requests ];
  meta = {
    description =
      "Tiktoken is a fast BPE tokeniser for use with OpenAI's models";
    homepage = "https://github.com/openai/tiktoken";
    changelog = "https://github.com/openai/tiktoken/blob/main/CHANGELOG.md";
    license = lib.licenses.mit;
  };
}
