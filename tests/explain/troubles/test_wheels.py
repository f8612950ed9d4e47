"""Wheels that do not fit: which tag is at fault."""

from __future__ import annotations

import pytest

from tests.support.nixeval import evaluate, parse
from wheelfix.explain.model import Package, Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.read import read_messages
from wheelfix.explain.troubles.table import find_trouble
from wheelfix.index.choice import open_bundled
from wheelfix.model.override import Dialect


def refuse(file: str, situation: Situation | None = None) -> Trouble:
    trouble = find_trouble(Symptom(kind=SymptomKind.WHEEL_TAG, names=(file,)), situation or Situation())
    assert trouble is not None
    return trouble


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ("cp311-cp311-manylinux_2_17_x86_64", ["Python 3.11 and no other", "glibc 2.17 or later, on x86_64"]),
        ("cp39-abi3-manylinux2014_aarch64", ["Python 3.9 or later", "glibc 2.17 or later, on aarch64"]),
        ("cp313-cp313t-linux_x86_64", ["without GIL", "Linux on x86_64"]),
        ("cp312-cp312-macosx_14_0_arm64", ["macOS"]),
        ("cp312-cp312-win_amd64", ["Windows"]),
        ("cp312-cp312-musllinux_1_2_x86_64", ["musl"]),
        ("py2-none-any", ["py2"]),
    ],
)
def test_each_tag_is_told(tags: str, words: list[str]) -> None:
    what = refuse(f"demo-1.0-{tags}.whl").what
    for word in words:
        assert word in what


@pytest.mark.parametrize("file", ["x.whl", "a-b.whl", "a-1-$(b)-c-d.whl"])
def test_a_strange_name_is_no_trouble(file: str) -> None:
    trouble = refuse(file)
    assert all("$(b)" not in line or "'" in line for line in trouble.now)


def test_inside_of_a_build_the_wheel_of_the_index_is_preferred() -> None:
    situation = Situation(package=Package(name="demo", version="1.0"))
    for place, code in refuse("demo-1.0-cp38-cp38-manylinux_2_32_x86_64.whl", situation).paste:
        call = f"({code}) {{ pkgs = 1; lib.optionalAttrs = c: s: s; }} {{ }} {{ demo.override = x: x; }}"
        made = evaluate(call)["demo"]
        assert made == ({"preferWheel": True} if "poetry2nix" in place else {"sourcePreference": "wheel"})


@pytest.mark.parametrize("dialect", [Dialect.UV2NIX, Dialect.SHELL])
def test_another_python_is_named(dialect: Dialect) -> None:
    symptom = Symptom(kind=SymptomKind.NO_WHEEL, names=("demo", "1.0"))
    trouble = find_trouble(symptom, Situation(dialect=dialect, index=open_bundled()))
    assert trouble is not None
    assert "demo 1.0" in trouble.what
    for _, code in trouble.paste:
        parse(f"{{ pkgs, pyproject-nix }}: {code}")
    assert "3.12" in " ".join(trouble.now)


def test_a_resolver_that_finds_no_solution_for_another_reason_is_left_alone() -> None:
    text = (
        "  × No solution found when resolving dependencies:\n"
        "  ╰─▶ Because demo==1.0 depends on other<2 and you require other>=2, we can conclude\n"
    )
    assert read_messages([text.encode()]).symptoms == ()
