"""Applies a change to the records of a file: adds blocks at its end, and adapts what refers to them."""

from __future__ import annotations

from collections.abc import Iterator

from wheelfix.errors import EditRefused
from wheelfix.model.base import Struct, replace
from wheelfix.patch.edit import records as r
from wheelfix.patch.edit.image import ElfImage
from wheelfix.patch.edit.records import Segment
from wheelfix.patch.edit.space import Room, find_room, find_tail
from wheelfix.patch.model import EditPlan, Write

_SPARE_TAGS = 4
_MOVABLE_TAGS = frozenset({r.DT_HASH, r.DT_GNU_HASH, r.DT_SYMTAB, r.DT_VERSYM, r.DT_VERNEED, r.DT_VERDEF})


class Change(Struct):
    """The dynamic entries and strings that the loader is to find after the edit.

    Attributes:
        tags: dynamic entries, without DT_NULL.
        strings: the string table; at least as long as the old one.
        wiped: ranges of the old one whose text is no longer used.
        version_files: file offset of each ``vn_file`` that changes, and its value.
        interpreter: bytes of PT_INTERP; never shorter than the old ones.
    """

    tags: tuple[tuple[int, int], ...]
    strings: bytes
    wiped: tuple[tuple[int, int], ...]
    version_files: dict[int, int]
    interpreter: bytes | None


class Draft:
    """All records of a file while they change, with the original contents."""

    def __init__(self, image: ElfImage, change: Change) -> None:
        self.image = image
        self.change = change
        self.segments = list(image.segments)
        self.sections = list(image.sections)
        self.tags = list(change.tags)
        self.strings_offset = image.strings_offset
        self.dynamic = self.find_old_dynamic()
        self.capacity = image.capacity
        self.interpreter_offset = next((s.offset for s in self.segments if s.type == r.PT_INTERP), 0)
        self.padding = b""  # after the string table, if that grows in place
        self.new = bytearray()  # bytes to append to the file
        self.moved: list[tuple[int, int, int]] = []  # start, end, and distance of blocks that move

    def grow(self) -> None:
        """Extend the string table, which ends the file and its last LOAD segment except for padding."""
        image = self.image
        end = image.strings_offset + len(image.strings)
        self.padding = image.fetch(end, image.size - end)
        self.new += self.change.strings[len(image.strings) + len(self.padding) :]
        index = find_tail(image)
        assert index is not None
        grown = image.strings_offset + len(self.change.strings)
        self._stretch(index, max(0, grown - image.segments[index].end))
        self._set_strings(self._find_address(), len(self.change.strings))

    def append(self, room: Room, *, strings: bool, dynamic: bool, interpreter: bool) -> None:
        """Append new blocks to the file, and map them."""
        self.new += bytes(room.offset - self.image.size)
        base = room.vaddr - room.offset
        if room.rehomed:
            self._move_load(room)
        if room.lead and room.lead.moves:
            self._move_lead(room)
        if interpreter:
            assert self.change.interpreter is not None
            at = self._put(self.change.interpreter, 1)
            old, size = self.interpreter_offset, len(self.change.interpreter)
            self._relocate(r.PT_INTERP, at, base + at, size)
            self._relocate_section(r.SHT_PROGBITS, old, at, base + at, size)
            self.interpreter_offset = at
            if old >= self.image.size:  # it moved along with its neighbours
                size = len(self.image.interpreter or b"")
                self.new[old - self.image.size : old - self.image.size + size] = bytes(size)
        if dynamic:
            width = self.image.layout.tag.size
            self.capacity = len(self.tags) + 1 + _SPARE_TAGS
            at = self._put(bytes(self.capacity * width), width)  # filled in when all addresses are known
            old, size = self.dynamic.offset, self.capacity * width
            self._relocate(r.PT_DYNAMIC, at, base + at, size)
            self._relocate_section(r.SHT_DYNAMIC, old, at, base + at, size)
            self.dynamic = next(s for s in self.segments if s.type == r.PT_DYNAMIC)
        if strings:  # last, so that the next edit can extend them in place
            at = self._put(self.change.strings, 1)
            old, self.strings_offset = self.strings_offset, at
            self._set_strings(base + at, len(self.change.strings))
            self._relocate_section(r.SHT_STRTAB, old, at, base + at, len(self.change.strings))
        end = self.image.size + len(self.new)
        if room.load is not None:
            self._stretch(room.load, end - self.segments[room.load].end)
        else:
            self._add_load(room, end)
        if base + end > 1 << self.image.layout.bits:
            raise EditRefused(
                self.image.subject, "its addresses leave no room at their end", "leave it as it is"
            )

    def _put(self, data: bytes, align: int) -> int:
        at = self.image.size + len(self.new)
        self.new += bytes(-at % align)
        self.new += data
        return self.image.size + len(self.new) - len(data)

    def _move_lead(self, room: Room) -> None:
        lead = room.lead
        assert lead is not None
        at = self._put(lead.data, 1)
        self.moved.append((lead.start, lead.end, at - lead.start))
        load = next(s for s in self.segments if s.type == r.PT_LOAD and s.offset <= lead.start < s.end)
        old = load.vaddr + lead.start - load.offset
        shift, distance = at - lead.start, room.vaddr + at - room.offset - old
        for i, s in enumerate(self.segments):
            if s.type not in {r.PT_LOAD, r.PT_PHDR} and s.filesz and lead.start <= s.offset < lead.end:
                self.segments[i] = replace(
                    s, offset=s.offset + shift, vaddr=s.vaddr + distance, paddr=s.paddr + distance
                )
        for i, section in enumerate(self.sections):
            if section.flags & r.SHF_ALLOC and section.size and lead.start <= section.offset < lead.end:
                self.sections[i] = replace(
                    section, offset=section.offset + shift, addr=section.addr + distance
                )
        self.tags = [
            (tag, value + distance)
            if tag in _MOVABLE_TAGS and old <= value < old + len(lead.data)
            else (tag, value)
            for tag, value in self.tags
        ]
        self.interpreter_offset = self.follow(self.interpreter_offset)

    def _move_load(self, room: Room) -> None:
        """Copy a LOAD segment with its contents; addresses stay, and its zeros become bytes of the file."""
        assert room.load is not None
        load = self.segments[room.load]
        at = self._put(self.image.fetch(load.offset, load.filesz), 1)
        self.new += bytes(load.memsz - load.filesz)
        self.moved.append((load.offset, load.end, at - load.offset))
        end = load.vaddr + load.memsz
        self.segments[room.load] = replace(load, offset=at, filesz=load.memsz, align=room.page)
        for i, s in enumerate(self.segments):
            inside = load.vaddr <= s.vaddr < end and load.offset <= s.offset <= load.end
            if inside and s.type not in {r.PT_LOAD, r.PT_NULL}:
                self.segments[i] = replace(s, offset=s.offset + at - load.offset)
        for i, section in enumerate(self.sections):
            if section.flags & r.SHF_ALLOC and load.vaddr <= section.addr < end:
                zeros = section.type == r.SHT_NOBITS and not section.flags & r.SHF_TLS
                kind = r.SHT_PROGBITS if zeros else section.type
                offset = at + section.addr - load.vaddr
                self.sections[i] = replace(section, offset=offset, type=kind)
        self.dynamic = next(s for s in self.segments if s.type == r.PT_DYNAMIC)
        self.interpreter_offset = self.follow(self.interpreter_offset)
        self.new += bytes(-(self.image.size + len(self.new)) % 64)

    def follow(self, offset: int) -> int:
        """Return the new offset of a byte of the file."""
        return next((offset + d for start, end, d in self.moved if start <= offset < end), offset)

    def _add_load(self, room: Room, end: int) -> None:
        load = Segment(
            type=r.PT_LOAD,
            flags=r.PF_R | r.PF_W,
            offset=room.offset,
            vaddr=room.vaddr,
            paddr=room.vaddr,
            filesz=end - room.offset,
            memsz=end - room.offset,
            align=room.page,
        )
        if room.slot is not None:
            del self.segments[room.slot]
        else:
            width = self.image.layout.segment.size
            for i, s in enumerate(self.segments):
                if s.type == r.PT_PHDR:
                    self.segments[i] = replace(s, filesz=s.filesz + width, memsz=s.memsz + width)
        last = max(i for i, s in enumerate(self.segments) if s.type == r.PT_LOAD)
        self.segments.insert(last + 1, load)

    def _stretch(self, index: int, more: int) -> None:
        s = self.segments[index]
        self.segments[index] = replace(s, filesz=s.filesz + more, memsz=s.memsz + more)

    def _find_address(self) -> int:
        return next(value for tag, value in self.tags if tag == r.DT_STRTAB)

    def _set_strings(self, address: int, size: int) -> None:
        values = {r.DT_STRTAB: address, r.DT_STRSZ: size}
        self.tags = [(tag, values.get(tag, value)) for tag, value in self.tags]
        self._relocate_section(r.SHT_STRTAB, self.strings_offset, self.strings_offset, address, size)

    def _relocate(self, kind: int, offset: int, address: int, size: int) -> None:
        for i, s in enumerate(self.segments):
            if s.type == kind:
                paddr = s.paddr + address - s.vaddr
                self.segments[i] = replace(
                    s, offset=offset, vaddr=address, paddr=paddr, filesz=size, memsz=size
                )

    def _relocate_section(self, kind: int, old: int, offset: int, address: int, size: int) -> None:
        for i, s in enumerate(self.sections):
            if s.type == kind and s.offset == old and s.flags & r.SHF_ALLOC and s.size:
                self.sections[i] = replace(s, offset=offset, addr=address, size=size)

    def find_old_dynamic(self) -> Segment:
        """Return the original PT_DYNAMIC."""
        return next(s for s in self.image.segments if s.type == r.PT_DYNAMIC)


_PADDING = 64
"""Bytes; the padding that tools write after the last block is shorter."""


def render_change(image: ElfImage, change: Change) -> EditPlan:
    """Compute the writes that apply a change to a file.

    Raises:
        EditRefused: a new block does not fit, and there is no room for it.
    """
    draft = Draft(image, change)
    grown = len(change.strings) > len(image.strings)
    crowded = len(change.tags) >= image.capacity and len(change.tags) > len(image.tags)
    longer = change.interpreter is not None and len(change.interpreter) > len(image.interpreter or b"")
    method = "overwrite"
    if grown or crowded or longer:
        _refuse_held(image)
    if grown and not crowded and not longer and _ends_file(image):
        method = "grow"
        draft.grow()
    elif grown or crowded or longer:
        room = find_room(image, writable=crowded)
        method = room.method
        draft.append(room, strings=grown or room.load is None, dynamic=crowded, interpreter=longer)
    writes = _render(draft)
    return EditPlan(
        method=method if writes else "none",
        writes=writes,
        old_size=image.size,
        new_size=max([image.size, *(w.offset + len(w.data) for w in writes)]),
    )


def _refuse_held(image: ElfImage) -> None:
    """Refuse to change program headers that a section has as its contents: ``strip`` would restore them.

    Raises:
        EditRefused: a section overlaps the program header table.
    """
    start = image.header.phoff
    end = start + len(image.segments) * image.header.phentsize
    if any(s.offset < end and start < s.end for s in image.sections):
        raise EditRefused(
            image.subject,
            "its program header table lies inside a section",
            "use a run path that is no longer than the one there is, or patchelf on a copy",
        )


def _ends_file(image: ElfImage) -> bool:
    """Whether the string table is last in the file, except for the padding of an earlier tool."""
    tail = find_tail(image)
    if tail is None or image.trailer:
        return False
    end = image.strings_offset + len(image.strings)
    inside = image.strings_offset >= image.segments[tail].offset and end <= image.segments[tail].end
    if not inside or end == image.size:
        return inside
    # Without section headers, the meaning of those bytes is unknown.
    if not image.sections or image.size - end >= _PADDING or image.fetch(end, image.size - end).strip(b"\0"):
        return False
    return not any(end < b and a < image.size for a, b in _list_described(image, tail))


def _list_described(image: ElfImage, tail: int) -> Iterator[tuple[int, int]]:
    """List start and end of all ranges that headers describe, without the last LOAD segment."""
    header = image.header
    yield header.phoff, header.phoff + len(image.segments) * header.phentsize
    yield header.shoff, header.shoff + len(image.sections) * header.shentsize
    yield from ((s.offset, s.end) for s in image.sections if s.end > s.offset)
    yield from ((s.offset, s.end) for i, s in enumerate(image.segments) if i != tail and s.filesz)
    yield from ((f.place, f.place + 4) for f in image.version_files)


def _render(draft: Draft) -> tuple[Write, ...]:
    """List all ranges that change: new data, headers, the ELF header, then wiped ranges."""
    image, change = draft.image, draft.change
    first = [Write(offset=image.size, data=bytes(_fill_new(draft)))] if draft.new else []
    first += _render_files(draft)
    first += _render_strings(draft, wiping=False)
    if change.interpreter and draft.interpreter_offset < image.size:
        first += diff(draft.interpreter_offset, image.interpreter or b"", change.interpreter)
    layout, header = image.layout, image.header
    if draft.dynamic.offset < image.size:
        first += diff(draft.dynamic.offset, image.dynamic, _pack_tags(draft, image.dynamic))
    old = b"".join(map(layout.pack_section, image.sections))
    first += diff(header.shoff, old, b"".join(map(layout.pack_section, draft.sections)))
    old = b"".join(map(layout.pack_segment, image.segments))
    new = b"".join(map(layout.pack_segment, draft.segments))
    first += diff(header.phoff, old + (image.lead.data if image.lead else b""), new)
    changed = replace(header, phnum=len(draft.segments))
    first += diff(16, layout.pack_header(header), layout.pack_header(changed))
    return (*first, *_render_strings(draft, wiping=True), *_wipe_interpreter(draft))


def _wipe_interpreter(draft: Draft) -> list[Write]:
    """Wipe an unused interpreter path, which a search for store paths in the file would find."""
    image = draft.image
    old = next((s.offset for s in image.segments if s.type == r.PT_INTERP), 0)
    if not image.interpreter or draft.interpreter_offset == draft.follow(old):
        return []
    return diff(old, image.interpreter, bytes(len(image.interpreter))) if draft.follow(old) == old else []


def _render_files(draft: Draft) -> Iterator[Write]:
    for place, value in draft.change.version_files.items():
        if draft.follow(place) == place:
            yield Write(offset=place, data=value.to_bytes(4, draft.image.layout.byteorder))


def _render_strings(draft: Draft, *, wiping: bool) -> list[Write]:
    old = draft.image.strings
    moved = draft.strings_offset >= draft.image.size
    if not moved:
        old += draft.padding
        return [] if wiping else diff(draft.image.strings_offset, old, draft.change.strings[: len(old)])
    if not wiping:
        return []
    wiped = bytearray(old)
    for start, end in draft.change.wiped:
        if end <= len(old):
            wiped[start:end] = bytes(end - start)
    # The program header table may have grown into the range of the old string table.
    header, width = draft.image.header, draft.image.layout.segment.size
    kept = max(0, header.phoff + len(draft.segments) * width - draft.image.strings_offset)
    if header.phoff < draft.image.strings_offset:
        wiped[:kept] = old[:kept]
    return diff(draft.image.strings_offset, old, bytes(wiped))


def _fill_new(draft: Draft) -> bytearray:
    """Fill in the new bytes, when all addresses in them are known."""
    new, end = draft.new, draft.image.size
    for place, value in draft.change.version_files.items():
        if (at := draft.follow(place) - end) >= 0:
            new[at : at + 4] = value.to_bytes(4, draft.image.layout.byteorder)
    if draft.dynamic.offset >= end:
        fresh = draft.dynamic.vaddr != draft.find_old_dynamic().vaddr
        old = bytes(draft.capacity * draft.image.layout.tag.size) if fresh else draft.image.dynamic
        tags = _pack_tags(draft, old)
        at = draft.dynamic.offset - end
        new[at : at + len(tags)] = tags
    interpreter = draft.change.interpreter
    if interpreter and draft.interpreter_offset >= end:
        at = draft.interpreter_offset - end
        new[at : at + len(interpreter)] = interpreter
    return new


def _pack_tags(draft: Draft, old: bytes) -> bytes:
    """Pack the new dynamic section; bytes after the old and the new end are kept."""
    layout, image = draft.image.layout, draft.image
    before = draft.find_old_dynamic().vaddr
    places = {tag: i for i, (tag, _) in enumerate(image.tags)}
    raw = bytearray()
    for i, (tag, value) in enumerate(draft.tags):
        if tag == r.DT_MIPS_RLD_MAP_REL and image.header.machine == r.EM_MIPS:
            # Relative to the address of the entry itself.
            gone = draft.dynamic.vaddr + i * layout.tag.size - before - places[tag] * layout.tag.size
            value = (value - gone) % (1 << layout.bits)
        raw += layout.tag.pack(tag, value)
    used = max(len(draft.tags), len(image.tags) if draft.dynamic.vaddr == before else 0) + 1
    raw += bytes(min(used, draft.capacity) * layout.tag.size - len(raw))
    return bytes(raw) + old[len(raw) :]


_CHUNK = 4096


def diff(offset: int, old: bytes, new: bytes) -> list[Write]:
    """Find the ranges in which new bytes differ from those at ``offset``; ``old`` is at least as long."""
    writes: list[Write] = []
    start = end = -1
    for chunk in range(0, len(new), _CHUNK):
        if old[chunk : chunk + _CHUNK] == new[chunk : chunk + _CHUNK]:
            continue
        for at in range(chunk, min(chunk + _CHUNK, len(new))):
            if old[at] == new[at]:
                continue
            if start >= 0 and at > end + 8:
                writes.append(Write(offset=offset + start, data=new[start:end]))
                start = at
            elif start < 0:
                start = at
            end = at + 1
    if start >= 0:
        writes.append(Write(offset=offset + start, data=new[start:end]))
    return writes
