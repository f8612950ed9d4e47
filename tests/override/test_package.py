"""What interpreters a package for nixpkgs refuses: all that do not take the wheel."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags, parse_tag

from tests.support.facts import plan
from tests.support.golden import ask_stub
from wheelfix.model.base import replace
from wheelfix.model.override import Cuda, Dialect
from wheelfix.override.dialects import render_overrides
from wheelfix.override.package import find_interpreters

PLATFORM = "manylinux_2_17_x86_64"
# libPrefix and pythonVersion of nixpkgs' interpreters, and what an installer says that they take.
INTERPRETERS = {
    "python3.9": ("3.9", "cp39"),
    "python3.12": ("3.12", "cp312"),
    "python3.14": ("3.14", "cp314"),
    "python3.14t": ("3.14", "cp314t"),
    "python3.15": ("3.15", "cp315"),
    "python3.15t": ("3.15", "cp315t"),
    "pypy3.11": ("3.11", "pypy311_pp73"),
}


def list_tags(version: str, abi: str) -> set[Tag]:
    """What an interpreter takes, by ``packaging``."""
    pair = tuple(map(int, version.split(".")))
    if abi.startswith("cp"):
        own = cpython_tags(pair, [abi], [PLATFORM])
        return {*own, *compatible_tags(pair, f"cp{pair[0]}{pair[1]}", [PLATFORM])}
    name = f"pp{pair[0]}{pair[1]}"
    return {*generic_tags(name, [abi], [PLATFORM]), *compatible_tags(pair, name, [PLATFORM])}


@pytest.mark.parametrize(
    "tags",
    [
        "cp312-cp312",
        "cp314-cp314",
        "cp314-cp314t",
        "cp314.cp315-cp314.cp315",
        "cp314-cp314.cp314t",
        "cp37-abi3",
        "cp314-abi3",
        "cp35.cp36.cp37.cp38.cp39.cp310-abi3",
        "cp315-abi3t",
        "cp315-abi3.abi3t",
        "cp314-none",
        "py3-none",
        "py2.py3-none",
        "py312-none",
        "pp311-pypy311_pp73",
    ],
)
def test_disabled_is_what_does_not_take_the_wheel(tags: str, tmp_path: Path) -> None:
    override = plan("pyodbc-5.5.0", Cuda.WHEELS)
    wheel = parse_tag(f"{tags}-{PLATFORM}")
    assert override.details
    details = replace(override.details, pythons=("", ""))
    override = replace(override, tags=tuple(sorted(map(str, wheel))), details=details)
    path = tmp_path / "package.nix"
    path.write_text(render_overrides([override], [], Dialect.NIXPKGS))
    attrs = [i.attr for i in override.inputs]
    for prefix, (version, abi) in INTERPRETERS.items():
        asked = f"(stub.callAny (import {path})).args.disabled or false"
        disabled = ask_stub(asked, attrs=attrs, packages={}, pythonVersion=version, libPrefix=prefix)
        assert disabled is wheel.isdisjoint(list_tags(version, abi)), prefix


def test_tags_that_are_none_refuse_nobody() -> None:
    assert find_interpreters([]) == find_interpreters([""]) == find_interpreters(["x"]) == ("", "")
    assert find_interpreters(["cp²-cp³-any"]) == ("", "")
