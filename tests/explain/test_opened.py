from __future__ import annotations

import pytest

from tests.support.objects import cause, provider
from wheelfix.explain.model import Symptom, SymptomKind
from wheelfix.explain.opened import find_openings, is_same, make_opening
from wheelfix.model.classes import NeedClass
from wheelfix.model.hints import OpeningKind
from wheelfix.model.scan import Need, Opening, OpeningForm

SITE = "/v/lib/python3.12/site-packages"


def make_need(soname: str, kind: NeedClass = NeedClass.PROVIDED) -> Need:
    return Need(
        soname=soname,
        machine="x86_64",
        wanted_by=(),
        need_class=kind,
        cause=cause(kind, soname, attrs=["file"]),
        providers=(provider("file", soname),) if kind is NeedClass.PROVIDED else (),
    )


@pytest.mark.parametrize(
    ("name", "soname", "same"),
    [
        ("libmagic.so.1", "libmagic.so.1", True),
        ("libmagic.so.1", "libmagic.so", True),
        ("libmagic.so", "libmagic.so.1", True),
        ("/usr/lib/libmagic.so.1", "libmagic.so.1", True),
        ("libmagic.so.1", "libmagic.so.2", False),
        ("libmagick.so", "libmagic.so", False),
    ],
)
def test_a_name_without_a_version_stands_for_any(name: str, soname: str, same: bool) -> None:
    assert is_same(name, soname) is same


def test_the_opening_of_that_very_name_with_an_answer_comes_first() -> None:
    unknown = Opening(file="a.py", kind=OpeningKind.CTYPES, names=("libmagic.so.1",))
    any_version = Opening(
        file="b.py", kind=OpeningKind.FIND_LIBRARY, names=("libmagic.so",), answered="libmagic.so"
    )
    exact = Opening(
        file="c.py", kind=OpeningKind.CTYPES, names=("libx.so", "libmagic.so.1"), answered="libmagic.so.1"
    )
    program = Opening(file="d.py", kind=OpeningKind.PROGRAM, names=("libmagic.so.1",))
    other = Opening(file="e.py", kind=OpeningKind.CTYPES, names=("libmagic.so.2",))
    openings = (unknown, any_version, exact, program, other)
    assert find_openings(openings, "libmagic.so.1") == (exact, any_version, unknown)


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (NeedClass.PROVIDED, OpeningForm.SHIM),
        (NeedClass.DRIVER, OpeningForm.SHIM),
        (NeedClass.SIBLING, OpeningForm.NONE),
        (NeedClass.UNKNOWN, OpeningForm.NONE),
    ],
)
def test_a_message_is_an_opening_without_the_source(kind: NeedClass, form: OpeningForm) -> None:
    symptom = Symptom(
        kind=SymptomKind.NAMED,
        soname="libmagic.so",
        frame=f"{SITE}/magic/loader.py",
        line=49,
        call=OpeningKind.FIND_LIBRARY,
    )
    opening = make_opening(symptom, make_need("libmagic.so", kind))
    assert opening is not None
    assert (opening.file, opening.line, opening.kind) == ("magic/loader.py", 49, OpeningKind.FIND_LIBRARY)
    assert opening.names == ("libmagic.so",)
    assert (opening.need_class, opening.form) == (kind, form)


@pytest.mark.parametrize(
    "change",
    [
        {"call": None},
        {"frame": None},
        {"frame": "/usr/lib/python3.12/ctypes/__init__.py"},
        {"line": None},
    ],
)
def test_what_a_message_does_not_show_is_no_opening(change: dict[str, None]) -> None:
    shown = {"frame": f"{SITE}/magic/loader.py", "line": 1, "call": OpeningKind.CTYPES}
    symptom = Symptom(kind=SymptomKind.MISSING, soname="libmagic.so.1", **{**shown, **change})  # type: ignore[arg-type]
    assert make_opening(symptom, make_need("libmagic.so.1")) is None
