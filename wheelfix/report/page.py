"""Makes the data of a report page, and renders the page: needs of all distributions, grouped by library."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from string import Template
from typing import Any

from wheelfix.model.classes import CLASS_TRAITS, OPEN_CLASSES, NeedClass
from wheelfix.model.index import IndexInfo, Provider, say_date
from wheelfix.model.scan import Finding, Level, Need, Opening, WheelScan
from wheelfix.report.escape import printable
from wheelfix.report.model import Report
from wheelfix.scan.openings import find_answer, group_by_name
from wheelfix.scan.sentences import say_bringer, say_need, say_openings

_ORDER = tuple(CLASS_TRAITS)
_LEVELS = tuple(Level)


def document_report(report: Report) -> dict[str, Any]:
    """Build the data of the page.

    Distributions are numbered; libraries, findings and openings refer to them by number. Control characters
    and invisible marks in foreign text are made visible; code is unchanged.

    Args:
        report: the report.

    Returns:
        Lists, dicts, strings, numbers and None only; the most urgent first.
    """
    scans = report.scans
    document: dict[str, Any] = {
        "target": report.target,
        "answered": report.answered,
        "indexes": sorted({_say_index(scan.index) for scan in scans}),
        "classes": [
            {"name": kind.value, "meaning": traits.meaning, "open": traits.is_open}
            for kind, traits in CLASS_TRAITS.items()
        ],
        "distributions": [_document_scan(scan, installed=report.installed) for scan in scans],
        "libraries": _document_libraries(scans),
        "inputs": sorted({attr for scan in scans for attr in scan.build_inputs}),
        "ignored": sorted({name for scan in scans for name in scan.ignore_missing if not report.installed}),
        "opened": _document_opened(scans),
        "findings": _document_findings(report),
    }
    code = [{"label": c.label, "place": c.place, "text": c.text} for c in report.code]
    copied = {"copied_inputs": report.inputs, "copied_ignored": report.ignored}
    return {**_make_visible(document), "code": code, **copied}


def _say_index(info: IndexInfo) -> str:
    return f"the {info.source} index {say_date(info)} ({info.system})"


def _document_scan(scan: WheelScan, *, installed: bool) -> dict[str, Any]:
    return {
        "name": scan.name or "(files of no distribution)",
        "version": scan.version,
        "target": scan.target,
        "machine": scan.machine,
        "files": len(scan.objects),
        "needs": len(scan.needs),
        "open": sum(need.need_class in OPEN_CLASSES for need in scan.used),
        "inputs": sorted(scan.build_inputs),
        "baseline": sorted(() if installed else scan.baseline_inputs),
        "ignored": sorted(() if installed else scan.ignore_missing),
    }


def _document_libraries(scans: Sequence[WheelScan]) -> list[dict[str, Any]]:
    """Return one entry per library and answer, as wheels may have different answers for a soname."""
    found: dict[tuple[int, str, str, str], dict[str, Any]] = {}
    for number, scan in enumerate(scans):
        for need in scan.needs:
            answer = _say_answer(need)
            key = (_ORDER.index(need.need_class), need.soname, need.machine, answer)
            library = found.setdefault(key, _document_library(need, answer))
            library["wanted"].append(
                {
                    "by": number,
                    "files": sorted(need.wanted_by),
                    "reason": say_need(need),
                    "versions": sorted(need.versions),
                    "optional": need.optional,
                }
            )
    return [found[key] for key in sorted(found)]


def _document_library(need: Need, answer: str) -> dict[str, Any]:
    return {
        "soname": need.soname,
        "machine": need.machine,
        "class": need.need_class.value,
        "answer": answer,
        "providers": [_document_provider(p) for p in need.providers],
        "wanted": [],
    }


def _say_answer(need: Need) -> str:
    match need.need_class:
        case NeedClass.SIBLING:
            return need.distribution or "another distribution"
        case NeedClass.PROVIDED:
            return need.providers[0].attr
        case NeedClass.AMBIGUOUS:
            return " or ".join(sorted({p.attr for p in need.providers[:2]}))
        case _:
            return CLASS_TRAITS[need.need_class].bringer


def _document_provider(provider: Provider) -> dict[str, Any]:
    return {
        "attr": provider.attr,
        "output": provider.output,
        "path": provider.path,
        "version": provider.version or "",
    }


def _document_opened(scans: Sequence[WheelScan]) -> list[dict[str, Any]]:
    found = [
        (name, number, openings)
        for number, scan in enumerate(scans)
        for name, openings in group_by_name(scan.openings).items()
    ]
    return [_document_one_opened(*one) for one in sorted(found, key=lambda one: one[:2])]


def _document_one_opened(name: str, number: int, openings: Sequence[Opening]) -> dict[str, Any]:
    answer = find_answer(openings, name)
    need_class = (answer and answer.need_class) or NeedClass.UNKNOWN
    return {
        "soname": name,
        "by": number,
        "file": openings[0].file,
        "evidence": say_openings(openings, name, answer),
        "class": need_class.value,
        "answer": say_bringer(answer) if answer else "",
    }


def _document_findings(report: Report) -> list[dict[str, Any]]:
    """Return the findings; a finding that several distributions share is listed once."""
    found: dict[Finding, list[int]] = {finding: [] for finding in report.findings}
    for number, scan in enumerate(report.scans):
        for finding in scan.findings:
            found.setdefault(finding, []).append(number)
    return [
        {
            "level": finding.level.value,
            "subject": finding.subject,
            "message": finding.message,
            "by": found[finding],
        }
        for finding in sorted(found, key=lambda f: _LEVELS.index(f.level))
    ]


def _make_visible(value: Any) -> Any:
    """Escape invisible and reordering characters in all text of a document."""
    match value:
        case str():
            return printable(value)
        case list():
            return [_make_visible(one) for one in value]
        case dict():
            return {key: _make_visible(one) for key, one in value.items()}
        case _:
            return value


_SCRIPTS = (
    "common.js",
    "cytoscape.min.js",
    "summary.js",
    "libraries.js",
    "layout.js",
    "graph.js",
    "start.js",
)
_POLICY = (
    "default-src 'none'; script-src {scripts}; style-src {style}; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def render_report(report: Report) -> str:
    """Render the page.

    Args:
        report: the report.

    Returns:
        A complete HTML document, always the same for the same report.
    """
    data = resources.files("wheelfix.report") / "data"
    style, shell = ((data / name).read_text("utf-8") for name in ("page.css", "page.html"))
    scripts = [(data / name).read_text("utf-8") for name in _SCRIPTS]
    policy = _POLICY.format(scripts=" ".join(map(_hash, scripts)), style=_hash(style))
    return Template(shell).substitute(
        policy=policy,
        style=style,
        data=_quote(json.dumps(document_report(report), separators=(",", ":"))),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _hash(source: str) -> str:
    """Return the hash of an element's content as a policy names it (CSP level 3, section 2.3.1)."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


def _quote(text: str) -> str:
    r"""Escape JSON, which is ASCII already, for a script element: nothing in it can end the element.

    U+2028 and U+2029, which old JavaScript takes for line ends, are escaped because all of U+0080 and up is.

    Example:
        >>> _quote('["</script>"]')
        '["\\u003c/script\\u003e"]'
    """
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
