"""The page as text: what is in it, and that nothing can get out of its place."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tomllib
from html.parser import HTMLParser
from importlib import resources

import pytest

from tests.support.report import CODE, every_class, hostile, need, scan
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.scan import Finding, Level
from wheelfix.report.model import Report
from wheelfix.report.page import document_report, render_report

DATA = resources.files("wheelfix.report") / "data"
HOSTILE = (
    "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>&amp;\u2028\u202e\x1b[31m'\"$policy"
)


class Page(HTMLParser):
    """Elements of a page as a browser's parser would see them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in {"script", "style"}:
            self.raw.append((tag if not dict(attrs).get("type") else "data", ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:
            kind, text = self.raw[-1]
            self.raw[-1] = (kind, text + data)

    def find(self, kind: str) -> list[str]:
        return [text for found, text in self.raw if found == kind]


def quote_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize("report", [every_class(), hostile(HOSTILE)], ids=["plain", "hostile"])
def test_policy_names_exactly_what_is_in_the_page(report: Report) -> None:
    page = Page(render_report(report))
    policies = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert policies[0] is not None
    policy = dict(part.strip().split(" ", 1) for part in policies[0].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"].split() == [quote_hash(text) for text in page.find("script")]
    assert policy["style-src"].split() == [quote_hash(text) for text in page.find("style")]
    assert policy["require-trusted-types-for"] == "'script'"


@pytest.mark.parametrize("report", [every_class(), hostile(HOSTILE)], ids=["plain", "hostile"])
def test_nothing_is_loaded_from_elsewhere(report: Report) -> None:
    for tag, attributes in Page(render_report(report)).elements:
        assert tag not in {"img", "iframe", "object", "embed", "link", "base"}
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
        assert not any(name.startswith("on") or name == "style" for name in attributes)


def test_the_shell_is_the_same_for_every_report() -> None:
    def shell(report: Report) -> str:
        text, count = re.subn(
            r'(<script type="application/json"[^>]*>)[^<]*(</script>)', r"\1\2", page(report)
        )
        assert count == 1
        return text

    page = render_report
    assert shell(every_class()) == shell(hostile(HOSTILE))


def test_data_come_out_as_they_went_in() -> None:
    for report in (every_class(), hostile(HOSTILE)):
        (data,) = Page(render_report(report)).find("data")
        assert json.loads(data) == document_report(report)
        assert not set(data) & set("<>&\u2028\u2029")
        assert data.isascii()


def test_code_stays_as_it_is_and_other_text_is_made_visible() -> None:
    document = document_report(hostile("a\u202eb\x1b[31m"))
    assert document["code"][0]["text"] == "a\u202eb\x1b[31m\n"
    del document["code"]
    assert r"a\\u202eb\\x1b[31m" in json.dumps(document, ensure_ascii=False)
    assert not re.search("[\u202e\x1b]", json.dumps(document, ensure_ascii=False))


def test_libraries_are_gathered_by_name_and_answer() -> None:
    libraries = document_report(every_class())["libraries"]
    found = [
        (one["soname"], one["class"], one["answer"], [w["by"] for w in one["wanted"]]) for one in libraries
    ]
    assert found == [
        ("libwhat.so.3", "unknown", "nobody", [0]),
        ("libGL.so.1", "ambiguous", "libglvnd or mesa", [0]),
        ("libodbc.so.2", "provided", "unixodbc", [0]),
        ("libz.so.1", "provided", "zlib", [0]),
        ("libcuda.so.1", "driver", "the GPU driver", [0]),
        ("libcublas.so.12", "sibling", "nvidia-cublas-cu12", [1]),
        ("libown.so.1", "bundled", "the wheel itself", [0]),
        ("libz.so.1", "bundled", "the wheel itself", [1]),
        ("libpython3.12.so.1.0", "python", "the Python interpreter", [1]),
        ("libc.so.6", "libc", "the C library", [0, 1]),
    ]


def test_machines_are_kept_apart() -> None:
    one, two = (
        need("libz.so.1", NeedClass.PROVIDED, attrs=["zlib"], machine=m) for m in ("aarch64", "x86_64")
    )
    libraries = document_report(Report(target="t", scans=(scan("fat", one, two),)))["libraries"]
    assert [library["machine"] for library in libraries] == ["aarch64", "x86_64"]


def test_findings_are_said_once_and_the_gravest_first() -> None:
    findings = document_report(every_class())["findings"]
    assert [(f["level"], f["by"]) for f in findings] == [("warning", [0]), ("note", [0, 1])]


def test_findings_about_all_of_it_come_first_among_equals() -> None:
    whole = Finding(level=Level.ERROR, subject="lock", message="is torn")
    report = replace(every_class(), scans=every_class().scans[1:], findings=(whole,))
    document = document_report(report)
    assert document["answered"] is False
    assert [(f["subject"], f["by"]) for f in document["findings"]] == [("lock", []), ("GLIBC_2.38", [0])]


def test_answered() -> None:
    report = every_class()
    assert document_report(report)["answered"] is False
    assert document_report(replace(report, scans=report.scans[1:]))["answered"] is True
    assert document_report(report)["code"][0]["text"] == CODE


def test_files_of_no_distribution_have_a_name_too() -> None:
    stray = document_report(Report(target="t", scans=(scan("", need("libz.so.1", NeedClass.UNKNOWN)),)))
    assert stray["distributions"][0]["name"] == "(files of no distribution)"


def test_bundled_library_is_the_one_that_is_declared() -> None:
    told = tomllib.loads((DATA / "provenance.toml").read_text("utf-8"))
    library = (DATA / "cytoscape.min.js").read_bytes()
    assert hashlib.sha256(library).hexdigest() == told["sha256"]
    assert b"Permission is hereby granted" in (DATA / "cytoscape.LICENSE").read_bytes()
