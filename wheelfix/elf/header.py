"""Reads the ELF header and program headers, and names machines.

Layouts from the System V gABI 4.1, chapters 4 and 5, and its 64-bit extension; machine numbers
from the gABI registry. Section headers are never used: real wheels carry files without them.
"""

from __future__ import annotations

import struct

from wheelfix.elf.file import Reader
from wheelfix.elf.stream import OutOfRange
from wheelfix.errors import ElfError
from wheelfix.model.base import Struct

ET_REL, ET_EXEC, ET_DYN, ET_CORE = 1, 2, 3, 4
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
PN_XNUM = 0xFFFF

_MACHINES = {
    (3, 32): "i686",
    (8, 32): "mips",
    (8, 64): "mips64",
    (20, 32): "ppc",
    (22, 32): "s390",
    (22, 64): "s390x",
    (40, 32): "armv7l",
    (42, 32): "sh4",
    (43, 64): "sparc64",
    (62, 32): "x32",
    (62, 64): "x86_64",
    (183, 64): "aarch64",
    (243, 32): "riscv32",
    (243, 64): "riscv64",
    (258, 64): "loongarch64",
}
_EM_PPC64 = 21


class Segment(Struct):
    """One program header; offsets and sizes in bytes."""

    type: int
    flags: int
    offset: int
    vaddr: int
    filesz: int
    memsz: int
    align: int


class Header(Struct):
    """The parts of an ELF header that the loader uses, and the program headers.

    Attributes:
        order: ``<`` or ``>``, as :mod:`struct` wants it.
        segments: in table order.
    """

    bits: int
    order: str
    type: int
    machine: str
    segments: tuple[Segment, ...]

    def find_offset(self, address: int, *, size: int = 1) -> int | None:
        """Map a virtual address to a file offset through the LOAD segments, or None."""
        for seg in self.segments:
            if seg.type == PT_LOAD and seg.vaddr <= address and address + size <= seg.vaddr + seg.filesz:
                return seg.offset + address - seg.vaddr
        return None


def read_header(path: str, reader: Reader) -> Header:
    """Read the ELF header and the program header table.

    Args:
        path: member path, for messages.
        reader: the file.

    Raises:
        ElfError: the file is too short, or its header points outside it.
    """
    try:
        ident = reader.read(0, 16)
    except OutOfRange:
        raise ElfError(
            path, "ELF file of less than 16 bytes", "the wheel is damaged: fetch it again"
        ) from None
    bits = {1: 32, 2: 64}.get(ident[4])
    order = {1: "<", 2: ">"}.get(ident[5])
    if bits is None or order is None:
        raise ElfError(path, f"ELF class {ident[4]} and data encoding {ident[5]} do not exist", _DAMAGED)
    layout = struct.Struct(order + ("HHIQQQIHHHHHH" if bits == 64 else "HHIIIIIHHHHHH"))
    try:
        fields = layout.unpack(reader.read(16, layout.size))
    except OutOfRange:
        raise ElfError(path, "ELF header cut short", _DAMAGED) from None
    etype, machine, _, _, phoff, shoff, _, _, phentsize, phnum, shentsize, _, _ = fields
    if phnum == PN_XNUM:
        phnum = _read_extended_phnum(path, reader, bits, order, shoff, shentsize)
    return Header(
        bits=bits,
        order=order,
        type=etype,
        machine=_name_machine(machine, bits, order),
        segments=_read_segments(path, reader, bits, order, phoff, phentsize, phnum),
    )


_DAMAGED = "the file is damaged or made to mislead; fetch the wheel again, or report it to its authors"


def _read_segments(
    path: str, reader: Reader, bits: int, order: str, phoff: int, phentsize: int, phnum: int
) -> tuple[Segment, ...]:
    layout = struct.Struct(order + ("IIQQQQQQ" if bits == 64 else "IIIIIIII"))
    if phnum == 0:
        return ()
    if phentsize < layout.size:
        raise ElfError(path, f"program headers of {phentsize} bytes, {layout.size} expected", _DAMAGED)
    try:
        table = reader.read(phoff, phentsize * phnum)
    except OutOfRange:
        raise ElfError(
            path,
            f"program header table at offset {phoff:#x} ({phnum} entries) lies outside the file "
            f"of {reader.size} bytes",
            _DAMAGED,
        ) from None
    segments = []
    for at in range(0, len(table), phentsize):
        if bits == 64:
            kind, flags, offset, vaddr, _, filesz, memsz, align = layout.unpack_from(table, at)
        else:
            kind, offset, vaddr, _, filesz, memsz, flags, align = layout.unpack_from(table, at)
        segments.append(
            Segment(
                type=kind, flags=flags, offset=offset, vaddr=vaddr, filesz=filesz, memsz=memsz, align=align
            )
        )
    return tuple(segments)


def _read_extended_phnum(path: str, reader: Reader, bits: int, order: str, shoff: int, shentsize: int) -> int:
    """Read the count of more than 65534 program headers: sh_info of section header 0 (gABI, e_phnum)."""
    try:
        raw = reader.read(shoff + (44 if bits == 64 else 28), 4)
    except OutOfRange:
        raise ElfError(path, "extended program header count lies outside the file", _DAMAGED) from None
    count: int = struct.unpack(order + "I", raw)[0]
    if shentsize == 0 or count > reader.size // 32:
        raise ElfError(path, f"{count} program headers do not fit into the file", _DAMAGED)
    return count


def _name_machine(number: int, bits: int, order: str) -> str:
    if number == _EM_PPC64 and bits == 64:
        return "ppc64le" if order == "<" else "ppc64"
    return _MACHINES.get((number, bits), f"em-{number}")
