"""The records of a file while they change: what goes to the end of it, and what has to follow."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wheelfix.errors import EditRefused
from wheelfix.patch.edit import records as r
from wheelfix.patch.edit.image import ElfImage
from wheelfix.patch.edit.records import Segment
from wheelfix.patch.edit.space import Room, find_tail

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


class Draft:
    """All records of a file while they change, and what was in each place."""

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
        self.padding = b""  # behind the string table, where that becomes longer in its place
        self.new = bytearray()  # what goes behind the end of the file
        self.moved: list[tuple[int, int, int]] = []  # start, end, and distance of blocks that move

    def grow(self) -> None:
        """Make the string table longer, which ends the file and its last LOAD segment but for padding."""
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
        """Put new blocks behind the end of the file, and map them."""
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
            if old >= self.image.size:  # it came along with its neighbours
                size = len(self.image.interpreter or b"")
                self.new[old - self.image.size : old - self.image.size + size] = bytes(size)
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
        self.interpreter_offset = self.follow(self.interpreter_offset)

    def _move_load(self, room: Room) -> None:
        """Copy a LOAD segment with all in it; its addresses stay, and its zeros become bytes of the file."""
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
        """Where a byte of the file is to be found from now on."""
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
        """PT_DYNAMIC as it was."""
        return next(s for s in self.image.segments if s.type == r.PT_DYNAMIC)
