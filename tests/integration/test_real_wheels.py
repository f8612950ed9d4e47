"""Scans of real wheels against answers that experts wrote by hand.

``fixtures/expert-wheels.json``: per wheel, the class (and attribute or distribution) of each soname that
the wheel does not carry, a sample of those it does, and the sonames with more than one defensible class.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

import wheelfix
from tests.support.real import FIXTURES, by_size, fetch_wheel, find_pin, is_large
from wheelfix import Level, NeedClass, WheelScan
from wheelfix.model.scan import Need
from wheelfix.scan.at_hand import find_carried
from wheelfix.scan.openings import find_answer, group_by_name
from wheelfix.scan.read import read_wheel
from wheelfix.scan.sentences import say_bringer, say_cause

pytestmark = pytest.mark.network
EXPERT = json.loads((FIXTURES / "expert-wheels.json").read_text())
OUTPUTS = ("", ".out", ".lib")


def scan(start: str) -> WheelScan:
    return wheelfix.scan_wheel(fetch_wheel(find_pin(start)))


def fits(attr: str, accepted: list[str]) -> bool:
    bare = attr.removesuffix(".lib").removesuffix(".out")
    return any(
        fnmatchcase(attr, a) or fnmatchcase(bare, a.removesuffix(".lib").removesuffix(".out"))
        for a in accepted
    )


def is_gone(need: Need, answer: dict[str, Any]) -> bool:
    """Tell whether nixpkgs has removed what the expert named."""
    removed = any(fits(attr, answer["attrs"] or []) for attr in need.gone)
    return removed and need.need_class is NeedClass.UNKNOWN


def judge(answers: dict[str, Any], result: WheelScan) -> list[str]:
    """One line per difference between a scan and the expert's answers."""
    wrong = []
    needs = {n.soname: n for n in result.needs if n.machine == "x86_64"}
    for soname, answer in answers["external"].items():
        need = needs.get(soname)
        if need is None:
            wrong.append(f"{soname}: missed")
        elif need.need_class != answer["class"] and not is_gone(need, answer):
            wrong.append(f"{soname}: {need.need_class} ({say_cause(need.cause)}), not {answer['class']}")
        elif need.need_class is NeedClass.PROVIDED and not fits(need.providers[0].attr, answer["attrs"]):
            wrong.append(f"{soname}: {need.providers[0].attr}, not one of {answer['attrs']}")
        elif need.need_class is NeedClass.SIBLING and need.distribution != answer["distribution"]:
            wrong.append(f"{soname}: {need.distribution}, not {answer['distribution']}")
    for soname in answers["bundled_sample"]:
        need = needs.get(soname)
        if need is None or need.need_class is not NeedClass.BUNDLED:
            wrong.append(f"{soname}: not bundled")
    known = {*answers["external"], *answers["undecided"]}
    for soname, need in needs.items():
        if need.need_class is not NeedClass.BUNDLED and soname not in known:
            wrong.append(f"{soname}: {need.need_class}, a false alarm")
    for soname, classes in answers["undecided_among"].items():
        if needs[soname].need_class not in classes:
            wrong.append(f"{soname}: {needs[soname].need_class}, not among {classes}")
    return wrong


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(a, id=a["distribution"], marks=pytest.mark.large if is_large(a["filename"]) else ())
        for a in EXPERT
    ],
)
def test_answers_of_the_expert(answers: dict[str, Any]) -> None:
    assert judge(answers, wheelfix.scan_wheel(fetch_wheel(answers["filename"]))) == []


def test_numba() -> None:
    result = scan("numba")
    needs = {n.soname: n for n in result.needs}
    assert needs["libtbb.so.12"].providers[0].attr == "onetbb"
    assert result.build_inputs == ("onetbb", "stdenv.cc.cc.lib")
    assert result.answered


@pytest.mark.large
def test_torch_ignores_the_driver_alone() -> None:
    result = scan("torch-2.9.1")
    assert result.ignore_missing == ("libcuda.so.1",)
    nvidia = [
        n
        for n in result.needs
        if n.soname.startswith(("libcu", "libnv", "libnccl")) and n.soname != "libcuda.so.1"
    ]
    assert len(nvidia) == 14
    assert {n.need_class for n in nvidia} == {NeedClass.SIBLING}
    assert result.answered


@pytest.mark.parametrize(
    "start",
    [
        "psycopg2_binary",
        "lxml",
        "pydantic_core-2.50.4-cp312-cp312-manylinux2014_x86_64",
        "cryptography",
        "numpy",
    ],
)
def test_nothing_beyond_the_baseline(start: str) -> None:
    result = scan(start)
    assert set(result.build_inputs) == set(result.baseline_inputs)
    assert result.ignore_missing == ()
    assert result.answered


def test_the_baseline_is_still_named() -> None:
    result = scan("psycopg2_binary")
    assert result.baseline_inputs == ("zlib",)
    assert [n.need_class for n in result.needs if n.soname == "libz.so.1"] == [NeedClass.PROVIDED]


@pytest.mark.parametrize("start", ["ruff", "uv"])
def test_programs(start: str) -> None:
    result = scan(start)
    assert any(o.interpreter == "/lib64/ld-linux-x86-64.so.2" for o in result.objects)
    assert any("program that starts through /lib64/" in f.message for f in result.findings)
    assert result.answered


def test_pure_python_has_nothing_to_do() -> None:
    result = scan("click")
    assert (result.objects, result.needs, result.machine) == ((), (), None)
    assert result.answered


@pytest.mark.parametrize("start", by_size(["PySide2", "pyside6_essentials"]))
def test_kerberos_is_krb5(start: str) -> None:
    need = next(n for n in scan(start).needs if n.soname == "libgssapi_krb5.so.2")
    assert need.need_class is NeedClass.PROVIDED
    assert need.providers[0].attr in {"krb5", "libkrb5"}


@pytest.mark.parametrize(
    ("start", "machine", "loader"),
    [
        ("markupsafe-3.0.3-cp312-cp312-manylinux2014_aarch64", "aarch64", "ld-linux-aarch64.so.1"),
        ("markupsafe-3.0.3-cp312-cp312-manylinux_2_31_riscv64", "riscv64", "ld-linux-riscv64-lp64d.so.1"),
        ("pydantic_core-2.50.4-cp312-cp312-manylinux2014_s390x", "s390x", "ld64.so.1"),
        ("pydantic_core-2.50.4-cp312-cp312-manylinux2014_ppc64le", "ppc64le", "ld64.so.2"),
        ("pydantic_core-2.50.4-cp312-cp312-manylinux2014_armv7l", "armv7l", "ld-linux-armhf.so.3"),
    ],
)
def test_other_machines_and_byte_orders(start: str, machine: str, loader: str) -> None:
    result = scan(start)
    assert result.machine == machine
    assert {o.machine for o in result.objects} == {machine}
    libc = {n.soname for n in result.needs if n.need_class is NeedClass.LIBC}
    assert "libc.so.6" in libc
    assert {n.soname for n in result.needs if n.soname.startswith("ld")} <= {loader}
    assert result.answered


@pytest.mark.parametrize("start", ["markupsafe-3.0.3-cp312-cp312-musllinux", "MarkupSafe-3.0.2"])
def test_musl_wheel_is_told(start: str) -> None:
    result = scan(start)
    assert {n.need_class for n in result.needs} == {NeedClass.LIBC}
    assert any("musl" in f.message for f in result.findings)


def test_torch_extension_whose_metadata_names_nothing() -> None:
    needs = {n.soname: n for n in scan("torchcodec").needs}
    assert needs["libtorch.so"].distribution == "torch"


DRIVER = "/run/opengl-driver/lib"


@pytest.mark.parametrize(
    ("start", "opened"),
    by_size(
        [
            ("soundfile", {"libsndfile.so": "libsndfile"}),
            ("python_magic", {"libmagic.so.1": "file"}),
            ("cairocffi", {"libcairo.so.2": "cairo", "libgdk_pixbuf-2.0.so.0": "gdk-pixbuf"}),
            ("weasyprint", {"libpango-1.0.so.0": "pango", "libgobject-2.0.so.0": "glib"}),
            ("pyglet", {"libGL.so": "libGL", "libX11.so": "libx11"}),
            ("numba", {"libtbb.so.12": "onetbb", "libcuda.so.1": DRIVER}),
            ("triton", {"libcuda.so.1": DRIVER}),
            ("torch-2.9.1", {"libnvrtc.so": "cudaPackages.cuda_nvrtc", "libnvidia-ml.so.1": DRIVER}),
        ]
    ),
)
def test_libraries_opened_by_name(start: str, opened: dict[str, str | None]) -> None:
    found = group_by_name(scan(start).openings)
    answers = {name: find_answer(found[name], name) for name in opened}
    assert {name: say_bringer(one) if one else None for name, one in answers.items()} == opened
    for name in opened:
        assert found[name][0].file.endswith(".py")
        assert found[name][0].line is not None


@pytest.mark.large
def test_triton_asks_ldconfig() -> None:
    (finding,) = (f for f in scan("triton").findings if f.message.startswith("runs "))
    assert finding.level is Level.WARNING


@pytest.mark.large
def test_siblings_at_hand_are_checked_in_a_real_pair() -> None:
    """libQt6Core.so.6 can be run: it has an interpreter, and is a library nevertheless."""
    essentials = fetch_wheel(find_pin("pyside6_essentials"))
    reading = read_wheel(essentials)
    found = find_carried([(reading.distribution, reading.objects)])
    (core,) = found.libraries["libQt6Core.so.6"]
    assert (core.distribution, core.directory) == ("pyside6-essentials", "PySide6/Qt/lib")
    assert next(o for o in reading.objects if o.path == core.path).interpreter


def test_a_pinned_wheel_beside_it_brings_the_library_that_nixpkgs_has_as_well(tmp_path: Path) -> None:
    wheel = fetch_wheel(find_pin("sherpa_onnx-"))
    alone, beside = tmp_path / "alone", tmp_path / "beside"
    for directory in (alone, beside):
        directory.mkdir()
        (directory / wheel.name).symlink_to(wheel)
    core = fetch_wheel(find_pin("sherpa_onnx_core-"))
    (beside / core.name).symlink_to(core)
    needs = {}
    for directory in (alone, beside):
        (needs[directory],) = (
            need
            for need in wheelfix.scan_wheel(directory / wheel.name).needs
            if need.soname == "libonnxruntime.so"
        )
    assert needs[alone].need_class is NeedClass.PROVIDED
    assert (needs[beside].need_class, needs[beside].distribution) == (NeedClass.SIBLING, "sherpa-onnx-core")
    assert needs[beside].directory == "sherpa_onnx/lib"
