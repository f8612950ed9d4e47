"""Edits of ELF files, each checked by the verifier, by readelf, and by the loader of this machine."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

from wheelfix.elf.disk import read_elf_at
from wheelfix.model.elf import ElfObject
from wheelfix.patch.edit.apply import apply_edit
from wheelfix.patch.model import AppliedEdit, ElfEdit
from wheelfix.patch.verify import verify
from wheelfix.patch.verify.opinions import find_opinions

LONG = tuple(f"/nix/store/{'a' * 32}-package-{n}/lib" for n in range(12))
"""A run path of about 600 bytes."""


def edit_checked(path: Path, edit: ElfEdit) -> AppliedEdit:
    """Apply an edit, and fail unless it did what it was to do and nothing else."""
    before = path.with_name(path.name + ".before")
    shutil.copyfile(path, before)
    complaints = complain(before)
    applied = apply_edit(path, edit)
    problems = (*verify(before, path, edit), *find_opinions(path))
    assert not problems, [f"{p.check}: {p.message}" for p in problems]
    assert complain(path) <= complaints
    before.unlink()
    return applied


def complain(path: Path) -> set[str]:
    """What readelf has to say, without the numbers in it."""
    command = ["readelf", "-lSdVnW", "--dyn-syms", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, errors="replace")
    lines = [line.replace(str(path), "") for line in result.stderr.splitlines()]
    return {
        "".join(c for c in line if not c.isdigit()) for line in lines if "arning" in line or "rror" in line
    }


def read(path: Path) -> ElfObject:
    return read_elf_at(path.name, path)[0]


def load(path: Path, symbol: str = "answer") -> int:
    """Load a library in a process of its own, and call a function of it."""
    code = "import ctypes, sys; print(getattr(ctypes.CDLL(sys.argv[1]), sys.argv[2])())"
    result = subprocess.run([sys.executable, "-c", code, str(path), symbol], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def strip(path: Path) -> None:
    subprocess.run(["strip", str(path)], check=True, capture_output=True)


def move_headers_to_end(data: bytes, *, hash_last: bool = False) -> bytes:
    """Lay a library of this machine out as older tools did: with the program headers in a LOAD of their own.

    That segment comes last, in memory and in the file; behind the headers are the dynamic section and its
    strings, the hash table too if it is to be last, and padding.
    """
    raw = bytearray(data)
    head = struct.Struct("<16sHHIQQQIHHHHHH")
    fields = list(head.unpack_from(raw))
    phoff, shoff, count, sections = fields[5], fields[6], fields[10], fields[12]
    segments = [list(struct.unpack_from("<IIQQQQQQ", raw, phoff + 56 * i)) for i in range(count)]
    segments = [s for s in segments if s[0] != 6]
    rows = [list(struct.unpack_from("<IIQQQQIIQQ", raw, shoff + 64 * i)) for i in range(sections)]
    (dynamic,) = (i for i, row in enumerate(rows) if row[1] == 6)
    strings = rows[dynamic][6]
    offset = -(-len(raw) // 0x1000) * 0x1000
    address = -(-max(s[3] + s[6] for s in segments if s[0] == 1) // 0x1000) * 0x1000
    moved = bytearray(56 * (len(segments) + 1))
    places = {}
    hashes = [i for i, row in enumerate(rows) if row[1] == 0x6FFFFFF6]
    for index in (dynamic, strings, *hashes * hash_last):
        moved += bytes(-len(moved) % 16)
        _, _, _, _, start, size, *_ = rows[index]
        places[index] = len(moved)
        moved += raw[start : start + size]
    moved += bytes(-len(moved) % 8)
    for at in range(places[dynamic], places[dynamic] + rows[dynamic][5], 16):
        tag, _ = struct.unpack_from("<QQ", moved, at)
        index = {5: strings, 0x6FFFFEF5: hashes[0]}.get(tag)
        if index in places:
            struct.pack_into("<QQ", moved, at, tag, address + places[index])
    for index, place in places.items():
        rows[index][3:5] = address + place, offset + place
    for segment in segments:
        if segment[0] == 2:
            segment[2:5] = offset + places[dynamic], address + places[dynamic], address + places[dynamic]
    last = max(i for i, s in enumerate(segments) if s[0] == 1)
    segments.insert(last + 1, [1, 6, offset, address, address, len(moved), len(moved), 0x1000])
    for i, segment in enumerate(segments):
        struct.pack_into("<IIQQQQQQ", moved, 56 * i, *segment)
    order = [i for i in range(sections) if i not in places] + list(places)  # as they follow each other
    for i, index in enumerate(order):
        row = rows[index]
        row[6] = order.index(row[6])
        struct.pack_into("<IIQQQQIIQQ", raw, shoff + 64 * i, *row)
    fields[5], fields[10], fields[13] = offset, len(segments), order.index(fields[13])
    head.pack_into(raw, 0, *fields)
    return bytes(raw) + bytes(offset - len(raw)) + bytes(moved)
