# orjson 3.13.0, from orjson-3.13.0.tar.gz
# Needs Rust 1.95 or later (rust-version of orjson).
# The sdist brings its crates in include/cargo: its .cargo/config.toml makes
# cargo take those.
# Written by wheelfix.
{ lib, buildPythonPackage, fetchPypi, rustPlatform }:
buildPythonPackage rec {
  pname = "orjson";
  version = "3.13.0";
  pyproject = true;
  src = fetchPypi {
    inherit pname version;
    hash = "sha256-0d5esESFEQxdpMZX5JFomV1V4HaxzmDxoELiVPQYbE8=";
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
    description =
      "Fast, correct Python JSON library supporting dataclasses, datetimes, and numpy";
    homepage = "https://github.com/ijl/orjson";
    changelog = "https://github.com/ijl/orjson/blob/master/CHANGELOG.md";
    # MPL-2.0 AND (Apache-2.0 OR MIT)
    license = [ lib.licenses.mpl20 lib.licenses.asl20 lib.licenses.mit ];
  };
}
