"""What a requirement brings, resolved by the real pip from an index on the loopback interface."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.wheel import build_wheel
from tests.wheel.test_download import Index
from tests.wheel.test_download import index as index
from wheelfix.errors import InputError
from wheelfix.resolve.strip import find_closure
from wheelfix.wheel.closure import fetch_closure


def fill(index: Index, directory: Path) -> None:
    requires = ['toolkit[blas]==13.*; platform_system == "Linux"', 'other; sys_platform == "win32"']
    wheels = {
        "demo": requires,
        "toolkit": ['cublas; extra == "blas"', 'cufft; extra == "fft"'],
        "cublas": [],
        "cufft": [],
    }
    for name, lines in wheels.items():
        tag = "cp312-cp312-manylinux_2_28_x86_64" if name == "demo" else "py3-none-any"
        version = "1.0" if name == "demo" else "13.1"
        extras = ["Provides-Extra: blas", "Provides-Extra: fft"] if name == "toolkit" else []
        metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *extras]
        metadata += [f"Requires-Dist: {line}" for line in lines]
        text = "\n".join([*metadata, ""]).encode()
        index.add(build_wheel(directory, name=name, version=version, files={}, metadata=text, tag=tag))


def test_extras_and_markers_are_followed(index: Index, tmp_path: Path) -> None:
    fill(index, tmp_path)
    found = fetch_closure("demo==1.0", tmp_path / "cache")
    assert [d.name for d in found] == ["demo", "cublas", "toolkit"]
    known = {d.name: d for d in found}
    assert dict(find_closure(known["demo"], known)) == {
        "cublas": frozenset(),
        "toolkit": frozenset({"blas"}),
    }
    assert known["demo"].tags == ("cp312-cp312-manylinux_2_28_x86_64",)
    (toolkit, other) = known["demo"].requires
    assert (toolkit.active, toolkit.extras, other.active) == (True, ("blas",), False)
    assert [r.under for r in known["toolkit"].requires] == [("blas",), ("fft",)]


def test_a_second_time_needs_no_network(index: Index, tmp_path: Path) -> None:
    fill(index, tmp_path)
    cache = tmp_path / "cache"
    first = fetch_closure("demo==1.0", cache)
    index.files.clear()
    assert fetch_closure("Demo==1.0", cache) == first
    (cache / "demo" / "1.0-py3.12-x86_64-linux.json").write_text("{")
    with pytest.raises(InputError):
        fetch_closure("demo==1.0", cache)


def test_what_cannot_be_resolved_is_one_clear_error(index: Index, tmp_path: Path) -> None:
    fill(index, tmp_path)
    with pytest.raises(InputError, match="no such version"):
        fetch_closure("demo==2.0", tmp_path / "cache")
    with pytest.raises(InputError, match="cannot be downloaded for 'mars'"):
        fetch_closure("demo==1.0", tmp_path / "cache", system="mars")
    with pytest.raises(InputError, match="no requirement"):
        fetch_closure("demo", tmp_path / "cache")
