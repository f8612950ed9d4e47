"""The cross-check with auditwheel finds differences where there are some, and none where it should not."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from benchmarks.crosscheck import DIFFERENCES, FIXTURES, PINS, Comparison, compare, judge
from tests.support.elf import build_elf
from tests.support.real import by_size, fetch_wheel, find_pin
from tests.support.wheel import build_wheel


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


@pytest.mark.network
@pytest.mark.parametrize(
    "start", by_size(["numba-", "psycopg2_binary-", "libusbsio-", "torchaudio-", "rasterio-", "kaleido-"])
)
def test_real_wheels(start: str) -> None:
    comparison = compare(fetch_wheel(find_pin(start)))
    explanations = tomllib.loads((FIXTURES / DIFFERENCES).read_text())["difference"]
    assert judge([comparison], [e for e in explanations if e["wheel"] == comparison.wheel]) == []


def test_pins_and_explanations_are_of_the_same_wheels() -> None:
    pins = [pin["file"] for name in PINS for pin in tomllib.loads((FIXTURES / name).read_text())["wheel"]]
    explained = {e["wheel"] for e in tomllib.loads((FIXTURES / DIFFERENCES).read_text())["difference"]}
    assert len(pins) == len(set(pins))
    assert explained <= set(pins)
