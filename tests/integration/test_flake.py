"""flake.nix and package.nix, evaluated by real nix against a stub of nixpkgs."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import wheelfix

ROOT = Path(__file__).parents[2]
STUB = """
let
  lib = {
    genAttrs = names: f: builtins.listToAttrs (map (name: { inherit name; value = f name; }) names);
    versionAtLeast = a: b: builtins.compareVersions a b >= 0;
    optional = condition: value: if condition then [ value ] else [ ];
    fileset = { toSource = x: x.root; unions = x: x; };
    licenses.mit = "MIT";
    platforms.linux = [ "x86_64-linux" ];
  };
  names = [
    "hatchling" "ahocorasick-rs" "click" "httpx2" "installer" "isal" "msgspec" "packaging" "platformdirs"
    "pyelftools" "pyyaml" "rich" "tomli-w"
    "tree-sitter"
    "backports-zstd"
  ] ++ (if RATTLER then [ "py-rattler" ] else [ ]);
  python3Packages = lib.genAttrs names (name: name) // {
    pythonOlder = version: true;
    unearth = {
      outPath = "unearth";
      version = UNEARTH;
      overridePythonAttrs = attrs: "unearth ${attrs.version} on ${toString attrs.dependencies}";
    };
    tree-sitter-grammars = lib.genAttrs [ "tree-sitter-nix" ] (name: name);
    buildPythonApplication = args: args // { outPath = "/nix/store/0-${args.pname}-${args.version}"; };
    buildPythonPackage = args: "${args.pname} ${args.version} ${args.src.platform} ${args.src.hash}";
  };
  pkgs = system: {
    callPackage = path: args: import path {
      inherit lib python3Packages;
      inherit (pkgs system) stdenv;
      autoPatchelfHook = "autoPatchelfHook";
      fetchPypi = args: args;
    };
    mkShell = args: args;
    stdenv = { hostPlatform = { inherit system; }; cc.cc.lib = "stdenv.cc.cc.lib"; };
    uv = "uv"; gcc = "gcc"; patchelf = "patchelf"; binutils = "binutils";
  };
  nixpkgs = { inherit lib; legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] pkgs; };
  outputs = (import FLAKE).outputs { self = outputs; inherit nixpkgs; };
in
"""


def evaluate(expression: str, *, unearth: str = "0.19.0", rattler: bool = True) -> Any:
    words = {"FLAKE": str(ROOT / "flake.nix"), "UNEARTH": f'"{unearth}"', "RATTLER": json.dumps(rattler)}
    code = STUB
    for word, text in words.items():
        code = code.replace(word, text)
    code += expression
    command = ["nix-instantiate", "--eval", "--strict", "--json", "--store", "dummy://", "-E", code]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_run_starts_the_program() -> None:
    program = evaluate("outputs.apps.aarch64-linux.default.program")
    assert program == f"/nix/store/0-wheelfix-{wheelfix.__version__}/bin/wheelfix"


def test_package_has_the_dependencies_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    listed = (*project["dependencies"], *extras["conda"], *extras["lint"], *extras["verify"])
    wanted = sorted(re.split(r"[><=;\s]", d)[0].replace(".", "-") for d in listed)
    assert sorted(evaluate("outputs.packages.x86_64-linux.default.dependencies")) == wanted
    assert evaluate("outputs.packages.x86_64-linux.default.version") == project["version"]
    assert project["version"] == wheelfix.__version__


def test_an_older_finder_of_nixpkgs_is_replaced() -> None:
    found = evaluate("outputs.packages.x86_64-linux.default.dependencies", unearth="0.18.2")
    assert "unearth 0.19.0 on httpx2 packaging" in found


def test_rattler_is_a_wheel_where_nixpkgs_has_none() -> None:
    found = {
        system: [
            one
            for one in evaluate(f"outputs.packages.{system}.default.dependencies", rattler=False)
            if "rattler" in one
        ]
        for system in ("x86_64-linux", "aarch64-linux")
    }
    assert all(
        len(one) == 1 and re.fullmatch(r"py-rattler \S+ manylinux\S+ sha256-\S+", one[0])
        for one in found.values()
    )
    assert len({one[0] for one in found.values()}) == 2


def test_overlay_and_shell() -> None:
    overlay = '(outputs.overlays.default (pkgs "x86_64-linux") { }).wheelfix.pname'
    assert evaluate(overlay) == "wheelfix"
    assert "uv" in evaluate("outputs.devShells.x86_64-linux.default.packages")
