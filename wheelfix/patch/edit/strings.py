"""Finds the uses of each string of the dynamic string table, and places for new strings.

Linkers merge strings: a run path may be the tail of a symbol's name, and a symbol's name the tail of a run
path. So every offset into the table is collected before any byte of it changes.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence

from wheelfix.model.base import Struct
from wheelfix.patch.edit import records as r
from wheelfix.patch.edit.records import Layout, Section, Segment
from wheelfix.patch.edit.source import Source

_MOST_RECORDS = 1 << 15
"""Largest number of versions of a file, or symbols of a hash bucket; libraries have a fiftieth of it."""
_STT_TLS = 6
_EM_S390, _EM_ALPHA = 22, 0x9026


class VersionFile(Struct):
    """The soname of one version need.

    Attributes:
        name: offset of the soname in the string table.
        place: file offset of the field with that offset (``vn_file``, four bytes).
    """

    name: int
    place: int


def read_symbols(
    source: Source,
    layout: Layout,
    segments: Sequence[Segment],
    sections: Sequence[Section],
    tags: dict[int, int],
    machine: int,
) -> bytes:
    """Read the dynamic symbol table.

    Raises:
        EditRefused: the symbol table lies outside the file.
    """
    address = tags[r.DT_SYMTAB]
    start = _map(segments, address)
    if start is None:
        raise source.refuse("the dynamic symbol table lies outside the file")
    section = next((s for s in sections if s.type == r.SHT_DYNSYM and s.addr == address), None)
    if section:
        size = section.size
    elif (count := _count_hashed(source, layout, segments, tags, machine)) is not None:
        size = count * layout.symbol_size
    else:  # No table has their number: at most as many as fit before the next table.
        end = min((v for v in tags.values() if v > address), default=address)
        last = _map(segments, end - 1) if end > address else None
        size = last + 1 - start if last is not None else 0
    return source.read(start, size - size % layout.symbol_size, what="dynamic symbol table")


def list_names(layout: Layout, symbols: bytes) -> array[int]:
    """List the string offsets of the names of all symbols of a table."""
    return _words(symbols, "I", layout.order)[:: layout.symbol_size // 4]


def list_addresses(layout: Layout, symbols: bytes) -> list[int]:
    """List the addresses of the symbols that a table defines."""
    values = _words(symbols, "Q" if layout.bits == 64 else "I", layout.order)
    values = values[1 :: layout.symbol_size // values.itemsize]
    shndx = _words(symbols, "H", layout.order)[3 if layout.bits == 64 else 7 :: layout.symbol_size // 2]
    kinds = symbols[4 if layout.bits == 64 else 12 :: layout.symbol_size]
    found = zip(values, shndx, kinds, strict=True)
    return [value for value, index, kind in found if 0 < index < 0xFF00 and kind & 15 != _STT_TLS]


def _words(raw: bytes, code: str, order: str) -> array[int]:
    words = array(code, raw)
    if (order == "<") != (sys.byteorder == "little"):
        words.byteswap()
    return words


def _map(segments: Iterable[Segment], address: int) -> int | None:
    for s in segments:
        if s.type == r.PT_LOAD and s.vaddr <= address < s.vaddr + s.filesz:
            return s.offset + address - s.vaddr
    return None


def _count_hashed(
    source: Source, layout: Layout, segments: Sequence[Segment], tags: dict[int, int], machine: int
) -> int | None:
    """Find the number of dynamic symbols by a hash table; None if that does not tell.

    DT_GNU_HASH has exported symbols only: without any, it does not tell the number of imported ones.
    """
    if r.DT_HASH in tags and (at := _map(segments, tags[r.DT_HASH])) is not None:
        wide = layout.bits == 64 and machine in {_EM_S390, _EM_ALPHA}
        word = struct.Struct(layout.order + ("QQ" if wide else "II"))
        count: int = word.unpack(source.read(at, word.size, what="hash table"))[1]
        return count
    if r.DT_GNU_HASH not in tags or (at := _map(segments, tags[r.DT_GNU_HASH])) is None:
        return None
    buckets, first, bloom, _ = struct.unpack(
        layout.order + "IIII", source.read(at, 16, what="GNU hash table")
    )
    at += 16 + bloom * layout.bits // 8
    last = max(_words(source.read(at, buckets * 4, what="GNU hash table"), "I", layout.order), default=0)
    if last < first or last == 0:
        return None
    at += buckets * 4
    for index in range(last, last + _MOST_RECORDS):
        (value,) = struct.unpack(
            layout.order + "I", source.read(at + (index - first) * 4, 4, what="GNU hash")
        )
        if value & 1:
            return index + 1
    raise source.refuse("the GNU hash table has no end")


def read_verneed(
    source: Source, layout: Layout, segments: Sequence[Segment], tags: dict[int, int]
) -> tuple[tuple[VersionFile, ...], list[int]]:
    """Read DT_VERNEED: its sonames, and the string offsets of its versions."""
    count = tags.get(r.DT_VERNEEDNUM, 0)
    if r.DT_VERNEED not in tags or not count:
        return (), []
    at = _find_table(source, segments, tags[r.DT_VERNEED])
    need, aux = struct.Struct(layout.order + "HHIII"), struct.Struct(layout.order + "IHHII")
    files, names = [], []
    for _ in range(count):
        _, entries, name, below, step = need.unpack(source.read(at, need.size, what="version needs"))
        files.append(VersionFile(name=name, place=at + 4))
        place = at + below
        for _ in range(entries):
            *_, version, after = aux.unpack(source.read(place, aux.size, what="version needs"))
            names.append(version)
            if len(names) > _MOST_RECORDS:
                raise source.refuse("the version needs have no end")
            if not after:
                break
            place += after
        if not step:
            break
        at += step
        if len(files) > _MOST_RECORDS:
            raise source.refuse("the version needs have no end")
    return tuple(files), names


def read_verdef(
    source: Source, layout: Layout, segments: Sequence[Segment], tags: dict[int, int]
) -> list[int]:
    """Read DT_VERDEF: the string offsets of its versions."""
    count = tags.get(r.DT_VERDEFNUM, 0)
    if r.DT_VERDEF not in tags or not count:
        return []
    at = _find_table(source, segments, tags[r.DT_VERDEF])
    head, aux = struct.Struct(layout.order + "HHHHIII"), struct.Struct(layout.order + "II")
    names: list[int] = []
    for _ in range(min(count, _MOST_RECORDS)):
        *_, entries, _, below, step = head.unpack(source.read(at, head.size, what="version definitions"))
        place = at + below
        for _ in range(entries):
            name, after = aux.unpack(source.read(place, aux.size, what="version definitions"))
            names.append(name)
            if len(names) > _MOST_RECORDS:
                raise source.refuse("the version definitions have no end")
            if not after:
                break
            place += after
        if not step:
            break
        at += step
    return names


def _find_table(source: Source, segments: Sequence[Segment], address: int) -> int:
    at = _map(segments, address)
    if at is None:
        raise source.refuse(f"a version table at address {address:#x} lies outside the file")
    return at


class StringTable:
    """The dynamic string table while it changes.

    Attributes:
        data: its new bytes; grows only at its end.
        wiped: start and end of the ranges that old strings no longer use.

    Args:
        data: its old bytes.
        fixed: offsets that symbols and symbol versions use; an edit never changes those.
        named: offsets that dynamic entries and version needs use, one for each use.
        shared: whether other tables use it too, so that no byte of it may be overwritten.
    """

    def __init__(self, data: bytes, fixed: Sequence[int], named: Sequence[int], *, shared: bool) -> None:
        self.data = bytearray(data)
        self.wiped: list[tuple[int, int]] = []
        self._fixed = fixed
        self._named = list(named)
        self._shared = shared

    def text(self, at: int) -> bytes:
        """Return the string at an offset."""
        return bytes(self.data[at : self.data.index(0, at)])

    def replace(self, old: int, text: bytes, *, uses: int) -> int:
        """Give ``uses`` references to the string at ``old`` another text.

        Returns:
            Their new offset: ``old`` itself if its place could be reused.
        """
        room = self._find_room(old, uses)
        if room > len(text):
            self.wiped.append((old, self.data.index(0, old)))
            self.data[old : old + room] = text.ljust(room, b"\0")
            return old
        self.drop(old, uses=uses)
        return self.add(text, uses=uses)

    def drop(self, old: int, *, uses: int) -> None:
        """Remove ``uses`` references to the string at ``old``, and wipe it if no others are left."""
        if self._find_room(old, uses):
            end = self.data.index(0, old)
            self.wiped.append((old, end))
            self.data[old:end] = bytes(end - old)
        for _ in range(uses):
            self._named.remove(old)

    def add(self, text: bytes, *, uses: int = 1) -> int:
        """Find or add a place for a string with ``uses`` references."""
        at = self.data.find(text + b"\0")
        if at < 0:
            at = self._find_gap(len(text))
            if at < 0:
                at = len(self.data)
                self.data += text + b"\0"
            else:
                self.data[at : at + len(text)] = text
        self._named += [at] * uses
        return at

    def _find_room(self, at: int, uses: int) -> int:
        """Count the bytes from ``at`` on that only ``uses`` references use, including NULs after them."""
        if self._shared or at == 0 or self.data[at - 1]:
            return 0
        text_end = end = self.data.index(0, at)
        while end < len(self.data) and not self.data[end]:
            end += 1
        users = self._find_users(at, end)
        if users.count(at) != uses:
            return 0
        others = [user for user in users if user != at]
        return 0 if any(user < text_end for user in others) else min([*others, end]) - at

    def _find_gap(self, size: int) -> int:
        """Find the offset of a wiped range that holds ``size`` bytes with NULs around them, or -1."""
        if self._shared:
            return -1
        wanted = bytes(size + 2)
        at = self.data.find(wanted)
        while at >= 0:
            users = self._find_users(at + 1, at + size + 2)
            if not users:
                return at + 1
            at = self.data.find(wanted, max(users))
        return -1

    def _find_users(self, start: int, end: int) -> list[int]:
        """List all uses of offsets from ``start`` to before ``end``."""
        return [ref for refs in (self._fixed, self._named) for ref in refs if start <= ref < end]
