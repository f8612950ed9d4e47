"""Reads and writes the records of an ELF file without losing any bit.

Layouts from the System V gABI 4.1, chapters 4 and 5, and its 64-bit extension. The readers in
:mod:`wheelfix.elf` read what the loader uses; these also keep what an editor must write back: physical
addresses, section headers, unused entries.
"""

from __future__ import annotations

import struct
from typing import Literal

from wheelfix.model.base import Struct, astuple

PT_NULL, PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_PHDR = 0, 1, 2, 3, 4, 6
PT_GNU_PROPERTY = 0x6474E553
PF_X, PF_W, PF_R = 1, 2, 4

SHT_NULL, SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_HASH, SHT_DYNAMIC, SHT_NOTE, SHT_NOBITS = (
    0,
    1,
    2,
    3,
    5,
    6,
    7,
    8,
)
SHT_DYNSYM = 11
SHT_GNU_HASH, SHT_GNU_VERDEF, SHT_GNU_VERNEED, SHT_GNU_VERSYM = 0x6FFFFFF6, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF
SHF_ALLOC, SHF_TLS = 2, 0x400

DT_NULL, DT_NEEDED, DT_PLTGOT, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA = 0, 1, 3, 4, 5, 6, 7
DT_STRSZ, DT_SYMENT, DT_INIT, DT_FINI, DT_SONAME, DT_RPATH, DT_REL = 10, 11, 12, 13, 14, 15, 17
DT_DEBUG, DT_JMPREL, DT_INIT_ARRAY, DT_FINI_ARRAY, DT_RUNPATH = 21, 23, 25, 26, 29
DT_PREINIT_ARRAY, DT_RELR = 32, 36
DT_GNU_HASH, DT_CONFIG, DT_DEPAUDIT, DT_AUDIT = 0x6FFFFEF5, 0x6FFFFEFA, 0x6FFFFEFB, 0x6FFFFEFC
DT_VERSYM, DT_FLAGS_1, DT_VERDEF, DT_VERDEFNUM = 0x6FFFFFF0, 0x6FFFFFFB, 0x6FFFFFFC, 0x6FFFFFFD
DT_VERNEED, DT_VERNEEDNUM = 0x6FFFFFFE, 0x6FFFFFFF
DT_MIPS_RLD_MAP_REL, DT_AUXILIARY, DT_FILTER = 0x70000035, 0x7FFFFFFD, 0x7FFFFFFF
DF_1_PIE = 0x08000000
EM_MIPS = 8

STRING_TAGS = frozenset(
    {
        DT_NEEDED,
        DT_SONAME,
        DT_RPATH,
        DT_RUNPATH,
        DT_CONFIG,
        DT_DEPAUDIT,
        DT_AUDIT,
        DT_AUXILIARY,
        DT_FILTER,
    }
)
"""Tags whose value is an offset into the dynamic string table."""

_SMALL_PAGES = frozenset({3, 6, 22, 40, 42, 62, 243})
"""Machines whose pages are never larger than 4 KiB: i386, x86-64, s390, arm, sh, riscv."""


def find_page_size(machine: int) -> int:
    """Find the largest page in bytes of kernels for a machine (``e_machine``); 64 KiB if it is unknown."""
    return 0x1000 if machine in _SMALL_PAGES else 0x10000


class Header(Struct, kw_only=False):
    """The ELF header after ``e_ident``, its fields in file order."""

    type: int
    machine: int
    version: int
    entry: int
    phoff: int
    shoff: int
    flags: int
    ehsize: int
    phentsize: int
    phnum: int
    shentsize: int
    shnum: int
    shstrndx: int


class Segment(Struct):
    """One program header."""

    type: int
    flags: int
    offset: int
    vaddr: int
    paddr: int
    filesz: int
    memsz: int
    align: int

    @property
    def end(self) -> int:
        """File offset after its last byte."""
        return self.offset + self.filesz


class Section(Struct, kw_only=False):
    """One section header, its fields in file order."""

    name: int
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
    def end(self) -> int:
        """File offset after its last byte; its own offset if it occupies no bytes."""
        return self.offset + (0 if self.type in {SHT_NULL, SHT_NOBITS} else self.size)


class Layout:
    """The record layout of one file.

    Args:
        bits: 32 or 64.
        order: ``<`` or ``>``, as for :mod:`struct`.
    """

    def __init__(self, bits: int, order: str) -> None:
        self.bits = bits
        self.order = order
        wide = bits == 64
        self.header = struct.Struct(order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"))
        self.segment = struct.Struct(order + ("IIQQQQQQ" if wide else "IIIIIIII"))
        self.section = struct.Struct(order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII"))
        self.tag = struct.Struct(order + ("QQ" if wide else "II"))
        self.symbol_size = 24 if wide else 16

    @property
    def byteorder(self) -> Literal["little", "big"]:
        """The byte order as for :meth:`int.to_bytes`."""
        return "little" if self.order == "<" else "big"

    def pack_header(self, header: Header) -> bytes:
        """Write the ELF header after ``e_ident``."""
        return self.header.pack(*astuple(header))

    def unpack_segment(self, raw: bytes, at: int) -> Segment:
        """Read one program header."""
        if self.bits == 64:
            kind, flags, offset, vaddr, paddr, filesz, memsz, align = self.segment.unpack_from(raw, at)
        else:
            kind, offset, vaddr, paddr, filesz, memsz, flags, align = self.segment.unpack_from(raw, at)
        return Segment(
            type=kind,
            flags=flags,
            offset=offset,
            vaddr=vaddr,
            paddr=paddr,
            filesz=filesz,
            memsz=memsz,
            align=align,
        )

    def pack_segment(self, s: Segment) -> bytes:
        """Write one program header."""
        if self.bits == 64:
            return self.segment.pack(s.type, s.flags, s.offset, s.vaddr, s.paddr, s.filesz, s.memsz, s.align)
        return self.segment.pack(s.type, s.offset, s.vaddr, s.paddr, s.filesz, s.memsz, s.flags, s.align)

    def unpack_section(self, raw: bytes, at: int) -> Section:
        """Read one section header."""
        return Section(*self.section.unpack_from(raw, at))

    def pack_section(self, section: Section) -> bytes:
        """Write one section header."""
        return self.section.pack(*astuple(section))
