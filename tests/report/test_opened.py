from __future__ import annotations

import io

from tests.support.documents import check_document
from tests.support.report import opening, scan
from wheelfix.model.base import encode_indented, replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.hints import DlopenNote, OpeningKind
from wheelfix.model.scan import Opening, WheelScan
from wheelfix.report.json import document_scan
from wheelfix.report.model import Report
from wheelfix.report.page import document_report
from wheelfix.report.terminal import print_scans

NOTE = DlopenNote(sonames=("liba.so.2", "liba.so.1"), feature="sound", description=None, priority="suggested")


def make_scan() -> WheelScan:
    call = opening("libx.so.1", "demo/b.py", attr="x")
    openings = (
        Opening(
            file="demo/a.so",
            kind=OpeningKind.NOTE,
            names=NOTE.sonames,
            optional=True,
            need_class=NeedClass.UNKNOWN,
            note=NOTE,
        ),
        call,
        replace(call, file="demo/c.py"),
        Opening(file="demo/d.py", line=7, kind=OpeningKind.PROGRAM, names=("ldconfig",)),
        Opening(
            file="demo/d.so", kind=OpeningKind.STRING, names=("libx.so.1",), need_class=NeedClass.UNKNOWN
        ),
    )
    return scan("demo", openings=openings)


def test_openings_as_json() -> None:
    document = check_document(encode_indented(document_scan(make_scan())))
    note, call, _, program, string = document["openings"]
    assert note == {
        "file": "demo/a.so",
        "line": None,
        "kind": "note",
        "names": ["liba.so.2", "liba.so.1"],
        "optional": True,
        "answered": None,
        "class": "unknown",
        "distribution": None,
        "providers": [],
        "form": "none",
        "held": None,
        "permissions": [],
        "note": {"feature": "sound", "description": None, "priority": "suggested"},
    }
    assert (call["line"], call["class"], [p["attr"] for p in call["providers"]]) == (3, "provided", ["x"])
    assert (program["kind"], program["names"], program["class"]) == ("program", ["ldconfig"], None)
    assert (string["kind"], string["line"], string["note"]) == ("string", None, None)


def test_terminal_tells_each_name_once() -> None:
    out = io.StringIO()
    print_scans([make_scan()], file=out)
    told = [line.strip() for line in out.getvalue().partition("Opened by name")[2].splitlines()[1:]]
    assert told[:3] == [
        "liba.so.1  demo/a.so: .note.dlopen, suggested: sound (or liba.so.2)",
        "liba.so.2  demo/a.so: .note.dlopen, suggested: sound (or liba.so.1)",
        'libx.so.1  pkgs.x, for demo/b.py: ctypes.CDLL("libx.so.1"), line 3; 2 more files name it',
    ]
    assert "ldconfig" not in out.getvalue()  # a finding tells of it


def test_page_tells_each_name_once() -> None:
    found = document_report(Report(target="demo", scans=(make_scan(),), code=()))["opened"]
    assert [(one["soname"], one["file"], one["class"], one["answer"]) for one in found] == [
        ("liba.so.1", "demo/a.so", "unknown", ""),
        ("liba.so.2", "demo/a.so", "unknown", ""),
        ("libx.so.1", "demo/b.py", "provided", "x"),
    ]
