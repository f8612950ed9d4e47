"""Checks that memory has the same contents and rights as before, at every address."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from wheelfix.patch.model import Problem
from wheelfix.patch.verify.sound import page_size
from wheelfix.patch.verify.tables import MOVABLE, SEMANTIC, measure
from wheelfix.patch.verify.view import (
    DYNAMIC,
    INTERP,
    LOAD,
    NOTE,
    PHDR,
    PROPERTY,
    RELRO,
    STACK,
    Program,
    View,
)

_STEP = 1 << 20
_PADDING = 64
"""Bytes; the padding that tools write after the last block is shorter."""
_REBUILT = frozenset({LOAD, 0, DYNAMIC, INTERP, NOTE, PHDR, PROPERTY, RELRO, STACK})
Span = tuple[int, int]


def compare_loads(old: View, new: View) -> Iterator[Problem]:
    """Find addresses that are no longer mapped or have other rights, and segments with a lower alignment."""
    for load in (p for p in old.programs if p.type == LOAD):
        at, end = load.vaddr, load.vaddr + load.memsz
        while at < end:
            seg = new.find_load(at)
            if seg is None:
                stop = min([end, *(p.vaddr for p in new.programs if p.type == LOAD and p.vaddr > at)])
                if _is_dead(old, new, at, stop):  # strip removes ranges that no section covers
                    at = stop
                    continue
                yield Problem(check="load", message=f"nothing is mapped at address {at:#x} any more")
                break
            if seg.flags != load.flags:
                yield Problem(check="load", message=f"address {at:#x} is mapped with other rights")
                break
            at = seg.vaddr + seg.memsz
        backed = load.vaddr + load.filesz
        tail = new.memory(backed, min(end - backed, _STEP)) if end > backed else b""
        if tail and tail.strip(b"\0"):
            yield Problem(check="content", message=f"memory at address {backed:#x} was zero and is not")
    aligns = [p.align for p in old.programs if p.type == LOAD]
    least = min([page_size(old.machine), *aligns])
    for seg in new.programs:
        if seg.type == LOAD and seg.align < least:
            yield Problem(
                check="load",
                message=f"LOAD segment at address {seg.vaddr:#x} is aligned to {seg.align:#x} only",
            )


def _is_dead(old: View, new: View, start: int, end: int) -> bool:
    """Whether all addresses of a range belong to tables that moved, or to no section."""
    spans = [*_find_free(old, new), *_find_gaps(old, (start, end))]
    for first, last in sorted(spans):
        if first <= start < last:
            start = last
    return start >= end


def compare_segments(old: View, new: View) -> Iterator[Problem]:
    """Find program headers other than LOAD that are missing or have other values."""
    present = [_essence(p) for p in new.programs]
    for seg in old.programs:
        if seg.type not in _REBUILT and _essence(seg) not in present:
            yield Problem(check="segment", message=f"segment of type {seg.type:#x} at {seg.vaddr:#x} is gone")
    stacks = [[p.flags for p in view.programs if p.type == STACK] for view in (old, new)]
    if stacks[0] != stacks[1]:
        yield Problem(check="segment", message="GNU_STACK differs")
    if not _is_same_relro(old, new):
        yield Problem(check="segment", message="GNU_RELRO differs")
    kinds = [{p.type for p in view.programs} for view in (old, new)]
    if {PHDR, INTERP} <= kinds[0] and PHDR not in kinds[1]:  # loaders find the table of a library without it
        yield Problem(check="segment", message="PHDR segment is gone")
    notes = [
        sorted(note for p in view.programs if p.type == NOTE for note in _notes(view, p))
        for view in (old, new)
    ]
    if notes[0] != notes[1]:
        yield Problem(check="segment", message="notes differ")
    had, has = (
        [view.memory(p.vaddr, p.filesz) for p in view.programs if p.type == PROPERTY] for view in (old, new)
    )
    if had != has and not (
        not has and old.machine in {3, 62}
    ):  # x86 reads the properties from the notes as well
        yield Problem(check="segment", message="GNU_PROPERTY differs")


def _is_same_relro(old: View, new: View) -> bool:
    """Whether the same pages become read-only; strip makes the range begin after tables that moved."""
    had, has = ([p for p in view.programs if p.type == RELRO] for view in (old, new))
    if [p.flags for p in had] != [p.flags for p in has]:
        return False
    page = page_size(old.machine)
    return all(
        (a.vaddr, a.memsz) == (b.vaddr, b.memsz)
        or (
            (a.vaddr + a.memsz) // page == (b.vaddr + b.memsz) // page
            and a.vaddr < b.vaddr
            and _is_dead(old, new, a.vaddr, b.vaddr)
        )
        for a, b in zip(had, has, strict=True)
    )


def _essence(seg: Program) -> tuple[int, ...]:
    return (seg.type, seg.flags, seg.vaddr, seg.filesz, seg.memsz, seg.align)


def _notes(view: View, seg: Program) -> Iterator[tuple[bytes, int, bytes]]:
    """Read name, type and contents of a segment's notes; by section, as mold mixes alignments in one."""
    end = seg.offset + seg.filesz
    notes = [s for s in view.sections if s.type == 7 and s.stored and seg.offset <= s.offset < end]
    ranges = [(s.offset, s.size, s.addralign) for s in notes]
    for start, size, align in ranges or [(seg.offset, seg.filesz, seg.align)]:
        yield from _split_notes(view.read(start, size), view.order, 8 if align == 8 else 4)


def _split_notes(raw: bytes, order: str, unit: int) -> Iterator[tuple[bytes, int, bytes]]:
    at = 0
    while at + 12 <= len(raw):
        name, size, kind = struct.unpack_from(order + "III", raw, at)
        start = at + 12 + -(-name // 4) * 4
        start = -(-start // unit) * unit
        yield raw[at + 12 : at + 12 + name], kind, raw[start : start + size]
        at = -(-(start + size) // unit) * unit


def compare_contents(old: View, new: View) -> Iterator[Problem]:
    """Find changed bytes at addresses that an edit must not change: code, data and tables that stay in place.

    Code refers to these by address, so they are compared byte by byte. Headers, strings, the dynamic section
    and tables that moved are left out, as other comparisons check them.
    """
    free = sorted(_find_free(old, new))
    for load in (p for p in old.programs if p.type == LOAD):
        at, end = load.vaddr, load.vaddr + min(load.filesz, old.size)  # the size in the header may be wrong
        for start, stop in [*free, (end, end)]:
            if start > at:
                yield from _compare_span(old, new, at, min(start, end))
            at = max(at, stop)
            if at >= end:
                break


def _compare_span(old: View, new: View, start: int, end: int) -> Iterator[Problem]:
    for at in range(start, end, _STEP):
        size = min(_STEP, end - at)
        before, after = old.memory(at, size), new.memory(at, size)
        if before == after:
            continue
        if before is None or after is None:  # compare_loads reports that
            return
        first = next(i for i in range(size) if before[i] != after[i])
        count = sum(a != b for a, b in zip(before, after, strict=True))
        place = f"{count} bytes from address {at + first:#x} on ({_name_place(old, at + first)})"
        yield Problem(check="content", message=f"{place} are not what they were")
        return


def _name_place(view: View, address: int) -> str:
    for section in view.sections:
        if section.flags & 2 and section.addr <= address < section.addr + section.stored:
            return section.name
    return "in no section"


def _find_free(old: View, new: View) -> Iterator[Span]:
    """Find ranges that are compared by their meaning elsewhere, or are no longer used."""
    headers = [_to_memory(old, span) for span in ((0, old.identity[-1]), old.table, old.headers)]
    yield from (span for span in headers if span)
    strings, size = old.first(5), old.first(10)
    if strings is not None and size is not None:
        yield strings, strings + size
        if new.first(5) == strings:  # it may grow into the padding after it, if there is only padding
            grown = strings + (new.first(10) or 0)
            padding = [*_find_gaps(old, (strings + size, min(grown, strings + size + _PADDING)))]
            yield from (
                span for span in padding if not (old.memory(span[0], span[1] - span[0]) or b"").strip(b"\0")
            )
    for kind in (DYNAMIC, INTERP):
        yield from ((p.vaddr, p.vaddr + p.memsz) for p in old.programs if p.type == kind)
    for tag in MOVABLE:
        before, after = old.first(tag), new.first(tag)
        if before is not None and (after != before or tag in SEMANTIC) and (length := measure(old, tag)):
            yield before, before + length
    places = {(p.type, p.vaddr) for p in new.programs}
    for seg in old.programs:
        moved = seg.type in {NOTE, PROPERTY} and (seg.type, seg.vaddr) not in places
        if moved and all(name == b"GNU\0" for name, _, _ in _notes(old, seg)):
            yield seg.vaddr, seg.vaddr + seg.filesz
    yield from _find_gaps(old, _to_memory(old, new.table))


def _to_memory(view: View, span: Span) -> Span | None:
    """Find the addresses at which a range of the file is mapped."""
    for seg in view.programs:
        if seg.type == LOAD and seg.offset <= span[0] and span[1] <= seg.offset + seg.filesz:
            return span[0] - seg.offset + seg.vaddr, span[1] - seg.offset + seg.vaddr
    return None


def _find_gaps(view: View, span: Span | None) -> Iterator[Span]:
    """Find the parts of a range of addresses that belong to no section."""
    if span is None or not view.sections:
        return
    at, end = span
    for section in sorted((p for p in view.sections if p.flags & 2 and p.stored), key=lambda p: p.addr):
        if section.addr + section.size <= at or section.addr >= end:
            continue
        if section.addr > at:
            yield at, section.addr
        at = section.addr + section.size
    if at < end:
        yield at, end
