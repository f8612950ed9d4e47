"""One line to symptoms, and the lines around it to who was concerned."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from wheelfix.explain.model import Kind, Symptom
from wheelfix.explain.patterns import (
    FRAME,
    IMPORT,
    LDD_HEAD,
    LOADING,
    PRINTED_JSON,
    SEARCHING,
    TRUNCATED,
    WANTING,
    WORDINGS,
)
from wheelfix.model.base import replace

_REACH = 768
"""Characters before and behind the words of a message that may belong to it."""
_EDGES = " \t'\"`‘’()[]{}"
_SITE = re.compile(r"/(?:site|dist)-packages/|/archive-v\d+/[^/]+/")
_ALTERNATIVES = re.compile(r"any\((.*)\)")
_WINDOWS = re.compile(r"-\d+$")


def parse_line(text: str) -> tuple[Symptom, ...]:
    """Find what a line complains about.

    Args:
        text: one line, undressed by :func:`wheelfix.explain.reader.clean_line`.

    Returns:
        In the order of the patterns; empty for a line about something else.
    """
    found: dict[Symptom, None] = {}
    for kind, phrase, pattern in WORDINGS:
        at = text.find(phrase)
        while at >= 0:
            # A part only: in a line of many thousand characters, an expression would try every one of them.
            part = text[max(0, at - _REACH) : at + _REACH] if len(text) > 2 * _REACH else text
            for match in pattern.finditer(part):
                found |= dict.fromkeys(_build(kind, match, part))
            at = text.find(phrase, at + _REACH) if part is not text else -1
    if not found:
        found |= dict.fromkeys(_parse_printed_json(text))
    if not found and (truncated := TRUNCATED.search(text)):
        found[Symptom(kind=Kind.MISSING, soname=truncated["soname"].rstrip("."))] = None
    return tuple(found)


def locate_symptom(symptom: Symptom, before: Sequence[str]) -> Symptom:
    """Add what the lines before a message say about it: the file that wants the library, module and frame.

    Args:
        symptom: from :func:`parse_line`.
        before: the lines before it, undressed, nearest last; from the nearest traceback's head on.
    """
    if symptom.kind is Kind.UNSATISFIED and symptom.wanted_by is None:
        return replace(symptom, wanted_by=_find_last(SEARCHING, before))
    if symptom.kind is Kind.MISSING and symptom.wanted_by is None and symptom.module is None:
        head = _find_last(LDD_HEAD, before)
        if head and not any(FRAME.search(line) for line in before):
            return replace(symptom, wanted_by=head)
    module, frame = find_import(before)
    return replace(symptom, module=module, frame=frame)


def find_import(lines: Sequence[str]) -> tuple[str | None, str | None]:
    """Find which module a traceback was importing, and the last of its files below site-packages.

    Args:
        lines: a traceback, outermost call first.

    Returns:
        Top-level module of an import that another package asked for, or None where a package imported a part
        of itself; and the path of the file.
    """
    module: str | None = None
    for number in range(len(lines) - 1, -1, -1):
        match = FRAME.search(lines[number])
        if match is None:
            continue
        path = match["path"] or match["pytest"]
        statement = IMPORT.match(lines[number + 1]) if number + 1 < len(lines) else None
        if statement and module is None:
            module = _find_foreign((statement["origin"] or statement["name"]), path)
        if _SITE.search(path):
            return module, path
    return module, None


def _find_foreign(name: str, path: str) -> str | None:
    top = name.partition(".")[0]
    site = _SITE.search(path)
    own = re.split(r"[/.]", path[site.end() :], maxsplit=1)[0] if site else ""
    return None if not top or top == own or top in sys.stdlib_module_names else top


def _build(kind: Kind, match: re.Match[str], text: str) -> Iterator[Symptom]:
    groups = match.groupdict()
    soname = "libxcb-cursor.so.0" if groups.get("xcb") else groups.get("soname")
    if kind is Kind.NAMED:
        yield _name_library(groups.get("name") or groups["title"].lower())
        return
    wanted_by = _trim(groups.get("by") or _find_wanting(text[: match.start()]) or "") or None
    for one in _split(soname) if soname else (None,):
        trimmed = _trim(one) if one else None
        if trimmed and kind is Kind.MISSING and ".so" not in trimmed:
            if re.fullmatch(r"[A-Za-z][\w.+-]*", trimmed):
                yield _name_library(trimmed)
            continue
        if soname and not trimmed:
            continue
        yield Symptom(
            kind=kind,
            soname=trimmed,
            wanted_by=wanted_by,
            version=groups.get("version"),
            symbol=groups.get("symbol"),
        )


def _find_wanting(head: str) -> str | None:
    """The file that wanted a library, by what stands before the message."""
    if head.endswith(LOADING):
        # No expression: it would try each character before each of the many messages that a line can hold.
        body = head.removesuffix(LOADING)
        return body[max(body.rfind(":"), body.rfind("\n")) + 1 :].lstrip(_EDGES) or None
    if not head.endswith((": ", "(")):
        return None
    before = WANTING.search(head.rstrip("(") + "(" * head.endswith("("))
    return next((w for w in before.groups() if w), None) if before else None


def _name_library(name: str) -> Symptom:
    """``find_library("gobject-2.0-0")`` has Windows' name for what is ``libgobject-2.0.so`` elsewhere."""
    return Symptom(kind=Kind.NAMED, soname=f"lib{_WINDOWS.sub('', name.removeprefix('lib'))}.so")


def _split(soname: str) -> tuple[str, ...]:
    """``any(a, b)`` of auto-patchelf and ``{a, b}`` of cuDNN name alternatives: one of them will do."""
    inside = _ALTERNATIVES.fullmatch(soname)
    names = [n.strip() for n in (inside[1] if inside else soname).split(",") if n.strip()]
    if len(names) < 2 or soname.startswith("/"):
        return (names[0],) if names else ()
    majors = [n for n in names if re.fullmatch(r"[^.]+(?:\.[^.\d][^.]*)*\.so\.\d+", n)]
    return ((majors or names)[0],)


def _parse_printed_json(text: str) -> Iterator[Symptom]:
    """``auto-patchelf --structured-logs`` prints one event per line, by its name."""
    start = PRINTED_JSON.search(text)
    if start is None:
        return
    try:
        event: Any = json.JSONDecoder().raw_decode(text, start.start())[0]["Dependency"]
        if event.get("found") is False:
            names = [event["name"]] if isinstance(event["name"], str) else list(event["name"])
            yield from (
                Symptom(kind=Kind.UNSATISFIED, soname=s, wanted_by=str(event["file"]))
                for s in _split(names[0] if len(names) == 1 else f"any({', '.join(names)})")
            )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, IndexError):
        return


def _find_last(pattern: re.Pattern[str], lines: Sequence[str]) -> str | None:
    for line in reversed(lines):
        if match := pattern.search(line):
            return _trim(match["by"])
    return None


def _trim(text: str) -> str:
    """Cut quotes and brackets off, and what stands before a path in the same words (``ImportError: ``)."""
    text = text.strip(_EDGES)
    return text.rpartition(": ")[2].strip(_EDGES) if not text.startswith("/") else text
