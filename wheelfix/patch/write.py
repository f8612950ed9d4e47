"""From the wanted contents of the dynamic section and its strings to ranges of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from wheelfix.errors import EditRefused
from wheelfix.model.patch import EditPlan, Write
from wheelfix.patch import records as r
from wheelfix.patch.image import ElfImage
from wheelfix.patch.ranges import diff
from wheelfix.patch.records import Segment
from wheelfix.patch.room import Room, find_room, find_tail

_SPARE_TAGS = 4
_MOVABLE_TAGS = frozenset({r.DT_HASH, r.DT_GNU_HASH, r.DT_SYMTAB, r.DT_VERSYM, r.DT_VERNEED, r.DT_VERDEF})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the loader is to find from now on.

    Attributes:
        tags: dynamic entries, without DT_NULL.
        strings: the string table; at least as long as the old one.
        wiped: ranges of the old one whose text nobody uses any more.
        version_files: file offset of each ``vn_file`` that changes, and its value.
        interpreter: bytes of PT_INTERP; never shorter than the old ones.
    """

    tags: tuple[tuple[int, int], ...]
    strings: bytes
    wiped: tuple[tuple[int, int], ...]
    version_files: dict[int, int]
    interpreter: bytes | None


def render_change(image: ElfImage, change: Change) -> EditPlan:
    """Compute the bytes that bring a file to a wanted state.

    Raises:
        EditRefused: something new does not fit, and there is no room for it.
    """
    draft = _Draft(image, change)
    grown = len(change.strings) > len(image.strings)
    crowded = len(change.tags) >= image.capacity and len(change.tags) > len(image.tags)
    longer = change.interpreter is not None and len(change.interpreter) > len(image.interpreter or b"")
    method = "overwrite"
    if grown and not crowded and not longer and _ends_file(image):
        method = "grow"
        draft.grow()
    elif grown or crowded or longer:
        room = find_room(image, writable=crowded)
        method = room.method
        draft.append(room, strings=grown or room.load is None, dynamic=crowded, interpreter=longer)
    writes = draft.render()
    return EditPlan(
        method=method if writes else "none",
        writes=writes,
        old_size=image.size,
        new_size=max([image.size, *(w.offset + len(w.data) for w in writes)]),
    )


def _ends_file(image: ElfImage) -> bool:
    tail = find_tail(image)
    if tail is None or image.trailer:
        return False
    inside = image.strings_offset >= image.segments[tail].offset and image.segments[tail].end == image.size
    return inside and image.strings_offset + len(image.strings) == image.size


class _Draft:
    """All records of a file while they change, and what was in each place."""

    def __init__(self, image: ElfImage, change: Change) -> None:
        self.image = image
        self.change = change
        self.segments = list(image.segments)
        self.sections = list(image.sections)
        self.tags = list(change.tags)
        self.strings_offset = image.strings_offset
        at = image.find_segment(r.PT_DYNAMIC)
        assert at is not None  # no image without
        self.dynamic: Segment = image.segments[at]
        self.capacity = image.capacity
        self.interpreter_offset = next((s.offset for s in self.segments if s.type == r.PT_INTERP), 0)
        self.new = bytearray()  # what goes behind the end of the file
        self.moved: list[tuple[int, int, int]] = []  # start, end, and distance of blocks that move

    def grow(self) -> None:
        """Make the string table longer, which ends the file and its last LOAD segment."""
        more = len(self.change.strings) - len(self.image.strings)
        self.new += self.change.strings[-more:]
        index = find_tail(self.image)
        assert index is not None
        self._stretch(index, more)
        self._set_strings(self._find_address(), len(self.change.strings))

    def append(self, room: Room, *, strings: bool, dynamic: bool, interpreter: bool) -> None:
        """Put new blocks behind the end of the file, and map them."""
        self.new += bytes(room.offset - self.image.size)
        base = room.vaddr - room.offset
        if room.lead and room.lead.moves:
            self._move_lead(room)
        if interpreter:
            assert self.change.interpreter is not None
            at = self._put(self.change.interpreter, 1)
            old, size = self.interpreter_offset, len(self.change.interpreter)
            self._relocate(r.PT_INTERP, at, base + at, size)
            self._relocate_section(r.SHT_PROGBITS, old, at, base + at, size)
            self.interpreter_offset = at
        if dynamic:
            width = self.image.layout.tag.size
            self.capacity = len(self.tags) + 1 + _SPARE_TAGS
            at = self._put(bytes(self.capacity * width), width)  # filled when all addresses are known
            old, size = self.dynamic.offset, self.capacity * width
            self._relocate(r.PT_DYNAMIC, at, base + at, size)
            self._relocate_section(r.SHT_DYNAMIC, old, at, base + at, size)
            self.dynamic = next(s for s in self.segments if s.type == r.PT_DYNAMIC)
        if strings:  # last, so that the next edit can make them longer where they are
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
        self.interpreter_offset = self._follow(self.interpreter_offset)

    def _follow(self, offset: int) -> int:
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

    def render(self) -> tuple[Write, ...]:
        """All ranges that change: new data first, headers next, the ELF header last but for what is wiped."""
        image, change = self.image, self.change
        first = [Write(offset=image.size, data=bytes(self._fill_new()))] if self.new else []
        first += self._render_files()
        first += self._render_strings(wiping=False)
        if change.interpreter and self.interpreter_offset < image.size:
            first += diff(self.interpreter_offset, image.interpreter or b"", change.interpreter)
        layout, header = image.layout, image.header
        if self.dynamic.offset < image.size:
            first += diff(self.dynamic.offset, image.dynamic, self._pack_tags(image.dynamic))
        old = b"".join(map(layout.pack_section, image.sections))
        first += diff(header.shoff, old, b"".join(map(layout.pack_section, self.sections)))
        old = b"".join(map(layout.pack_segment, image.segments))
        new = b"".join(map(layout.pack_segment, self.segments))
        first += diff(header.phoff, old + (image.lead.data if image.lead else b""), new)
        changed = replace(header, phnum=len(self.segments))
        first += diff(16, layout.pack_header(header), layout.pack_header(changed))
        return (*first, *self._render_strings(wiping=True))

    def _render_files(self) -> Iterator[Write]:
        for place, value in self.change.version_files.items():
            if self._follow(place) == place:
                yield Write(offset=place, data=value.to_bytes(4, self.image.layout.byteorder))

    def _render_strings(self, *, wiping: bool) -> list[Write]:
        old = self.image.strings
        moved = self.strings_offset >= self.image.size
        if not moved:
            return [] if wiping else diff(self.image.strings_offset, old, self.change.strings[: len(old)])
        if not wiping:
            return []
        wiped = bytearray(old)
        for start, end in self.change.wiped:
            if end <= len(old):
                wiped[start:end] = bytes(end - start)
        # The program header table may have grown into the old string table.
        header, width = self.image.header, self.image.layout.segment.size
        kept = max(0, header.phoff + len(self.segments) * width - self.image.strings_offset)
        if header.phoff < self.image.strings_offset:
            wiped[:kept] = old[:kept]
        return diff(self.image.strings_offset, old, bytes(wiped))

    def _fill_new(self) -> bytearray:
        """The new bytes, now that all addresses in them are known."""
        new, end = self.new, self.image.size
        for place, value in self.change.version_files.items():
            if (at := self._follow(place) - end) >= 0:
                new[at : at + 4] = value.to_bytes(4, self.image.layout.byteorder)
        if self.dynamic.offset >= end:
            tags = self._pack_tags(bytes(self.capacity * self.image.layout.tag.size))
            at = self.dynamic.offset - end
            new[at : at + len(tags)] = tags
        interpreter = self.change.interpreter
        if interpreter and self.interpreter_offset >= end:
            at = self.interpreter_offset - end
            new[at : at + len(interpreter)] = interpreter
        return new

    def _pack_tags(self, old: bytes) -> bytes:
        """The dynamic section from now on; what stands behind the old and the new end stays."""
        layout, image = self.image.layout, self.image
        before = next(s.vaddr for s in image.segments if s.type == r.PT_DYNAMIC)
        places = {tag: i for i, (tag, _) in enumerate(image.tags)}
        raw = bytearray()
        for i, (tag, value) in enumerate(self.tags):
            if tag == r.DT_MIPS_RLD_MAP_REL and image.header.machine == r.EM_MIPS:
                # Relative to the address of the entry itself.
                gone = self.dynamic.vaddr + i * layout.tag.size - before - places[tag] * layout.tag.size
                value = (value - gone) % (1 << layout.bits)
            raw += layout.tag.pack(tag, value)
        used = max(len(self.tags), len(image.tags) if self.dynamic.vaddr == before else 0) + 1
        raw += bytes(min(used, self.capacity) * layout.tag.size - len(raw))
        return bytes(raw) + old[len(raw) :]
