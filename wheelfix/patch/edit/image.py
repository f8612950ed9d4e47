"""Reads an ELF file for the editor: all records that it may write, and the uses of each string.

Every value is checked: the file is refused if a table lies outside of it, contradicts another one, or is of a
kind that cannot be edited reliably.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from wheelfix.model.base import Struct
from wheelfix.patch.edit import records as r
from wheelfix.patch.edit.displace import Lead, find_lead_end
from wheelfix.patch.edit.records import Header, Layout, Section, Segment
from wheelfix.patch.edit.source import Source
from wheelfix.patch.edit.strings import VersionFile, list_names, read_symbols, read_verdef, read_verneed

_TRAILERS = (b"PK\5\6", b"MEI\14\13\12\13\16")
"""End of a zip archive, of a PyInstaller archive: both are found from the end of their file."""


class ElfImage(Struct):
    """One dynamic ELF file.

    Attributes:
        subject: name of the file in messages.
        size: of the file, in bytes.
        segments: program headers in table order.
        sections: section headers in table order; empty if the file has none.
        tags: dynamic entries up to the first DT_NULL.
        capacity: entries that fit into PT_DYNAMIC, including DT_NULL if it has one.
        dynamic: bytes of PT_DYNAMIC.
        strings: the dynamic string table.
        strings_offset: file offset of that table.
        version_files: for each record of the version needs, its soname and the offset of that field.
        name_refs: string offsets used by symbols and symbol versions, unsorted.
        symbols: the dynamic symbol table.
        shared_strings: whether a table other than the dynamic ones uses the string table.
        interpreter: bytes of PT_INTERP, or None.
        lead: the bytes after the program headers that can move, or None.
        trailer: whether the file has data after all tables that is found from the end of the file.
        fetch: reads more of the file, by offset and size.
    """

    subject: str
    size: int
    layout: Layout
    header: Header
    segments: tuple[Segment, ...]
    sections: tuple[Section, ...]
    tags: tuple[tuple[int, int], ...]
    capacity: int
    dynamic: bytes
    strings: bytes
    strings_offset: int
    version_files: tuple[VersionFile, ...]
    name_refs: Sequence[int]
    symbols: bytes
    shared_strings: bool
    interpreter: bytes | None
    lead: Lead | None
    trailer: bool
    fetch: Callable[[int, int], bytes]

    def find_segment(self, kind: int) -> int | None:
        """Find the index of the first program header of a type."""
        return next((i for i, s in enumerate(self.segments) if s.type == kind), None)

    def text(self, at: int) -> bytes:
        """Return the string at an offset of the string table."""
        return self.strings[at : self.strings.index(b"\0", at)]


def map_address(segments: Sequence[Segment], address: int, size: int) -> int | None:
    """Find the file offset of a range of addresses; None unless one range of the file maps all of it.

    A table may span adjacent LOAD segments: tools for manylinux1 split segments inside of tables.
    """
    start = None
    at, end = address, address + size
    for segment in segments:
        if segment.type == r.PT_LOAD and segment.vaddr <= at < segment.vaddr + segment.filesz:
            offset = segment.offset + at - segment.vaddr
            if start is None:
                start = offset
            elif offset - start != at - address:
                return None
            at = segment.vaddr + segment.filesz
            if at >= end:
                return start
    return None


def read_image(subject: str, fd: int) -> ElfImage:
    """Read one ELF file.

    Args:
        subject: how the file is called in messages.
        fd: descriptor of a regular file.

    Raises:
        EditRefused: it is not an ELF file, is damaged, or is of a kind that is not edited.
    """
    source = Source(subject, fd)
    layout, header = _read_header(source)
    segments = _read_segments(source, layout, header)
    sections = _read_sections(source, layout, header)
    found = next((s for s in segments if s.type == r.PT_DYNAMIC), None)
    if found is None or found.filesz == 0:
        raise source.refuse("is linked statically", "leave it as it is: it loads no shared libraries")
    if map_address(segments, found.vaddr, found.filesz) != found.offset:
        raise source.refuse("the dynamic section's address and its offset contradict each other")
    dynamic = source.read(found.offset, found.filesz - found.filesz % layout.tag.size, what="dynamic section")
    tags = _unpack_tags(layout, dynamic)
    first = dict(reversed(tags))
    if r.DT_STRTAB not in first or r.DT_STRSZ not in first or r.DT_SYMTAB not in first:
        raise source.refuse("the dynamic section names no string table or no symbols")
    strings_offset = map_address(segments, first[r.DT_STRTAB], first[r.DT_STRSZ])
    if strings_offset is None:
        raise source.refuse("the dynamic string table lies outside the file")
    strings = source.read(strings_offset, first[r.DT_STRSZ], what="dynamic string table")
    if not strings or strings[0] or strings[-1]:
        raise source.refuse("the dynamic string table does not begin and end with an empty string")
    symbols = read_symbols(source, layout, segments, sections, first, header.machine)
    files, version_names = read_verneed(source, layout, segments, first)
    refs = list_names(layout, symbols)
    refs.extend([*version_names, *read_verdef(source, layout, segments, first)])
    named = [value for tag, value in tags if tag in r.STRING_TAGS]
    if any(at >= len(strings) for at in [*named, *(f.name for f in files)]):
        raise source.refuse("a name lies outside the dynamic string table")
    interpreter = next((s for s in segments if s.type == r.PT_INTERP and s.filesz), None)
    image = ElfImage(
        subject=subject,
        size=source.size,
        layout=layout,
        header=header,
        segments=segments,
        sections=sections,
        tags=tuple(tags),
        capacity=len(dynamic) // layout.tag.size,
        dynamic=dynamic,
        strings=strings,
        strings_offset=strings_offset,
        version_files=files,
        name_refs=refs,
        symbols=symbols,
        shared_strings=_is_shared(header, sections, strings_offset),
        interpreter=source.read(interpreter.offset, interpreter.filesz, what="interpreter")
        if interpreter
        else None,
        lead=_read_lead(source, layout, header, segments, sections, strings_offset),
        trailer=_has_trailer(source, header, segments, sections),
        fetch=lambda offset, size: source.read(offset, size, what="segment"),
    )
    _refuse_odd(source, image, first)
    return image


def _read_header(source: Source) -> tuple[Layout, Header]:
    if source.size < 16 or (ident := source.read(0, 16, what="ELF header"))[:4] != b"\x7fELF":
        raise source.refuse("is no ELF file", "name a shared library or a program")
    bits, order = {1: 32, 2: 64}.get(ident[4]), {1: "<", 2: ">"}.get(ident[5])
    if bits is None or order is None:
        raise source.refuse(f"ELF class {ident[4]} and data encoding {ident[5]} do not exist")
    layout = Layout(bits, order)
    header = Header(*layout.header.unpack(source.read(16, layout.header.size, what="ELF header")))
    if header.type not in {2, 3}:
        raise source.refuse(
            "is neither a program nor a shared library", "leave it as it is: nothing loads it"
        )
    if header.phnum == 0xFFFF or header.phentsize != layout.segment.size:
        raise source.refuse(f"{header.phnum} program headers of {header.phentsize} bytes are not supported")
    return layout, header


def _read_segments(source: Source, layout: Layout, header: Header) -> tuple[Segment, ...]:
    raw = source.read(header.phoff, header.phnum * header.phentsize, what="program header table")
    segments = tuple(layout.unpack_segment(raw, at) for at in range(0, len(raw), header.phentsize))
    loads = [s for s in segments if s.type == r.PT_LOAD]
    for segment in segments:
        if segment.filesz and segment.end > source.size and segment.type != r.PT_NULL:
            raise source.refuse(f"a segment at offset {segment.offset:#x} lies outside the file")
    for load in loads:
        if load.filesz > load.memsz or (load.align > 1 and (load.vaddr - load.offset) % load.align):
            raise source.refuse(f"the LOAD segment at address {load.vaddr:#x} contradicts itself")
    if any(a.vaddr + a.memsz > b.vaddr for a, b in pairwise(loads)):
        raise source.refuse("the LOAD segments overlap or are out of order")
    for kind in (r.PT_DYNAMIC, r.PT_INTERP):
        if sum(s.type == kind for s in segments) > 1:
            raise source.refuse("has two dynamic sections or two interpreters")
    return segments


def _read_sections(source: Source, layout: Layout, header: Header) -> tuple[Section, ...]:
    if header.shoff == 0:
        return ()
    if header.shentsize != layout.section.size:
        raise source.refuse(f"section headers of {header.shentsize} bytes are not supported")
    count = header.shnum
    if count == 0:  # in the gABI: there are more than 65 279
        raw = source.read(header.shoff, header.shentsize, what="section header table")
        count = layout.unpack_section(raw, 0).size
    raw = source.read(header.shoff, count * header.shentsize, what="section header table")
    sections = tuple(layout.unpack_section(raw, at) for at in range(0, len(raw), header.shentsize))
    for section in sections:
        if section.end > max(source.size, section.offset):
            raise source.refuse(f"a section at offset {section.offset:#x} lies outside the file")
    return sections


def _unpack_tags(layout: Layout, dynamic: bytes) -> list[tuple[int, int]]:
    tags: list[tuple[int, int]] = []
    for tag, value in layout.tag.iter_unpack(dynamic):
        if tag == r.DT_NULL:
            return tags
        tags.append((tag, value))
    return tags  # bfd's --spare-dynamic-tags=0 writes no DT_NULL and relies on the zeros after it


def _is_shared(header: Header, sections: Sequence[Section], strings_offset: int) -> bool:
    """Whether debugging symbols or section names use the dynamic string table."""
    own = {i for i, s in enumerate(sections) if s.type == r.SHT_STRTAB and s.offset == strings_offset}
    return header.shstrndx in own or any(s.type == r.SHT_SYMTAB and s.link in own for s in sections)


def _read_lead(
    source: Source,
    layout: Layout,
    header: Header,
    segments: Sequence[Segment],
    sections: Sequence[Section],
    strings: int,
) -> Lead | None:
    start = header.phoff + header.phnum * header.phentsize
    found = find_lead_end(start, layout.segment.size, header, segments, sections, strings)
    if found is None:
        return None
    return Lead(start=start, data=source.read(start, found[0] - start, what="first tables"), moves=found[1])


def _has_trailer(
    source: Source, header: Header, segments: Sequence[Segment], sections: Sequence[Section]
) -> bool:
    described = max(
        *(s.end for s in segments),
        *(s.end for s in sections),
        header.shoff + len(sections) * header.shentsize,
        0,
    )
    size = min(source.size - described, (1 << 16) + 22)
    if size <= 0:
        return False
    return any(mark in source.read(source.size - size, size, what="trailing data") for mark in _TRAILERS)


def _refuse_odd(source: Source, image: ElfImage, first: dict[int, int]) -> None:
    """Refuse tables that overlap headers, static programs that relocate themselves, and the loader itself."""
    header = image.header
    headers = [
        (0, 16 + image.layout.header.size),
        (header.phoff, header.phoff + len(image.segments) * header.phentsize),
        (header.shoff, header.shoff + len(image.sections) * header.shentsize),
    ]
    edited = [(image.strings_offset, image.strings_offset + len(image.strings))]
    edited += [(s.offset, s.end) for s in image.segments if s.type in {r.PT_DYNAMIC, r.PT_INTERP}]
    edited += [(f.place, f.place + 4) for f in image.version_files]
    if any(a < end and start < b for a, b in headers for start, end in edited):
        raise source.refuse("its tables overlap its headers")
    if image.find_segment(r.PT_INTERP) is not None or r.DT_NEEDED in first:
        return
    if image.header.type == 2 or first.get(r.DT_FLAGS_1, 0) & r.DF_1_PIE or r.DT_DEBUG in first:
        raise source.refuse(
            "is a static program that relocates itself", "leave it as it is: it loads no shared libraries"
        )
    soname = image.text(first[r.DT_SONAME]) if r.DT_SONAME in first else b""
    if soname.startswith((b"ld-", b"ld64.", b"ld.so")):
        raise source.refuse("is the dynamic loader itself", "leave it as it is: it has no run path to follow")
