"""Readings of packages of conda."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.conda import Member, build_conda
from tests.support.elf import build_elf
from wheelfix.errors import InputError
from wheelfix.model.reading import OriginKind
from wheelfix.scan.read import read_conda

_SITE = "lib/python3.11/site-packages"


@pytest.fixture(scope="module")
def libz(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build_elf(tmp_path_factory.mktemp("elf"), "libz.so.1.3.1", soname="libz.so.1")


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_paths_are_those_of_an_environment(tmp_path: Path, libz: bytes, suffix: str) -> None:
    extension = build_elf(tmp_path, "x.so", needed=["libz.so.1"], rpath=["$ORIGIN/../../../.."])
    files: dict[str, Member | bytes] = {
        "lib/libz.so.1.3.1": libz,
        "lib/libz.so.1": Member(b"libz.so.1.3.1", link=True),
        f"{_SITE}/pkg/x.so": extension,
        f"{_SITE}/pkg/__init__.py": b'import ctypes\nctypes.CDLL("libfoo.so.1")\n',
        "bin/run": b"#!/bin/sh\n",
        "lib/libblas.so.3": Member(b"libopenblas.so.0", link=True),
    }
    package = build_conda(tmp_path, "pkg", files, depends=["python >=3.11", "__glibc >=2.17"], suffix=suffix)
    reading = read_conda(package)
    wheel = reading.distribution
    assert (wheel.name, wheel.version, wheel.tags, wheel.target) == ("pkg", "1.0", (), package.name)
    assert wheel.files == {
        "../../libz.so.1.3.1",
        "../../libz.so.1",
        "pkg/x.so",
        "pkg/__init__.py",
        "../../../bin/run",
        "../../libblas.so.3",
    }
    assert [obj.path for obj in reading.objects] == ["../../libz.so.1", "../../libz.so.1.3.1", "pkg/x.so"]
    assert reading.uses[0].path == "pkg/__init__.py"
    assert reading.links == (("../../libblas.so.3", "../../libopenblas.so.0"),)
    assert [r.name for r in wheel.requires] == ["python"]
    assert wheel.conda
    assert wheel.conda.depends == ("python >=3.11", "__glibc >=2.17")
    assert reading.origin
    assert reading.origin.kind is OriginKind.CONDA
    assert reading.findings == ()


def test_noarch_python(tmp_path: Path) -> None:
    package = build_conda(
        tmp_path, "tool", {"site-packages/tool.py": b""}, noarch="python", entry_points=["tool = tool:main"]
    )
    reading = read_conda(package)
    assert reading.distribution.files == {"tool.py"}
    assert reading.contents
    assert [(f.path, f.digest[:6]) for f in reading.contents] == [
        ("../../../bin/tool", "entry="),
        ("tool.py", "sha256"),
    ]


def test_a_reading_is_stored(tmp_path: Path) -> None:
    package = build_conda(tmp_path, "tool", {"share/x": b"x"})
    first = read_conda(package, cache=tmp_path / "cache")
    assert first.about.sha256
    again = read_conda(package, cache=tmp_path / "cache", sha256=first.about.sha256, name="tool-1.0-0.conda")
    assert again == first
    with pytest.raises(InputError, match="has not the sha256"):
        read_conda(package, cache=tmp_path / "cache", sha256="0" * 64)
