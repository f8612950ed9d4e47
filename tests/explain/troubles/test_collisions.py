"""Files that two packages have: the pattern fits by the function that pyproject.nix' hook asks."""

from __future__ import annotations

import fnmatch

import pytest

from tests.support.nixeval import evaluate
from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.read import read_messages
from wheelfix.explain.troubles.table import find_trouble
from wheelfix.model.override import Dialect

A, B = ("/nix/store/" + c * 32 for c in "01")


def explain(path: str, first: str = "agate-1.0", second: str = "onyx-2.0") -> Trouble:
    symptom = Symptom(kind=SymptomKind.COLLISION, names=(f"{A}-{first}/{path}", f"{B}-{second}/{path}"))
    trouble = find_trouble(symptom, Situation())
    assert trouble is not None
    return trouble


@pytest.mark.parametrize(
    "path",
    [
        "LICENSE",
        "bin/serve",
        "lib/python3.12/site-packages/tests/a/__init__.py",
        "lib/python3.12/site-packages/README.md",
        "lib/python3.12/site-packages/[x]/y.py",
    ],
)
def test_the_environment_takes_the_first(path: str) -> None:
    ((_, code),) = explain(path).paste
    prev = "{ mkVirtualEnv = name: spec: { overrideAttrs = f: f { }; }; }"
    final = '{ python.sitePackages = "lib/python3.12/site-packages"; }'
    made = evaluate(
        f"((({code}) {{ pkgs = 1; lib = 1; }} {final} {prev}).mkVirtualEnv 1 2).venvIgnoreCollisions"
    )
    assert any(fnmatch.fnmatch(path, pattern) for pattern in made)
    assert not any(fnmatch.fnmatch("lib/python3.12/site-packages/other/x.py", pattern) for pattern in made)


def test_an_environment_of_nixpkgs_has_another_setting() -> None:
    trouble = explain("bin/x", "python3.12-agate-1.0", "python3.12-onyx-2.0")
    ((_, code),) = trouble.paste
    pkgs = '{ python3.buildEnv.override = x: x; python3Packages = { agate = "a"; onyx = "o"; }; }'
    assert evaluate(f"({code}) {{ pkgs = {pkgs}; }}") == {"extraLibs": ["a", "o"], "ignoreCollisions": True}
    assert "$(" not in " ".join(explain("bin/$(x)", "python3.12-a-1", "python3.12-b-1").now).replace(
        "'bin/$(x)'", ""
    )


def test_one_package_twice() -> None:
    trouble = explain("bin/x", "python3.12-agate-1.0", "python3.12-agate-2.0")
    assert "two builds of agate" in trouble.what
    assert not trouble.paste  # the change that is lacking is the user's own
    assert "one and the same set" in trouble.now[0]


@pytest.mark.parametrize(
    "text",
    [
        "FileCollisionError: Two or more packages are trying to provide the same file",
        f"collision between `{A}-x-1/a' and `{B}-y-1/b'",  # two files
        "git: collision between branches",
        f"FileCollisionError: x\n  Files: {A}-x-1/a",
    ],
)
def test_what_tells_no_two_files(text: str) -> None:
    assert read_messages([text.encode()]).symptoms == ()


def test_poetry2nix_ignores_collisions_itself() -> None:
    symptom = Symptom(kind=SymptomKind.COLLISION, names=(f"{A}-a-1/x", f"{B}-b-1/x"))
    trouble = find_trouble(symptom, Situation(dialect=Dialect.POETRY2NIX))
    assert trouble is not None
    assert "ignoreCollisions" in trouble.paste[0][1]
