"""Checks that an ELF file is consistent: its headers, tables and sections agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from wheelfix.patch.model import Problem
from wheelfix.patch.verify.view import (
    DYNAMIC,
    INTERP,
    LOAD,
    NOTE,
    PHDR,
    PROPERTY,
    TLS,
    Program,
    Section,
    View,
)

_ALLOC = 2
_MAPPED = {
    DYNAMIC: "DYNAMIC",
    INTERP: "INTERP",
    NOTE: "NOTE",
    PHDR: "PHDR",
    TLS: "TLS",
    PROPERTY: "GNU_PROPERTY",
    0x6474E550: "GNU_EH_FRAME",
}
# Section type, dynamic tag, and the name of each.
_TABLES = (
    (11, 6, "dynamic symbols"),
    (5, 4, "hash table"),
    (0x6FFFFFF6, 0x6FFFFEF5, "GNU hash table"),
    (0x6FFFFFFF, 0x6FFFFFF0, "symbol versions"),
    (0x6FFFFFFE, 0x6FFFFFFE, "version needs"),
    (0x6FFFFFFD, 0x6FFFFFFC, "version definitions"),
)
_SMALL = frozenset({3, 6, 22, 40, 42, 62, 243})


def page_size(machine: int) -> int:
    """Find the largest page in bytes that a machine's kernels use."""
    return 4 << 10 if machine in _SMALL else 64 << 10


def find_contradictions(old: View, new: View) -> Iterator[Problem]:
    """Find contradictions that are in the new file and not in the old one."""
    had = Counter((check, rule) for check, rule, _ in _find_all(old))
    for check, rule, message in _find_all(new):
        if had[check, rule] > 0:
            had[check, rule] -= 1
        else:
            yield Problem(check=check, message=message)


def _find_all(view: View) -> Iterator[tuple[str, str, str]]:
    yield from _check_loads(view)
    yield from _check_segments(view)
    yield from _check_dynamic(view)
    yield from _check_sections(view)
    yield from _check_overlaps(view)


def _check_loads(view: View) -> Iterator[tuple[str, str, str]]:
    loads = [p for p in view.programs if p.type == LOAD]
    page = page_size(view.machine)
    for load in loads:
        where = f"LOAD segment at address {load.vaddr:#x}"
        if load.align & (load.align - 1) or (load.align > 1 and (load.vaddr - load.offset) % load.align):
            yield (
                "load",
                "congruent",
                f"{where} is at offset {load.offset:#x}: not congruent to {load.align:#x}",
            )
        if load.offset + load.filesz > view.size:
            yield "load", "inside", f"{where} lies outside the file"
        if load.filesz > load.memsz:
            yield "load", "size", f"{where} is larger in the file than in memory"
        if load.align < page:
            yield "load", "align", f"{where} cannot be mapped with pages of {page} bytes"
    for first, second in pairwise(loads):
        if first.vaddr >= second.vaddr:
            yield "load", "sorted", f"LOAD segment at address {second.vaddr:#x} comes too late"
        if first.vaddr + first.memsz > second.vaddr:
            yield "load", "overlap", f"LOAD segments at {first.vaddr:#x} and {second.vaddr:#x} overlap"
        unit = min(page, max(first.align, second.align, 1))
        shared = -(-(first.vaddr + first.memsz) // unit) > second.vaddr // unit
        if shared and first.offset - first.vaddr != second.offset - second.vaddr:
            yield "load", "page", f"LOAD segments at {first.vaddr:#x} and {second.vaddr:#x} share a page"


def _check_segments(view: View) -> Iterator[tuple[str, str, str]]:
    for seg in view.programs:
        if seg.type in _MAPPED and seg.filesz and not _is_mapped(view, seg):
            yield (
                "segment",
                _MAPPED[seg.type],
                f"{_MAPPED[seg.type]} segment: {seg.vaddr:#x} is not where offset {seg.offset:#x} is mapped",
            )
        if seg.type == PHDR and (seg.offset, seg.offset + seg.filesz) != view.table:
            yield "segment", "phdr", "PHDR segment does not describe the program header table"
        if seg.type == INTERP and view.read(seg.offset + max(seg.filesz, 1) - 1, 1) != b"\0":
            yield "segment", "interp", "INTERP segment does not end with NUL"
    if view.table[1] > view.size or sum(p.type == DYNAMIC for p in view.programs) != 1:
        yield "segment", "dynamic", "does not have exactly one DYNAMIC segment"


def _is_mapped(view: View, seg: Program) -> bool:
    at = seg.vaddr
    while at < seg.vaddr + seg.filesz:
        load = view.find_load(at)
        if load is None or load.offset - load.vaddr != seg.offset - seg.vaddr:
            return False
        if at >= load.vaddr + load.filesz:
            return False
        at = load.vaddr + load.filesz
    return True


def _check_dynamic(view: View) -> Iterator[tuple[str, str, str]]:
    strings = view.strings()
    if not strings or strings[0] or strings[-1]:
        yield "strings", "table", "DT_STRTAB and DT_STRSZ give no table that begins and ends with NUL"
    for tag, value in view.tags:
        if tag in {1, 14, 15, 29, 0x7FFFFFFD, 0x7FFFFFFF} and value >= len(strings):
            yield "strings", "inside", f"dynamic entry {tag:#x} names a string outside the table"


def _check_sections(view: View) -> Iterator[tuple[str, str, str]]:
    for section in view.sections:
        if section.stored and section.offset + section.stored > view.size:
            yield "section", "inside", f"section {section.name} lies outside the file"
        elif section.flags & _ALLOC and section.stored:
            load = view.find_load(section.addr)
            if load is None or section.offset - section.addr != load.offset - load.vaddr:
                yield (
                    "section",
                    "mapped",
                    f"section {section.name} is not what is mapped at {section.addr:#x}",
                )
    for kind, tag, name in _TABLES:
        found = [p.addr for p in view.sections if p.type == kind]
        if found and view.first(tag) is not None and view.first(tag) not in found:
            yield "section", name, f"section headers and dynamic entries disagree about the {name}"
    links = {p.link for p in view.sections if p.type in {6, 11}}
    for section in (view.sections[i] for i in links if i < len(view.sections)):
        if (section.addr, section.size) != (view.first(5), view.first(10)):
            yield "section", "strings", "section headers and dynamic entries disagree about the strings"
    for section in view.sections:
        segment = next((p for p in view.programs if p.type == DYNAMIC), None)
        if (
            section.type == 6
            and segment
            and (section.addr, section.offset) != (segment.vaddr, segment.offset)
        ):
            yield "section", "dynamic", "section headers and program headers disagree about .dynamic"


def _check_overlaps(view: View) -> Iterator[tuple[str, str, str]]:
    placed = [(p.offset, p.offset + p.stored, f"section {_name(p)}") for p in view.sections if p.stored]
    placed += [(*view.table, "program header table"), (0, view.identity[-1], "ELF header")]
    if view.headers[1]:
        placed.append((*view.headers, "section header table"))
    placed = sorted(p for p in placed if p[1] > p[0])
    for (_, end, first), (start, _, second) in pairwise(placed):
        if start < end:
            yield "section", "overlap", f"{first} and {second} overlap in the file"


def _name(section: Section) -> str:
    return section.name or f"at {section.offset:#x}"
