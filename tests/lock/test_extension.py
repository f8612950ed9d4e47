"""What a lock makes of nixpkgs' Python packages: an overlay, overrides, or complete packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.golden import GOLDEN, check_golden
from tests.support.nixeval import evaluate, parse
from wheelfix.lock.model import LockPlan, SourcePackage
from wheelfix.lock.render import render_lock
from wheelfix.model.override import (
    Cuda,
    Dialect,
    Form,
    Input,
    Override,
    PackageDetails,
    PythonDependency,
)
from wheelfix.model.sdist import Builder, PythonProject

SET = Path(__file__).parents[1] / "support" / "nix" / "pythonset.nix"
NIXPKGS = """{
  numpy = _: {
    version = "2.4.0";
    meta = { mainProgram = "f2py"; broken = true; };
    passthru.blas = "openblas";
  };
  antlr4-python3-runtime = self: {
    version = "4.13.2";
    patches = [ "a" ];
    dependencies = [ "libantlr" self.six ];
    build-system = [ "own" ];
  };
  six = _: { version = "1.16.0"; };
  scipy = self: { version = "1.0"; dependencies = [ self.numpy ]; };
}"""


def need(name: str, **more: Any) -> PythonDependency:
    return PythonDependency(name=name, spelled=name, attr=name, **more)


def make_wheel(name: str, version: str, *needs: PythonDependency, present: str = "", **more: Any) -> Override:
    return Override(
        name=name,
        version=version,
        target=f"{name}-{version}-py3-none-any.whl",
        tags=("py3-none-any",),
        cuda=Cuda.NIXPKGS,
        details=PackageDetails(
            filename=f"{name}-{version}-py3-none-any.whl",
            sha256=bytes(32),
            attr=name,
            present=present and f"python3Packages.{name} {present}",
            dependencies=needs,
            patched=bool(more),
        ),
        **more,
    )


def make_source(name: str, version: str, *needs: PythonDependency, **more: Any) -> SourcePackage:
    return SourcePackage(
        name=name,
        version=version,
        attr=name,
        filename=f"{name}-{version}.tar.gz",
        sha256=bytes(32),
        project=PythonProject(
            name=name, version=version, backend="", requires=(), builder=Builder.OTHER, summary="A thing."
        ),
        dependencies=needs,
        **more,
    )


def make_plan(form: Form, *, python: str = "3.12", **more: Any) -> LockPlan:
    tbb = Input(attr="onetbb", reason="libtbb.so.12, wanted by x.so")
    plan: dict[str, Any] = {
        "overrides": (
            make_wheel("fresh", "1.0", need("numpy"), need("newest")),
            make_wheel("gone", "2.0", present="1.0"),
            make_wheel("numpy", "2.5.0", present="2.4.0", inputs=(tbb,)),
        ),
        "packages": (
            make_source(
                "antlr4-python3-runtime", "4.9.3", need("fresh"), recipe="4.13.2", build_systems=("six",)
            ),
            make_source("newest", "0.1", need("fresh", circular=True), build_systems=("six",)),
        ),
        **more,
    }
    return LockPlan(
        lock="uv.lock", python=python, system="x86_64-linux", dialect=Dialect.NIXPKGS, form=form, **plan
    )


def ask(code: str, form: Form, question: str) -> Any:
    """Ask about ``p`` (Python 3.12), ``other`` (3.13) and ``before`` (3.12, unchanged)."""
    argument = "overlay" if form is Form.OVERLAY else "overrides"
    return evaluate(
        f"""let
          changed = import {SET} {{ {argument} = {code}; packages = {NIXPKGS}; }};
          plain = import {SET} {{ packages = {NIXPKGS}; }};
          p = changed.sets."3.12";
          other = changed.sets."3.13";
          before = plain.sets."3.12";
          inherit (changed) show;
        in {question}"""
    )


@pytest.mark.parametrize("form", Form)
def test_golden_files(form: Form) -> None:
    parse(check_golden(f"lock/{form}.nix", render_lock(make_plan(form))).read_text())


@pytest.mark.parametrize("form", Form)
def test_the_versions_are_the_locks_and_nothing_else_is_set(form: Form) -> None:
    code = (GOLDEN / "lock" / f"{form}.nix").read_text()
    names = ["antlr4-python3-runtime", "fresh", "gone", "newest", "numpy"]
    listed = " ".join(f"p.{name}.version" for name in names)
    assert ask(code, form, f"[ {listed} ]") == ["4.9.3", "1.0", "2.0", "0.1", "2.5.0"]
    assert ask(code, form, "builtins.attrNames (removeAttrs p (builtins.attrNames before))") == [
        "fresh",
        "newest",
    ]
    assert ask(code, form, "[ p.six.version p.scipy.version (map (d: d.version) p.scipy.dependencies) ]") == [
        "1.16.0",
        "1.0",
        ["2.5.0"],
    ]


def test_the_sets_of_other_pythons_stay() -> None:
    code = (GOLDEN / "lock" / "overlay.nix").read_text()
    assert ask(code, Form.OVERLAY, "[ other.numpy.version (other ? fresh) ]") == ["2.4.0", False]


@pytest.mark.parametrize("python", ["3.13", "3.14t", "pypy3.11"])
def test_the_set_is_that_of_the_interpreter(python: str) -> None:
    code = render_lock(make_plan(Form.OVERLAY, python=python))
    names = ["3.12", "3.13", "3.14t", "pypy3.11"]
    listed = " ".join(f'changed.sets."{name}".numpy.version' for name in names)
    found = dict(zip(names, ask(code, Form.OVERLAY, f"[ {listed} ]"), strict=True))
    assert found == {name: "2.5.0" if name == python else "2.4.0" for name in names}


@pytest.mark.parametrize("form", [Form.OVERLAY, Form.OVERRIDES])
def test_what_others_read_of_a_replaced_package_is_kept(form: Form) -> None:
    code = (GOLDEN / "lock" / f"{form}.nix").read_text()
    assert ask(code, form, "[ p.numpy.blas p.numpy.meta.mainProgram (p.numpy.meta ? broken) ]") == [
        "openblas",
        "f2py",
        False,
    ]
    assert ask(code, form, '(p.numpy.override { blas = "mkl"; }).version') == "2.5.0"
    assert ask(code, form, "(show p.gone).format") == "wheel"  # nixpkgs has a message in its place
    assert ask(code, form, "(show p.numpy).dependencies") == []


@pytest.mark.parametrize("form", [Form.OVERLAY, Form.OVERRIDES])
def test_a_recipe_keeps_its_build_and_loses_what_is_for_its_version(form: Form) -> None:
    code = (GOLDEN / "lock" / f"{form}.nix").read_text()
    made = ask(code, form, 'removeAttrs (show p.antlr4-python3-runtime) [ "passthru" ]')
    assert made["patches"] == []
    assert made["doCheck"] is False
    assert made["src"]["hash"].startswith("sha256-AAAA")
    assert made["dependencies"] == ["libantlr", "fresh"]
    systems = ask(code, form, "map (one: one.pname or one) p.antlr4-python3-runtime.build-system")
    assert systems == ["own", "six"]


def test_tests_run_if_asked_and_patches_stay_for_their_own_version() -> None:
    source = make_source("antlr4-python3-runtime", "4.13.2", recipe="4.13.2", fits=True)
    code = render_lock(make_plan(Form.OVERRIDES, tests=True, overrides=(), packages=(source,)))
    made = ask(code, Form.OVERRIDES, "show p.antlr4-python3-runtime")
    assert (made["doCheck"], made["patches"]) == (True, ["a"])


def test_an_attribute_that_the_user_names() -> None:
    named = (("numpy", ("python312Packages", "scipy")), ("tool", ("onetbb",)))
    code = render_lock(make_plan(Form.OVERRIDES, overrides=(), packages=(), named=named))
    assert ask(code, Form.OVERRIDES, "[ p.numpy.pname p.tool ]") == ["scipy", "onetbb"]


HOSTILE = '${builtins.abort "x"}"; in */ \n evil = 1; #\r'


@pytest.mark.parametrize("form", Form)
def test_hostile_metadata_stays_data(form: Form) -> None:
    """Names are checked where locks are read; nothing here relies on it."""
    source = make_source("newest", HOSTILE, recipe=HOSTILE, url="https://x/" + HOSTILE, absent=(HOSTILE,))
    renamed = make_source(HOSTILE, "1", need(HOSTILE, circular=True), build_systems=(HOSTILE,))
    code = render_lock(make_plan(form, overrides=(make_wheel("numpy", HOSTILE),), packages=(renamed, source)))
    parse(code)
    assert ask(code, form, "p.numpy.version") == HOSTILE
    assert ask(code, form, "builtins.attrNames (removeAttrs p (builtins.attrNames before))")[0] == HOSTILE
