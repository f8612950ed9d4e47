"""A nixpkgs by path that builds what stands in for nixpkgs' libraries, in a store of our own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.support.proof.debian import prepare_facts
from tests.support.proof.proving import BUILDER, EXPRESSION

_CODE = """
{ system ? "x86_64-linux", config ? { }, overlays ? [ ] }:
let
  built = import %s { config = %s; };
  lib = built.pkgs.lib // {
    inherit (builtins) concatStringsSep filter;
    findFirst =
      test: default: values: let found = builtins.filter test values; in
      if found == [ ] then default else builtins.head found;
    splitString = separator: text: builtins.filter builtins.isString (builtins.split separator text);
    trivial = { release = "26.11"; revisionWithDefault = default: default; };
  };
in
built.pkgs // {
  inherit lib;
  python3 = built.interpreter // { version = built.interpreter.pythonVersion; };
  python3Packages = { };
}
"""


def write_nixpkgs(directory: Path) -> Path:
    """Write a nixpkgs of which ``nix-build`` builds libraries, into a directory."""
    patchelf = shutil.which("patchelf")
    assert patchelf, "patchelf is not installed"
    directory.mkdir(parents=True)
    config = {
        "facts": json.loads(prepare_facts().read_text()),
        "wheels": {},
        "workspace": str(directory),
        "overlay": str(directory / "overlay.nix"),
        "builder": str(BUILDER),
        "patchelf": str(Path(patchelf).resolve()),
    }
    (directory / "config.json").write_text(json.dumps(config))
    (directory / "default.nix").write_text(_CODE % (EXPRESSION, directory / "config.json"))
    return directory
