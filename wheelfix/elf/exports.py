"""Reads dynamic symbols with their versions: what a file exports, and what it wants from which soname.

Tables from the System V gABI 4.1 chapter 5, the GNU symbol versioning annex of the LSB, and glibc's
``elf/dl-lookup.c`` for DT_GNU_HASH, which is the only source of the number of symbols without DT_HASH.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from wheelfix.elf.file import Reader
from wheelfix.elf.header import PT_DYNAMIC, Header, read_header
from wheelfix.elf.stream import OutOfRange
from wheelfix.errors import ElfError
from wheelfix.model.base import Struct
from wheelfix.model.elf import Symbols, SymbolWants

_DT_HASH, _DT_STRTAB, _DT_SYMTAB, _DT_STRSZ, _DT_SYMENT, _DT_SONAME = 4, 5, 6, 10, 11, 14
_DT_GNU_HASH, _DT_VERSYM = 0x6FFFFEF5, 0x6FFFFFF0
_DT_VERDEF, _DT_VERDEFNUM, _DT_VERNEED, _DT_VERNEEDNUM = 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
_ADDRESSES: Final = (
    *(_DT_HASH, _DT_STRTAB, _DT_GNU_HASH, _DT_VERSYM, _DT_VERDEF, _DT_VERNEED),
    *(7, 12, 13, 17, 23),  # RELA, INIT, FINI, REL, JMPREL
)
"""Tags whose value is the address of a table or function."""
_STB_GLOBAL, _STB_WEAK, _STB_GNU_UNIQUE = 1, 2, 10
_VER_FLG_BASE, _VER_FLG_WEAK, _VERSION_MASK = 1, 2, 0x7FFF
_GLOBAL: Final = 1
"""Version index of a symbol without a version."""

_MAX_SYMBOLS: Final = 1 << 20
_MAX_STRINGS: Final = 128 << 20
_MAX_VERSIONS: Final = 1 << 15
_MAX_DYNAMIC: Final = 1 << 16
_PIECE: Final = 1 << 16
_HINT: Final = "the file is damaged or made to mislead; fetch it again, or report it to its authors"


class _Version(Struct, kw_only=False):
    """One entry of verdef or verneed; ``soname`` is None for a definition."""

    name: str
    soname: str | None
    weak: bool


def read_symbols(path: str, reader: Reader) -> Symbols:
    """Read the dynamic symbols of one ELF file.

    Args:
        path: for the result and messages.
        reader: the file.

    Returns:
        Empty tables for a file without a dynamic section or symbols.

    Raises:
        ElfError: the file contradicts itself.
    """
    try:
        header = read_header(path, reader)
        tags = _read_tags(reader, header)
        tables = _Tables(path, reader, header, tags)
        return tables.read()
    except (OutOfRange, struct.error):
        raise ElfError(path, "a table of its symbols runs past the end of the file", _HINT) from None


def read_required(path: str, reader: Reader, names: frozenset[str]) -> tuple[str, ...]:
    """Find which of some symbols an ELF file requires of others; weak ones are left out.

    Args:
        path: for messages.
        reader: the file.
        names: the symbols.

    Returns:
        Sorted.

    Raises:
        ElfError: the file contradicts itself.
    """
    try:
        header = read_header(path, reader)
        found = _Tables(path, reader, header, _read_tags(reader, header)).read_required()
        return tuple(sorted(names.intersection(found)))
    except (OutOfRange, struct.error):
        raise ElfError(path, "a table of its symbols runs past the end of the file", _HINT) from None


def _read_tags(reader: Reader, header: Header) -> dict[int, int]:
    segment = next((s for s in header.segments if s.type == PT_DYNAMIC), None)
    if segment is None or not segment.filesz:  # a static program, or a file of debugging information
        return {}
    entry = struct.Struct(header.order + ("qQ" if header.bits == 64 else "iI"))
    size = min(segment.filesz, _MAX_DYNAMIC)
    tags: dict[int, int] = {}
    for tag, value in entry.iter_unpack(reader.read(segment.offset, size - size % entry.size)):
        if tag == 0:
            break
        tags.setdefault(tag, value)
    return tags


class _Tables:
    """The tables behind the dynamic tags of one file."""

    def __init__(self, path: str, reader: Reader, header: Header, tags: Mapping[int, int]) -> None:
        self._path, self._reader, self._header, self._tags = path, reader, header, tags
        self._order = header.order
        self._strings, self._budget = b"", 0

    def read(self) -> Symbols:
        count = self._count_symbols()
        symbols = list(self._read_table(count))
        indexes = self._read_versym(count)
        self._strings = self._read_strings()
        self._budget = (1 << 20) + 4 * len(self._strings)
        defined = {} if _DT_VERSYM not in self._tags else dict(self._read_verdef())
        needed = dict(self._read_verneed())
        exports: set[tuple[str, str | None]] = set()
        wants: dict[str, set[tuple[str, str]]] = {v.soname: set() for v in needed.values() if v.soname}
        for (name, binding, section), index in zip(symbols, indexes, strict=True):
            if not name or binding not in {_STB_GLOBAL, _STB_WEAK, _STB_GNU_UNIQUE}:
                continue
            if section and index:
                version = defined.get(index)
                exports.add((self._string(name), version.name if version else None))
            elif not section and binding != _STB_WEAK and (version := needed.get(index)) and version.soname:
                wants[version.soname].add((self._string(name), version.name))
        soname = self._tags.get(_DT_SONAME)
        return Symbols(
            path=self._path,
            machine=self._header.machine,
            soname=None if soname is None else self._string(soname),
            versions=frozenset(v.name for v in defined.values()),
            exports=frozenset(exports),
            wants=tuple(
                SymbolWants(
                    soname=soname,
                    versions=tuple(
                        sorted({v.name for v in needed.values() if v.soname == soname and not v.weak})
                    ),
                    symbols=tuple(sorted(wants[soname])),
                )
                for soname in sorted(wants)
            ),
        )

    def read_required(self) -> Iterator[str]:
        """Names of the undefined symbols that are not weak."""
        symbols = list(self._read_table(self._count_symbols()))
        self._strings = self._read_strings()
        self._budget = (1 << 20) + 4 * len(self._strings)
        for name, binding, section in symbols:
            if name and not section and binding != _STB_WEAK:
                yield self._string(name)

    def _offset(self, tag: int) -> int:
        address = self._tags[tag]
        offset = self._header.find_offset(address)
        if offset is None:
            raise ElfError(self._path, f"a table at address {address:#x} lies outside the file", _HINT)
        return offset

    def _count_symbols(self) -> int:
        if _DT_SYMTAB not in self._tags:
            return 0
        if _DT_HASH in self._tags:
            word = (
                "Q" if self._header.machine == "s390x" else "I"
            )  # the psABI of s390x differs from all others
            layout = struct.Struct(self._order + 2 * word)
            _, count = layout.unpack(self._reader.read(self._offset(_DT_HASH), layout.size))
        elif _DT_GNU_HASH in self._tags:
            count = self._count_gnu_hash(self._offset(_DT_GNU_HASH))
        else:
            count = 0
        if count > _MAX_SYMBOLS:
            raise ElfError(self._path, f"{count} dynamic symbols; wheelfix reads up to {_MAX_SYMBOLS}", _HINT)
        return int(count)

    def _count_gnu_hash(self, start: int) -> int:
        """Count symbols: the highest bucket's chain ends with the last; without chains, all are undefined.

        Undefined symbols come first and are not hashed. If nothing is hashed, the table does not tell where
        they end; the start of the next table does.
        """
        buckets, first, bloom, _ = struct.unpack(self._order + "4I", self._reader.read(start, 16))
        at = start + 16 + bloom * (self._header.bits // 8)
        if buckets > _MAX_SYMBOLS:
            raise ElfError(self._path, f"hash table of {buckets} buckets", _HINT)
        last: int = max(
            struct.unpack(f"{self._order}{buckets}I", self._reader.read(at, buckets * 4)), default=0
        )
        if last < first or not last:
            return self._guess_count()
        chain = at + buckets * 4 + (last - first) * 4
        while last <= _MAX_SYMBOLS:
            piece = self._reader.read(chain, min(_PIECE, (self._reader.size - chain) // 4 * 4))
            for (value,) in struct.iter_unpack(self._order + "I", piece):
                last += 1
                if value & 1:
                    return last
            if not piece:
                raise OutOfRange
            chain += len(piece)
        return last

    def _guess_count(self) -> int:
        symtab = self._tags[_DT_SYMTAB]
        behind = [self._tags[tag] for tag in _ADDRESSES if self._tags.get(tag, 0) > symtab]
        return (min(behind) - symtab) // self._entry.size if behind else 0

    @property
    def _entry(self) -> struct.Struct:
        return struct.Struct(self._order + ("IBBHQQ" if self._header.bits == 64 else "IIIBBH"))

    def _read_table(self, count: int) -> Iterator[tuple[int, int, int]]:
        """(name offset, binding, section index) of every symbol."""
        if not count:
            return
        entry = self._entry
        if self._tags.get(_DT_SYMENT, entry.size) != entry.size:
            raise ElfError(self._path, f"dynamic symbols of {self._tags[_DT_SYMENT]} bytes", _HINT)
        data = self._reader.read(self._offset(_DT_SYMTAB), count * entry.size)
        wide = self._header.bits == 64
        for fields in entry.iter_unpack(data):
            name, info, section = (
                (fields[0], fields[1], fields[3]) if wide else (fields[0], fields[3], fields[5])
            )
            yield name, info >> 4, section

    def _read_versym(self, count: int) -> list[int]:
        if _DT_VERSYM not in self._tags or not count:
            return [_GLOBAL] * count
        data = self._reader.read(self._offset(_DT_VERSYM), count * 2)
        return [value & _VERSION_MASK for (value,) in struct.iter_unpack(self._order + "H", data)]

    def _read_strings(self) -> bytes:
        if _DT_STRTAB not in self._tags:
            return b""
        size = self._tags.get(_DT_STRSZ, 0)
        if size > _MAX_STRINGS:
            raise ElfError(
                self._path, f"string table of {size} bytes; wheelfix reads up to {_MAX_STRINGS}", _HINT
            )
        return self._reader.read(self._offset(_DT_STRTAB), size)

    def _string(self, at: int) -> str:
        end = self._strings.find(b"\0", at)
        if at >= len(self._strings) or end < 0:
            raise ElfError(self._path, f"string at {at:#x} lies outside its table", _HINT)
        # Names may share their tails, but a million names in one long string are not a real symbol table.
        self._budget -= end - at
        if self._budget < 0:
            raise ElfError(self._path, "its symbol names overlap each other", _HINT)
        return self._strings[at:end].decode("utf-8", "backslashreplace")

    def _read_verdef(self) -> Iterator[tuple[int, _Version]]:
        """Versions the file defines, by index."""
        for at, table in self._walk(_DT_VERDEF, _DT_VERDEFNUM, step_at=16):
            _, flags, index, _, _, aux = struct.unpack_from(self._order + "HHHHII", table, at)
            if not flags & _VER_FLG_BASE:
                (name,) = struct.unpack_from(self._order + "I", table, at + aux)
                yield index & _VERSION_MASK, _Version(self._string(name), None, weak=False)

    def _read_verneed(self) -> Iterator[tuple[int, _Version]]:
        """Versions the file wants, by index."""
        left = _MAX_VERSIONS
        for at, table in self._walk(_DT_VERNEED, _DT_VERNEEDNUM, step_at=12):
            _, count, file, aux = struct.unpack_from(self._order + "HHII", table, at)
            soname, at_aux = self._string(file), at + aux
            for _ in range(count):
                _, flags, index, name, step = struct.unpack_from(self._order + "IHHII", table, at_aux)
                yield (
                    index & _VERSION_MASK,
                    _Version(self._string(name), soname, weak=bool(flags & _VER_FLG_WEAK)),
                )
                at_aux += step
                left -= 1
                if not left:
                    raise ElfError(self._path, "symbol versions overlap each other", _HINT)
                if not step:
                    break

    def _walk(self, table_tag: int, count_tag: int, *, step_at: int) -> Iterator[tuple[int, bytes]]:
        """Follow a chain of version records; yields the offset of each record and its table."""
        count = self._tags.get(count_tag, 0)
        if table_tag not in self._tags or not count:
            return
        start = self._offset(table_tag)
        # The length is not stored: some kilobytes hold any valid chain.
        table = self._reader.read(start, min(max(1 << 16, count * 1024), 1 << 20, self._reader.size - start))
        at = 0
        for _ in range(min(count, _MAX_VERSIONS)):
            yield at, table
            (step,) = struct.unpack_from(self._order + "I", table, at + step_at)
            if not step:
                return
            at += step
