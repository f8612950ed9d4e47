"""Finds what follows the program header table, and whether it can move to make room for one more entry."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from wheelfix.model.base import Struct
from wheelfix.patch.edit import records as r
from wheelfix.patch.edit.records import Header, Section, Segment

_MOVABLE_SECTIONS = frozenset(
    {
        r.SHT_NOTE,
        r.SHT_HASH,
        r.SHT_GNU_HASH,
        r.SHT_DYNSYM,
        r.SHT_GNU_VERSYM,
        r.SHT_GNU_VERNEED,
        r.SHT_GNU_VERDEF,
    }
)
"""Found only through program headers or dynamic tags, so that moving one only changes those."""
_MOVABLE_SEGMENTS = frozenset({r.PT_INTERP, r.PT_NOTE, r.PT_GNU_PROPERTY})
_LONGEST_GAP = 16
_GNU_NOTES = frozenset({1, 2, 3, 4, 5})
"""ABI tag, hardware capabilities, build identifier, gold's version, properties."""


class Lead(Struct):
    """The bytes from the end of the program header table to the end of what would have to move.

    Attributes:
        start: file offset of the first byte.
        moves: whether those bytes have contents that have to move.
    """

    start: int
    data: bytes
    moves: bool

    @property
    def end(self) -> int:
        """File offset after the last byte."""
        return self.start + len(self.data)


def find_lead_end(
    start: int,
    room: int,
    header: Header,
    segments: Sequence[Segment],
    sections: Sequence[Section],
    strings: int,
) -> tuple[int, bool] | None:
    """Find how much has to move to make room after the program header table.

    Args:
        start: file offset of the table's end.
        room: bytes wanted.
        header: the ELF header.
        segments: program headers.
        sections: section headers; empty if the file has none.
        strings: file offset of the dynamic string table, which moves to the end of the file anyway.

    Returns:
        The file offset where the moving bytes end, and whether anything has to move; None if something there
        cannot move. Only kinds of contents are checked here; for the contents see :func:`is_movable`.
    """
    size = len(sections) * header.shentsize
    if sections and header.shoff < start + room and header.shoff + size > start:
        return None
    placed = [s for s in sections if s.end > s.offset and s.flags & r.SHF_ALLOC]
    placed = [s for s in placed if (s.type, s.offset) != (r.SHT_STRTAB, strings)]
    named = [s for s in segments if s.filesz and s.type not in {r.PT_LOAD, r.PT_NULL, r.PT_PHDR}]
    if not sections and not _is_covered(start, start + room, named):
        return None  # without section headers, the meaning of those bytes is unknown
    load = next((s for s in segments if s.type == r.PT_LOAD and s.offset <= start < s.end), None)
    end = start + room
    while True:
        inside_sections = [s for s in placed if s.offset < end and s.end > start]
        inside_segments = [s for s in named if s.offset < end and s.end > start]
        widest = max([end, *(s.end for s in inside_sections), *(s.end for s in inside_segments)])
        if widest == end:
            break
        end = widest
    movable = (
        all(s.offset >= start and s.type in _MOVABLE_SEGMENTS for s in inside_segments)
        and all(_is_movable_kind(s, inside_segments) and s.offset >= start for s in inside_sections)
        and load is not None
        and end <= load.end
    )
    return (end, bool(inside_sections or inside_segments)) if movable else None


def _is_covered(start: int, end: int, segments: Sequence[Segment]) -> bool:
    """Whether segments cover a range of the file without gaps larger than alignment."""
    at = start
    for segment in sorted(segments, key=lambda s: s.offset):
        if at >= end:
            break
        if segment.end > at:
            if segment.offset > at + _LONGEST_GAP:
                return False
            at = segment.end
    return at >= end


def _is_movable_kind(section: Section, segments: Sequence[Segment]) -> bool:
    if section.type in _MOVABLE_SECTIONS:
        return True
    return any(s.type == r.PT_INTERP and s.offset == section.offset for s in segments)


def is_movable(
    lead: Lead,
    *,
    order: str,
    segments: Sequence[Segment],
    sections: Sequence[Section],
    addresses: Sequence[int],
) -> bool:
    """Whether the contents of a lead may move: no notes that code may refer to, no address that is used.

    Args:
        lead: the bytes that are to move.
        order: byte order.
        segments: program headers.
        sections: section headers.
        addresses: of symbols, the entry point, and all tables that cannot move.
    """
    load = next(s for s in segments if s.type == r.PT_LOAD and s.offset <= lead.start < s.end)
    start = load.vaddr + lead.start - load.offset
    if any(start <= address < start + len(lead.data) for address in addresses):
        return False
    # By section if there are sections: mold puts notes of two alignments into one segment.
    notes = [(s.offset, s.end, s.addralign) for s in sections if s.type == r.SHT_NOTE]
    if not sections:
        notes = [(s.offset, s.end, s.align) for s in segments if s.type == r.PT_NOTE]
    return all(
        _are_gnu_notes(lead.data[begin - lead.start : end - lead.start], order, 8 if align == 8 else 4)
        for begin, end, align in notes
        if lead.start <= begin < end <= lead.end
    )


def _are_gnu_notes(data: bytes, order: str, align: int) -> bool:
    """Whether only loader and debugger read the notes; code of Qt, Go and Node.js reads others."""
    at = 0
    while at + 12 <= len(data):
        name, size, kind = struct.unpack_from(order + "III", data, at)
        if data[at + 12 : at + 12 + name] != b"GNU\0" or kind not in _GNU_NOTES:
            return False
        at += 12 + 4
        at = -(-(at + size) // align) * align
    return True
