"""Checks that sections did not change: the loader ignores them, but strip, debuggers and linkers do not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from wheelfix.patch.model import Problem
from wheelfix.patch.verify.tables import compare_symbols
from wheelfix.patch.verify.view import Section, View

_STEP = 1 << 20
_REWRITTEN = frozenset({0, 6, 8, 0x6FFFFFFD, 0x6FFFFFFE})
"""Types of sections that are compared by their meaning elsewhere, or have no contents."""
_SYMTAB, _DYNSYM = 2, 11


def compare_sections(old: View, new: View) -> Iterator[Problem]:
    """Find sections that are missing, or have other contents."""
    if old.sections and not new.sections:
        yield Problem(check="section", message="the section header table is gone")
        return
    linked = {section.link for section in old.sections if section.type in {6, 11}}
    strings = {old.sections[link].offset for link in linked if link < len(old.sections)}
    # Names were compared as text; the table of names may be another one.
    strings |= {section.offset for section in old.sections[old.shstrndx : old.shstrndx + 1]}
    for before, after in _pair(old, new):
        if after is None:
            yield Problem(check="section", message=f"{before.name} is gone")
        elif before.type == 8 and after.type == 1 and not new.read(after.offset, after.size).strip(b"\0"):
            continue  # zeros that the file now contains
        elif (before.type, before.flags, before.entsize) != (after.type, after.flags, after.entsize):
            yield Problem(check="section", message=f"{before.name} is of another kind")
        elif before.offset in strings or before.name == ".interp" or before.type in _REWRITTEN:
            continue
        elif before.size != after.size:
            yield Problem(
                check="section", message=f"{before.name}: {after.size} bytes instead of {before.size}"
            )
        elif not _same(old, new, before, after):
            yield Problem(check="section", message=f"{before.name} holds something else")
    for before, after in _pair(old, new):
        if after and _link(old, before) != _link(new, after):
            yield Problem(check="section", message=f"{before.name} is linked to another section")


def _link(view: View, section: Section) -> str:
    return view.sections[section.link].name if section.link < len(view.sections) else f"number {section.link}"


def _pair(old: View, new: View) -> Iterator[tuple[Section, Section | None]]:
    """Pair sections of the same name, in order if a name is used twice."""
    found: dict[str, list[Section]] = defaultdict(list)
    for section in new.sections:
        found[section.name].append(section)
    for section in old.sections:
        yield section, found[section.name].pop(0) if found[section.name] else None


def _same(old: View, new: View, before: Section, after: Section) -> bool:
    if before.type == _DYNSYM:  # compared as the loader reads it
        return True
    if before.type == _SYMTAB:
        first, second = old.read(before.offset, before.size), new.read(after.offset, after.size)
        whole = before.size % (24 if old.bits == 64 else 16) == 0
        return first == second or (whole and compare_symbols(old, new, first, second, sections=True))
    for at in range(0, before.size, _STEP):
        size = min(_STEP, before.size - at)
        if old.read(before.offset + at, size) != new.read(after.offset + at, size):
            return False
    return True
