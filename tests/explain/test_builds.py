"""What builds lack, in one piece of code: evaluated by the real Nix, in every dialect."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from tests.support.nixeval import evaluate, parse
from wheelfix.explain.builds import merge_needs, write_builds
from wheelfix.explain.model import BuildNeeds, Explanation, Package, SymptomKind, Trouble
from wheelfix.model.index import IndexInfo, Permission
from wheelfix.model.override import Dialect, Input

INDEX = IndexInfo(source="bundled", system="x86_64-linux", date=None, digest="", sonames=0, entries=0)
CAIRO = Input(attr="cairo", reason="cairo.h")
TOOL = Input(attr="pkg-config", reason="finds cairo")
PKGS = (
    '{ cairo = "C"; pkg-config = "P"; python3Packages = { setuptools = "S"; }; lib = { getDev = x: x;'
    ' optionalAttrs = c: s: if c then s else { }; }; mkShell = x: x; python3 = "PY"; }'
)


def explain(
    *needs: BuildNeeds, package: Package | None, kind: SymptomKind = SymptomKind.HEADER
) -> Explanation:
    return Explanation(
        package=package,
        interpreter=None,
        missing=(),
        troubles=tuple(Trouble(kind=kind, what="", build=one) for one in needs),
        build_inputs=(),
        ignore_missing=(),
        siblings=(),
        index=INDEX,
    )


def write(dialect: Dialect, *needs: BuildNeeds, package: Package | None = None) -> dict[str, str]:
    return dict(write_builds(explain(*needs, package=package), dialect))


DERIVED = Package(name="demo", version="1.0")
NEEDS = (BuildNeeds(native=(TOOL,), inputs=(CAIRO,)), BuildNeeds(systems=("setuptools",)))


def change(dialect: Dialect) -> str:
    return "overridePythonAttrs" if dialect is Dialect.POETRY2NIX else "overrideAttrs"


@pytest.mark.parametrize("dialect", [Dialect.UV2NIX, Dialect.PYPROJECT_NIX, Dialect.POETRY2NIX])
def test_an_overlay_adds_to_what_a_package_has(dialect: Dialect) -> None:
    ((_, code),) = write(dialect, *NEEDS, package=DERIVED).items()
    final = '{ setuptools = "S"; resolveBuildSystem = spec: builtins.attrNames spec; }'
    prev = f'{{ demo.{change(dialect)} = f: f {{ buildInputs = [ "old" ]; }}; }}'
    made = evaluate(f"(({code}) {{ pkgs = {PKGS}; lib = ({PKGS}).lib; }} {final} {prev}).demo")
    assert made["buildInputs"] == ["old", "C"]
    assert made["nativeBuildInputs"] == ["P", "S" if dialect is Dialect.POETRY2NIX else "setuptools"]


@pytest.mark.parametrize("dialect", [Dialect.UV2NIX, Dialect.POETRY2NIX])
def test_an_overlay_leaves_a_set_without_the_package_alone(dialect: Dialect) -> None:
    ((_, code),) = write(dialect, *NEEDS, package=DERIVED).items()
    assert evaluate(f"(({code}) {{ pkgs = {PKGS}; lib = ({PKGS}).lib; }} {{ }} {{ }})") == {}


def test_a_package_of_nixpkgs_gets_a_function() -> None:
    ((place, code),) = write(Dialect.NIXPKGS, *NEEDS, package=DERIVED).items()
    assert place.startswith("this.nix")
    made = evaluate(f"({code}) {{ pkgs = {PKGS}; }} {{ build-system = [ 1 ]; }}")
    assert made == {"build-system": [1, "S"], "nativeBuildInputs": ["P"], "buildInputs": ["C"]}


@pytest.mark.parametrize("dialect", [Dialect.SHELL, Dialect.NIXOS, Dialect.DEVENV])
def test_no_shell_is_written_for_a_build_of_nix(dialect: Dialect) -> None:
    (code,) = write(dialect, *NEEDS, package=DERIVED).values()
    assert "python3Packages.demo.overridePythonAttrs" in code


def test_a_shell_is_written_for_what_pip_and_uv_build() -> None:
    pieces = write(Dialect.SHELL, *NEEDS, package=Package(name="demo", installer=True))
    made = evaluate(f"({pieces['shell.nix']}) {{ pkgs = {PKGS}; }}")
    assert made == {"nativeBuildInputs": ["P"], "buildInputs": ["C"]}
    table = tomllib.loads(pieces["pyproject.toml, for uv"])
    assert table["tool"]["uv"]["extra-build-dependencies"] == {"demo": ["setuptools"]}


def test_devenv_has_one_list() -> None:
    pieces = write(Dialect.DEVENV, *NEEDS, package=Package(name="demo", installer=True))
    assert evaluate(f"({pieces['devenv.nix']}) {{ pkgs = {PKGS}; }}") == {"packages": ["C", "P"]}


def test_mach_nix_has_settings() -> None:
    ((_, code),) = write(Dialect.MACH_NIX, *NEEDS, package=DERIVED).items()
    made = evaluate(f"({code}) {{ pkgs = {PKGS}; }}")["_"]["demo"]
    assert made == {"nativeBuildInputs": {"add": ["S", "P"]}, "buildInputs": {"add": ["C"]}}


def test_headers_that_a_script_looks_for_are_put_where_it_looks() -> None:
    needs = BuildNeeds(inputs=(CAIRO,), includes=(CAIRO,))
    ((_, code),) = write(Dialect.UV2NIX, needs, package=DERIVED).items()
    prev = "{ demo.overrideAttrs = f: f { env.A = 1; }; }"
    made = evaluate(f"(({code}) {{ pkgs = {PKGS}; lib = ({PKGS}).lib; }} {{ }} {prev}).demo.env")
    assert made == {"A": 1, "C_INCLUDE_PATH": "C/include"}
    pieces = write(Dialect.SHELL, needs, package=Package(name="demo", installer=True))
    assert evaluate(f"({pieces['shell.nix']}) {{ pkgs = {PKGS}; }}")["C_INCLUDE_PATH"] == "C/include"


def test_python_is_the_one_of_the_set() -> None:
    needs = BuildNeeds(inputs=(Input(attr="python3", reason="Python.h"),))
    assert "final.python" in "".join(write(Dialect.UV2NIX, needs, package=DERIVED).values())
    assert "pkgs.python3" in "".join(write(Dialect.NIXPKGS, needs, package=DERIVED).values())


def test_a_hook_is_no_matter_of_a_shell() -> None:
    needs = BuildNeeds(native=(TOOL,))
    whole = explain(needs, package=None, kind=SymptomKind.HOOK)
    ((_, code),) = write_builds(whole, Dialect.SHELL)
    assert "overridePythonAttrs" in code
    assert "write its name in place of `package`" in code.replace("\n# ", " ")


def test_reasons_of_one_attribute_are_merged_and_permissions_told() -> None:
    one = Input(attr="x", reason="a.h", permissions=(Permission.UNFREE,))
    needs = merge_needs([BuildNeeds(inputs=(one,)), BuildNeeds(inputs=(Input(attr="x", reason="b.h"),))])
    assert needs is not None
    assert [(i.attr, i.reason) for i in needs.inputs] == [("x", "a.h, b.h")]
    code = "".join(write(Dialect.UV2NIX, needs, package=DERIVED).values())
    assert "Needs allowUnfree" in code
    assert merge_needs([]) is None
    assert write(Dialect.UV2NIX) == {}


@pytest.mark.parametrize("dialect", list(Dialect))
@pytest.mark.parametrize("installer", [True, False])
def test_hostile_names_stay_data(dialect: Dialect, installer: bool) -> None:
    reason = 'x*/ "${builtins.abort "a"}" \n } evil'
    needs = BuildNeeds(systems=("a-b",), native=(Input(attr="a", reason=reason),), includes=(CAIRO,))
    package = Package(name="3to2.with", installer=installer)
    pieces: dict[str, Any] = write(dialect, needs, package=package)
    assert pieces
    for place, code in pieces.items():
        if place.startswith("pyproject.toml"):
            tomllib.loads(code)
        else:
            parse(code)
