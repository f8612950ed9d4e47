"""Reads the dynamic section: the libraries that the loader has to load, and where it searches.

Tags and the verneed layout from the System V gABI 4.1 chapter 5, the GNU symbol versioning
annex of the LSB, and glibc's ``elf/elf.h``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from wheelfix.elf.file import Reader
from wheelfix.elf.header import PT_DYNAMIC, Header, Segment
from wheelfix.elf.stream import OutOfRange
from wheelfix.errors import ElfError
from wheelfix.model.base import Struct
from wheelfix.model.elf import VersionNeed

DT_NULL, DT_NEEDED, DT_STRTAB, DT_STRSZ = 0, 1, 5, 10
DT_SONAME, DT_RPATH, DT_RUNPATH = 14, 15, 29
DT_FLAGS_1, DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFB, 0x6FFFFFFE, 0x6FFFFFFF
DF_1_NODEFLIB, DF_1_PIE = 0x800, 0x08000000

MAX_STRING = 1 << 16
"""Longest string read from a string table, in bytes; no real RUNPATH comes near 64 KiB."""
_MAX_DYNAMIC = 1 << 20
_MAX_VERNEED = 1 << 20
_STEP = 1 << 20
_LONGEST_CALL = len(b"dlmopen\0")
_VERNAUX_SIZE = 16
_VER_FLG_WEAK = 2
_HINT = "the file is damaged or made to mislead; fetch the wheel again, or report it to its authors"


class Dynamic(Struct):
    """The dynamic section with its strings resolved."""

    needed: tuple[str, ...]
    soname: str | None
    rpath: tuple[str, ...]
    runpath: tuple[str, ...]
    flags_1: int
    versions: tuple[VersionNeed, ...]


def read_dynamic(path: str, reader: Reader, header: Header) -> Dynamic | None:
    """Read PT_DYNAMIC, the strings it names and the version needs.

    Args:
        path: member path, for messages.
        reader: the file.
        header: its program headers.

    Returns:
        None for a file without a dynamic section (static programs, ``.o``, debug files).

    Raises:
        ElfError: a table or string lies outside the file.
    """
    segment = next((s for s in header.segments if s.type == PT_DYNAMIC), None)
    if segment is None or segment.filesz == 0:
        return None
    tags = _read_tags(path, reader, header, segment)
    strtab = _first(tags, DT_STRTAB)
    if strtab is None:
        if any(tag in {DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH} for tag, _ in tags):
            raise ElfError(path, "dynamic section has names but no string table", _HINT)
        return Dynamic(needed=(), soname=None, rpath=(), runpath=(), flags_1=0, versions=())
    strings = _StringTable(path, reader, header, strtab, _first(tags, DT_STRSZ) or 0)
    verneed = _read_verneed(path, reader, header, tags)
    # Strings are fetched in file order, so that a forward-only stream is passed once.
    wanted = [v for t, v in tags if t in {DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH}]
    wanted += [name for file, names in verneed for name in (file, *(at for at, _ in names))]
    text = strings.read_all(wanted)
    soname = _first(tags, DT_SONAME)
    return Dynamic(
        needed=tuple(text[v] for t, v in tags if t == DT_NEEDED),
        soname=None if soname is None else text[soname],
        rpath=_split_path(text, _first(tags, DT_RPATH)),
        runpath=_split_path(text, _first(tags, DT_RUNPATH)),
        flags_1=_first(tags, DT_FLAGS_1) or 0,
        versions=_merge_versions((text[f], [(text[n], weak) for n, weak in names]) for f, names in verneed),
    )


def uses_dlopen(path: str, reader: Reader, header: Header) -> bool:
    """Whether a file can open libraries by name: its string table ends a name in ``dlopen`` or ``dlmopen``.

    Args:
        path: member path, for messages.
        reader: the file, with random access.
        header: its program headers.

    Raises:
        ElfError: the table lies outside the file.
    """
    segment = next((s for s in header.segments if s.type == PT_DYNAMIC and s.filesz), None)
    tags = _read_tags(path, reader, header, segment) if segment else []
    address, size = _first(tags, DT_STRTAB), _first(tags, DT_STRSZ) or 0
    offset = None if address is None else header.find_offset(address)
    if offset is None:
        return False
    tail, end = b"", min(offset + size, reader.size)
    for at in range(offset, end, _STEP):
        data = tail + reader.read(at, min(_STEP, end - at))
        if b"dlopen\0" in data or b"dlmopen\0" in data:
            return True
        tail = data[-_LONGEST_CALL:]
    return False


def _read_tags(path: str, reader: Reader, header: Header, segment: Segment) -> list[tuple[int, int]]:
    entry = struct.Struct(header.order + ("qQ" if header.bits == 64 else "iI"))
    size = min(segment.filesz, _MAX_DYNAMIC)
    try:
        table = reader.read(segment.offset, size - size % entry.size)
    except OutOfRange:
        raise ElfError(
            path,
            f"dynamic section at offset {segment.offset:#x} ({segment.filesz} bytes) lies outside the file "
            f"of {reader.size} bytes",
            _HINT,
        ) from None
    tags = []
    for tag, value in entry.iter_unpack(table):
        if tag == DT_NULL:
            break
        tags.append((tag, value))
    return tags


def _first(tags: list[tuple[int, int]], wanted: int) -> int | None:
    return next((value for tag, value in tags if tag == wanted), None)


def _split_path(text: dict[int, str], offset: int | None) -> tuple[str, ...]:
    """Split a search path as the loader does; empty entries mean the working directory and are dropped."""
    return () if offset is None else tuple(entry for entry in text[offset].split(":") if entry)


class _StringTable:
    """DT_STRTAB: reads only the strings asked for, in file order."""

    def __init__(self, path: str, reader: Reader, header: Header, address: int, size: int) -> None:
        offset = header.find_offset(address)
        if offset is None or offset + size > reader.size:
            raise ElfError(path, f"string table at address {address:#x} lies outside the file", _HINT)
        self._path, self._reader, self._offset, self._size = path, reader, offset, size

    def read_all(self, offsets: list[int]) -> dict[int, str]:
        """Map each string offset to its text; bytes that are not UTF-8 are escaped."""
        return {at: self._read(at) for at in sorted(set(offsets))}

    def _read(self, at: int) -> str:
        if at >= self._size:
            raise ElfError(
                self._path, f"string at {at:#x} lies outside its table of {self._size} bytes", _HINT
            )
        raw = bytearray()
        while at < self._size and len(raw) < MAX_STRING:
            piece = self._reader.read(self._offset + at, min(256, self._size - at))
            end = piece.find(b"\0")
            raw += piece if end < 0 else piece[:end]
            if end >= 0:
                return raw.decode("utf-8", "backslashreplace")
            at += len(piece)
        raise ElfError(self._path, "string table holds a string without an end", _HINT)


def _read_verneed(
    path: str, reader: Reader, header: Header, tags: list[tuple[int, int]]
) -> list[tuple[int, list[tuple[int, bool]]]]:
    """Walk the verneed chain: (file name, [(version name, weak)]), names as offsets into the string table."""
    address, count = _first(tags, DT_VERNEED), _first(tags, DT_VERNEEDNUM) or 0
    if address is None or count == 0:
        return []
    offset = header.find_offset(address)
    if offset is None:
        raise ElfError(path, f"version needs at address {address:#x} lie outside the file", _HINT)
    # The chain's length is not stored. Read a size that fits any valid chain, up to the end of the file.
    table = reader.read(offset, min(_guess_verneed_size(count), reader.size - offset))
    result: list[tuple[int, list[tuple[int, bool]]]] = []
    at = 0
    left = len(table) // _VERNAUX_SIZE  # bounds chains that overlap themselves
    for _ in range(count):
        files, at_next, aux, aux_count = _unpack_verneed(path, table, at, header.order)
        names = []
        for _ in range(aux_count):
            name, weak, step = _unpack_vernaux(path, table, aux, header.order)
            names.append((name, weak))
            left -= 1
            if left < 0:
                raise ElfError(path, "version needs overlap each other", _HINT)
            if step == 0:
                break
            aux += step
        result.append((files, names))
        left -= 1
        if at_next == 0 or left < 0:
            break
        at += at_next
    return result


def _guess_verneed_size(count: int) -> int:
    return min(_MAX_VERNEED, max(1 << 16, count * 1024))


def _unpack_verneed(path: str, table: bytes, at: int, order: str) -> tuple[int, int, int, int]:
    try:
        _, aux_count, name, aux, step = struct.unpack_from(order + "HHIII", table, at)
    except struct.error:
        raise ElfError(path, "version needs run out of their table", _HINT) from None
    return name, step, at + aux, aux_count


def _unpack_vernaux(path: str, table: bytes, at: int, order: str) -> tuple[int, bool, int]:
    try:
        _, flags, _, name, step = struct.unpack_from(order + "IHHII", table, at)
    except struct.error:
        raise ElfError(path, "version needs run out of their table", _HINT) from None
    return name, bool(flags & _VER_FLG_WEAK), step


def _merge_versions(pairs: Iterable[tuple[str, Iterable[tuple[str, bool]]]]) -> tuple[VersionNeed, ...]:
    merged: dict[str, dict[str, bool]] = {}
    for soname, names in pairs:
        one = merged.setdefault(soname, {})
        for name, weak in names:
            one[name] = weak and one.get(name, True)
    return tuple(
        VersionNeed(soname=s, versions=tuple(sorted(one)), weak=tuple(sorted(n for n in one if one[n])))
        for s, one in sorted(merged.items())
    )
