"""Reads one ELF file from a stream of its bytes."""

from __future__ import annotations

from wheelfix.elf.dynamic import DF_1_NODEFLIB, DF_1_PIE, Dynamic, read_dynamic
from wheelfix.elf.exports import read_required
from wheelfix.elf.file import Reader
from wheelfix.elf.header import ET_EXEC, PT_INTERP, Header, read_header
from wheelfix.elf.stream import Chunks, ForwardReader, OutOfRange
from wheelfix.errors import ElfError
from wheelfix.model.elf import ElfObject
from wheelfix.model.policies import list_private

ELF_MAGIC = b"\x7fELF"
_MAX_INTERPRETER = 4096
_ZLIB = "libz.so.1"
_PRIVATE_SINCE = "GLIBC_2.18"
"""Version of all symbols of glibc that policies refuse: a file that does not ask for it has none of them."""


def read_elf(path: str, chunks: Chunks, *, size: int) -> ElfObject:
    """Read what the loader sees of one ELF file.

    The file is passed once from start to end, so that the source can verify its checksum, plus once more up
    to its string table if that lies beyond the kept head.

    Args:
        path: POSIX path of the member relative to the root of its wheel; for the result and messages.
        chunks: opens a pass over the file's bytes.
        size: length of the file in bytes.

    Returns:
        The object; ``dynamic`` is False and the lists are empty for a file that the loader does not load.

    Raises:
        ElfError: the file contradicts itself.
        WheelError: raised by ``chunks`` if the member's data is damaged.
    """
    return read_object(path, ForwardReader(chunks, size=size))


def read_object(path: str, reader: Reader) -> ElfObject:
    """Read one ELF file through a reader; see :func:`read_elf`."""
    try:
        header = read_header(path, reader)
        interpreter = _read_interpreter(path, reader, header)
        dynamic = read_dynamic(path, reader, header)
        private = _read_private(path, reader, dynamic) if dynamic else ()
    except OutOfRange:
        raise ElfError(
            path, "a table of the ELF file runs past its end", "the file is damaged: fetch the wheel again"
        ) from None
    reader.drain()
    flags_1 = dynamic.flags_1 if dynamic else 0
    return ElfObject(
        path=path,
        machine=header.machine,
        bits=header.bits,
        soname=dynamic.soname if dynamic else None,
        needed=dynamic.needed if dynamic else (),
        rpath=dynamic.rpath if dynamic else (),
        runpath=dynamic.runpath if dynamic else (),
        interpreter=interpreter,
        executable=header.type == ET_EXEC or interpreter is not None or bool(flags_1 & DF_1_PIE),
        dynamic=dynamic is not None,
        nodeflib=bool(flags_1 & DF_1_NODEFLIB),
        versions=dynamic.versions if dynamic else (),
        private=private,
    )


def _read_private(path: str, reader: Reader, dynamic: Dynamic) -> tuple[str, ...] | None:
    """Read the private symbols that a file requires of libraries, of which few files can have any."""
    versions = {name for need in dynamic.versions for name in need.versions}
    if _PRIVATE_SINCE not in versions and _ZLIB not in dynamic.needed:
        return ()
    try:
        return read_required(path, reader, list_private(dynamic.needed))
    except ElfError:
        return None  # the loader may do with less than its symbols, and so do all other answers


def _read_interpreter(path: str, reader: Reader, header: Header) -> str | None:
    segment = next((s for s in header.segments if s.type == PT_INTERP), None)
    if segment is None or segment.filesz == 0:
        return None
    try:
        raw = reader.read(segment.offset, min(segment.filesz, _MAX_INTERPRETER))
    except OutOfRange:
        raise ElfError(
            path,
            f"interpreter at offset {segment.offset:#x} lies outside the file of {reader.size} bytes",
            "the file is damaged or made to mislead; fetch the wheel again",
        ) from None
    return raw.partition(b"\0")[0].decode("utf-8", "backslashreplace")
