"""Parses notes, and derives the traits of a file from program headers and notes.

Note layout from the System V gABI 4.1, chapter 5; GNU properties from the Linux Extensions to gABI and the
x86-64 psABI (``GNU_PROPERTY_X86_ISA_1_NEEDED``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final

from wheelfix.elf.header import PT_LOAD, Header
from wheelfix.model.base import Struct
from wheelfix.model.elf import ElfTraits

PT_GNU_STACK: Final = 0x6474E551
PF_X: Final = 1
NT_GNU_PROPERTY: Final = 5
_X86_ISA_1_NEEDED: Final = 0xC0008002
_ISA_LEVELS: Final = ("x86-64-baseline", "x86-64-v2", "x86-64-v3", "x86-64-v4")
_DT_TEXTREL, _DT_FLAGS, _DF_TEXTREL = 22, 30, 4


class Note(Struct, kw_only=False):
    """One note: owner without its NUL, type, contents."""

    owner: bytes
    type: int
    description: bytes


def parse_notes(data: bytes, *, order: str, align: int) -> Iterator[Note]:
    """Split the contents of a PT_NOTE segment.

    Args:
        data: the segment.
        order: ``<`` or ``>``.
        align: the segment's alignment; 8 pads name and contents to 8 bytes, everything else to 4.

    Yields:
        Notes up to the first one that exceeds the end.
    """
    align = 8 if align == 8 else 4
    at = 0
    while at + 12 <= len(data):
        name_size, size, kind = struct.unpack_from(f"{order}III", data, at)
        name = at + 12
        # The name is padded relative to the note, whose header of 12 bytes is not a multiple of 8.
        start = at + _round_up(12 + name_size, align)
        if start + size > len(data):
            return
        yield Note(data[name : name + name_size].rstrip(b"\0"), kind, data[start : start + size])
        at += _round_up(start - at + size, align)


def find_traits(path: str, header: Header, notes: Iterable[Note], dynamic: bytes) -> ElfTraits:
    """Collect the traits of one file.

    Args:
        path: member path.
        header: its program headers.
        notes: the notes of all its PT_NOTE segments.
        dynamic: the contents of PT_DYNAMIC; empty if there is none.
    """
    sizes = [s.align for s in header.segments if s.type == PT_LOAD and s.filesz]
    return ElfTraits(
        path=path,
        machine=header.machine,
        isa=_find_isa(header, notes),
        executable_stack=any(s.type == PT_GNU_STACK and s.flags & PF_X for s in header.segments),
        text_relocations=_has_text_relocations(header, dynamic),
        page_size=min(sizes, default=None),
    )


def _round_up(value: int, align: int) -> int:
    return value + -value % align


def _find_isa(header: Header, notes: Iterable[Note]) -> str | None:
    if header.machine not in {"x86_64", "i686", "x32"}:
        return None
    needed = 0
    for note in notes:
        if note.owner == b"GNU" and note.type == NT_GNU_PROPERTY:
            needed |= _find_property(header, note.description, _X86_ISA_1_NEEDED)
    levels = [name for bit, name in enumerate(_ISA_LEVELS) if needed & 1 << bit]
    return levels[-1] if levels else None


def _find_property(header: Header, data: bytes, wanted: int) -> int:
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{header.order}II", data, at)
        if kind == wanted and size == 4 and at + 12 <= len(data):
            value: int = struct.unpack_from(f"{header.order}I", data, at + 8)[0]
            return value
        at += 8 + _round_up(size, header.bits // 8)
    return 0


def _has_text_relocations(header: Header, dynamic: bytes) -> bool:
    entry = struct.Struct(header.order + ("qQ" if header.bits == 64 else "iI"))
    for tag, value in entry.iter_unpack(dynamic[: len(dynamic) - len(dynamic) % entry.size]):
        if tag == 0:
            break
        if tag == _DT_TEXTREL or (tag == _DT_FLAGS and value & _DF_TEXTREL):
            return True
    return False
