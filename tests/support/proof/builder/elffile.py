"""The dynamic section and the dlopen notes of an ELF file, with nothing but the standard library."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

_LOAD, _DYNAMIC, _INTERPRETER, _NOTE = 1, 2, 3, 4
_NEEDED, _STRINGS, _SONAME, _RPATH, _RUNPATH = 1, 5, 14, 15, 29
_DLOPEN = 0x407C0C0A


@dataclass(frozen=True)
class ElfFile:
    """What a loader looks at, and ``dlopen``: for each feature of a note its names, any of which will do."""

    machine: int
    needed: tuple[str, ...]
    soname: str
    run_path: tuple[str, ...]
    executable: bool
    dlopen: tuple[tuple[str, ...], ...]


def read_elf(path: Path) -> ElfFile | None:
    """A dynamic ELF file of 64 bits, little-endian; None for whatever is none."""
    with path.open("rb") as file:
        if file.read(6) != b"\x7fELF\x02\x01":
            return None
        data = b"\x7fELF\x02\x01" + file.read()
    machine = struct.unpack_from("<H", data, 18)[0]
    (start,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", data, start + size * n) for n in range(count)]
    dynamic = [(offset, length) for kind, _, offset, _, _, length, *_ in headers if kind == _DYNAMIC]
    if not dynamic:
        return None
    (offset, length), *_ = dynamic
    entries = list(struct.iter_unpack("<QQ", data[offset : offset + length - length % 16]))
    (address, *_) = [value for tag, value in entries if tag == _STRINGS]
    (base,) = [
        at + address - where
        for kind, _, at, where, _, length, *_ in headers
        if kind == _LOAD and where <= address < where + length
    ]

    def get(tag: int) -> tuple[str, ...]:
        found = [base + value for kind, value in entries if kind == tag]
        return tuple(data[at : data.index(b"\0", at)].decode() for at in found)

    notes = [
        feature
        for kind, _, at, _, _, length, _, align in headers
        if kind == _NOTE
        for feature in _read_notes(data[at : at + length], max(align, 4))
    ]
    return ElfFile(
        machine=machine,
        needed=get(_NEEDED),
        soname="".join(get(_SONAME)),
        run_path=tuple(entry for text in get(_RUNPATH) or get(_RPATH) for entry in text.split(":") if entry),
        executable=any(kind == _INTERPRETER for kind, *_ in headers),
        dlopen=tuple(notes),
    )


def _read_notes(data: bytes, align: int) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    at = 0
    while at + 12 <= len(data):
        name, length, kind = struct.unpack_from("<III", data, at)
        start = at + 12 + -(-name // 4) * 4
        if kind == _DLOPEN:
            text = data[start : start + length].rstrip(b"\0").decode()
            found += [tuple(feature["soname"]) for feature in json.loads(text)]
        at = start + -(-length // align) * align
    return found
