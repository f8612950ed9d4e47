"""What reads packages of conda and what links them judge the same packages, and agree on each."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.conda import Member, build_conda
from tests.support.hostile_conda import HOSTILE, USUAL
from tests.support.linking import PROGRAM, run_link
from wheelfix.errors import InputError
from wheelfix.model.scan import Level
from wheelfix.scan.read import read_conda
from wheelfix.wheel import conda

Write = Callable[[Path], Path]


def read(package: Path) -> list[str]:
    """What the reader has against a package."""
    try:
        reading = read_conda(package)
    except InputError as error:
        return [str(error)]
    return [str(finding) for finding in reading.findings if finding.level is Level.ERROR]


def link(package: Path, work: Path) -> list[str]:
    """What the program that links has against it, beside a Python, in a prefix with a long path."""
    python = build_conda(work / "more", "python", {"bin/python3.12": Member(b"", 0o755)}, version="3.12.1")
    packages = [
        {"archive": str(package), "file": package.name, "name": "x"},
        {"archive": str(python), "file": python.name, "name": "python", "version": "3.12.1"},
    ]
    linked = run_link({"mode": "prefix", "packages": packages}, work / "out")
    assert linked.worked or len(linked.said) == 1, linked.said
    return [] if linked.worked else linked.said


@pytest.mark.parametrize("write", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_package_is_an_error_before_and_in_the_build(tmp_path: Path, write: Write) -> None:
    package = write(tmp_path)
    said = read(package)
    assert said
    assert not any("\n" in line for line in said)
    assert link(package, tmp_path)


@pytest.mark.parametrize("write", USUAL.values(), ids=USUAL)
def test_a_usual_package_is_taken_by_both(tmp_path: Path, write: Write) -> None:
    package = write(tmp_path)
    assert not read(package)
    assert not link(package, tmp_path)


@pytest.fixture(scope="module")
def program() -> Any:
    """The program, as a module."""
    spec = importlib.util.spec_from_file_location("limited_link", PROGRAM)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules["limited_link"] = module
    spec.loader.exec_module(module)
    return module


def test_bounds_are_the_same(program: Any) -> None:
    assert program.MOST_UNPACKED == conda.MAX_INFLATED
    assert program.MOST_MEMBERS == conda.MAX_MEMBERS
    assert program.MOST_PATH == conda.MAX_PATH
    assert (program.FREE, program.MOST_RATIO) == (conda._FREE, conda._MAX_RATIO)
    assert program.MOST_HEADER == conda._MAX_HEADER


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_a_bomb_is_refused_before_it_goes_off(
    tmp_path: Path, program: Any, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(program, "FREE", 1 << 20)
    package = build_conda(tmp_path, "x", {"zeros": bytes(64 << 20)}, suffix=suffix)
    asked = {"packages": [{"archive": str(package), "name": "x"}]}
    with pytest.raises(program.Refusal, match="a bomb"):
        program.link_prefix(asked, str(tmp_path / "out"), str(tmp_path / "out"))


def test_members_are_limited(tmp_path: Path, program: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "MOST_MEMBERS", 50)
    package = build_conda(tmp_path, "x", {f"a{n}": b"" for n in range(60)})
    asked = {"packages": [{"archive": str(package), "name": "x"}]}
    with pytest.raises(program.Refusal, match="more than 50 members"):
        program.link_prefix(asked, str(tmp_path / "out"), str(tmp_path / "out"))
