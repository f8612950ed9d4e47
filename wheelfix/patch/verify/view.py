"""Reads an ELF file for the verifier: the contents of memory at an address, and the headers and tables.

This parser is independent of the editor's, so that one mistake is unlikely to be in both parsers.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from wheelfix.errors import ElfError, InputError, describe

_HINT = "compare files that a patching tool wrote with what they were before"
_LARGEST = 1 << 28

LOAD, DYNAMIC, INTERP, NOTE, PHDR, TLS = 1, 2, 3, 4, 6, 7
PROPERTY, STACK, RELRO = 0x6474E553, 0x6474E551, 0x6474E552


class Program(NamedTuple):
    """A program header, its fields under the names of the gABI without ``p_``."""

    type: int
    flags: int
    offset: int
    vaddr: int
    filesz: int
    memsz: int
    align: int


class Section(NamedTuple):
    """A section header, its fields under the names of the gABI without ``sh_``; ``name`` resolved."""

    name: str
    type: int
    flags: int
    addr: int
    offset: int
    size: int
    link: int
    info: int
    addralign: int
    entsize: int

    @property
    def stored(self) -> int:
        """Number of bytes that it occupies in the file."""
        return 0 if self.type in {0, 8} else self.size


class View:
    """One ELF file, opened for reading.

    Attributes:
        path: for messages.
        size: bytes of the file.
        bits: 32 or 64.
        order: ``<`` or ``>``.
        kind: ``e_type``.
        machine: ``e_machine``.
        identity: the fields of the header that no patching tool may change.
        table: start and end of the program header table in the file.
        headers: start and end of the section header table in the file.
        programs: program headers.
        sections: section headers.
        tags: dynamic entries.

    Raises:
        ElfError: it cannot be parsed.
    """

    def __init__(self, path: str, fd: int) -> None:
        self.path, self._fd = path, fd
        self._strings: bytes | None = None
        self.size = os.fstat(fd).st_size
        ident = self.read(0, 16)
        if ident[:4] != b"\x7fELF" or ident[4] not in {1, 2} or ident[5] not in {1, 2}:
            raise ElfError(path, "is no ELF file", _HINT)
        self.bits, self.order = 32 * ident[4], "<>"[ident[5] - 1]
        word = "Q" if self.bits == 64 else "I"
        head = struct.Struct(f"{self.order}HHI{word}{word}{word}IHHHHHH")
        fields = head.unpack(self.read(16, head.size))
        self.kind, self.machine, version, entry, phoff, shoff, flags, ehsize, phsize, phnum = fields[:10]
        self.shsize, shnum, self.shstrndx = fields[10:]
        self.identity = (ident, self.kind, self.machine, version, entry, flags, ehsize)
        self.table = (phoff, phoff + phsize * phnum)
        self.programs = [
            self._unpack_program(raw)
            for raw in _cut(self.read(phoff, phsize * phnum), phsize, self._widths()[0], path)
        ]
        if shoff and not shnum:
            raw = self.read(shoff, self._widths()[1])
            shnum = struct.unpack_from(self.order + word, raw, 32 if self.bits == 64 else 20)[0]
        self.headers = (shoff, shoff + self.shsize * shnum) if shoff else (0, 0)
        self.sections = self._read_sections()
        self.tags = self._read_tags()

    def read(self, offset: int, size: int) -> bytes:
        """Read bytes of the file.

        Raises:
            ElfError: the range is not inside the file.
        """
        if offset < 0 or not 0 <= size <= _LARGEST or offset + size > self.size:
            raise ElfError(self.path, f"{size} bytes at {offset:#x} lie outside the file", _HINT)
        data = os.pread(self._fd, size, offset)
        if len(data) != size:
            raise ElfError(self.path, "changes while it is read", _HINT)
        return data

    def memory(self, address: int, size: int) -> bytes | None:
        """Return the memory at an address, with zeros where no file is mapped; None if it is not mapped."""
        if size > _LARGEST:
            raise ElfError(self.path, f"a table of {size} bytes is too large to be true", _HINT)
        pieces = []
        at, end = address, address + size
        while at < end:
            seg = self.find_load(at)
            if seg is None:
                return None
            backed = seg.vaddr + seg.filesz
            stop = min(end, backed if at < backed else seg.vaddr + seg.memsz)
            start = seg.offset + at - seg.vaddr
            pieces.append(self.read(start, stop - at) if at < backed else bytes(stop - at))
            at = stop
        return b"".join(pieces)

    def find_load(self, address: int) -> Program | None:
        """Find the LOAD segment that contains an address."""
        for seg in self.programs:
            if seg.type == LOAD and seg.vaddr <= address < seg.vaddr + seg.memsz:
                return seg
        return None

    def first(self, tag: int) -> int | None:
        """Return the value of the first dynamic entry with a tag."""
        return next((value for t, value in self.tags if t == tag), None)

    def strings(self) -> bytes:
        """Return the dynamic string table; empty if there is no usable one."""
        if self._strings is None:
            address, size = self.first(5), self.first(10)
            known = address is not None and size is not None and size <= _LARGEST
            self._strings = (self.memory(address or 0, size or 0) or b"") if known else b""
        return self._strings

    def _widths(self) -> tuple[int, int]:
        return (56, 64) if self.bits == 64 else (32, 40)

    def _unpack_program(self, raw: bytes) -> Program:
        if self.bits == 64:
            kind, flags, *rest = struct.unpack_from(self.order + "IIQQQQQQ", raw)
        else:
            kind, *rest, flags, align = struct.unpack_from(self.order + "IIIIIIII", raw)
            rest.append(align)
        offset, vaddr, _, filesz, memsz, align = rest
        return Program(kind, flags, offset, vaddr, filesz, memsz, align)

    def _read_sections(self) -> list[Section]:
        start, end = self.headers
        if start == end:
            return []
        word = "Q" if self.bits == 64 else "I"
        layout = struct.Struct(f"{self.order}II{word}{word}{word}{word}II{word}{word}")
        rows = [
            layout.unpack_from(raw)
            for raw in _cut(self.read(start, end - start), self.shsize, layout.size, self.path)
        ]
        index = rows[0][6] if self.shstrndx == 0xFFFF else self.shstrndx
        names = self.read(rows[index][4], rows[index][5]) if index < len(rows) else b""
        return [Section(names[row[0] :].partition(b"\0")[0].decode("latin-1"), *row[1:]) for row in rows]

    def _read_tags(self) -> list[tuple[int, int]]:
        found = next((p for p in self.programs if p.type == DYNAMIC), None)
        if found is None:
            return []
        layout = struct.Struct(self.order + ("QQ" if self.bits == 64 else "II"))
        raw = self.read(found.offset, found.filesz - found.filesz % layout.size)
        tags: list[tuple[int, int]] = []
        for tag, value in layout.iter_unpack(raw):
            if tag == 0:
                break
            tags.append((tag, value))
        return tags


def _cut(raw: bytes, width: int, least: int, path: str) -> list[bytes]:
    if raw and width < least:
        raise ElfError(path, f"table entries of {width} bytes", _HINT)
    return [raw[at : at + width] for at in range(0, len(raw), width or 1)]


@contextmanager
def open_view(path: Path) -> Iterator[View]:
    """Open an ELF file for verification.

    Raises:
        InputError: it cannot be read.
        ElfError: it is not an ELF file, or cannot be parsed.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise InputError(str(path), describe(error), _HINT) from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise InputError(str(path), "is no regular file", _HINT)
        yield View(str(path), fd)
    except OSError as error:
        raise InputError(str(path), describe(error), _HINT) from None
    finally:
        os.close(fd)
