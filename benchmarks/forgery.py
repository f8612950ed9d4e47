"""Forged and damaged copies of wheels, scanned before and after the true ones: is any answer wrong?

    python -m benchmarks.forgery WHEEL... [--copies 100]

Each copy is made in one of several forms (a bit that changed, other content under the same central directory
and the same checksums, a cut or a longer file), and takes the place of the true wheel in one of several ways
(beside it, written over it with its old times, renamed over it, by a hard link, by a symbolic link), in one
cache. What a copy is, :mod:`zipfile` tells: where it finds the same contents, the answer is the true one or a
refusal, where it finds damage, a refusal, where it finds other contents, what an empty cache gives. Then
eight processes scan all wheels at once with one empty cache. Prints the number of wrong answers; the exit
code is 1 if there are any.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

Answer = tuple[int, object]
"""Exit code, and what was said with exit code 0 or 1."""
Ask = Callable[[Path, Path], Answer]
"""Scans a wheel with a cache."""
Form = Callable[[bytes, random.Random], bytes]
Way = Callable[[Path, bytes], Path]

_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError),
    *(ValueError, EOFError, OSError),
)
_ELF = b"\x7fELF"
_REFUSED = 3
_PROCESSES = 8


@dataclass(frozen=True)
class Wrong:
    """One answer that is not the right one."""

    wheel: str
    form: str
    way: str
    order: str
    got: Answer


# Forms: the bytes of a wheel, made into others.


def flip_elf(data: bytes, rng: random.Random) -> bytes:
    """One of the first bits of an ELF member's data changed: it may no longer begin with the magic."""
    return _flip(data, rng.choice(_find_data(data, _ELF)), 2, rng)


def flip_data(data: bytes, rng: random.Random) -> bytes:
    """A bit changed anywhere in the data of a member."""
    start, size = rng.choice([place for place in _find_data(data, b"") if place[1]])
    return _flip(data, (start, size), size, rng)


def flip_header(data: bytes, rng: random.Random) -> bytes:
    """A bit changed in the header in front of a member."""
    start, _ = rng.choice(_find_data(data, b""))
    at = data.rindex(b"PK\3\4", 0, start)
    return _flip(data, (at, start - at), start - at, rng)


def flip_directory(data: bytes, rng: random.Random) -> bytes:
    """A bit changed in the central directory or behind it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.start_dir
    return _flip(data, (start, len(data) - start), len(data) - start, rng)


def forge_elf(data: bytes, rng: random.Random) -> bytes:
    """Another name in an ELF member, under the same central directory: sizes and CRC-32 are made to fit."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = [i for i in archive.infolist() if archive.read(i)[:4] == _ELF]
        rng.shuffle(infos)
        for info, (start, _) in zip(infos, (_find_start(data, i) for i in infos), strict=True):
            for content in _change_names(archive.read(info), rng):
                packed = _pack(content, info)
                if packed:
                    return data[:start] + packed + data[start + len(packed) :]
    raise ValueError("no member leaves room for another content")


def hide_elf(data: bytes, rng: random.Random) -> bytes:
    """An ELF member that is none any more, under the same central directory."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = [i for i in archive.infolist() if archive.read(i)[:4] == _ELF]
        rng.shuffle(infos)
        for info in infos:
            content = bytearray(archive.read(info))
            content[:4] = b"none"
            content[64 : len(content) // 2] = bytes(len(content) // 2 - 64)
            packed = _pack(fit_crc(bytes(content), info.CRC), info)
            if packed:
                start, _ = _find_start(data, info)
                return data[:start] + packed + data[start + len(packed) :]
    raise ValueError("no member leaves room for another content")


def cut(data: bytes, rng: random.Random) -> bytes:
    """The end is missing."""
    return data[: rng.randrange(len(data) // 2, len(data))]


def append(data: bytes, rng: random.Random) -> bytes:
    """Bytes follow the end."""
    return data + rng.randbytes(rng.randrange(1, 5000))


FORMS: tuple[Form, ...] = (
    flip_elf,
    forge_elf,
    flip_data,
    hide_elf,
    flip_header,
    forge_elf,
    flip_directory,
    cut,
    append,
)


# Ways: how bytes come to be at a path, where others may have been before.


def put_copy(path: Path, data: bytes) -> Path:
    """In a directory of their own."""
    number = len(list(path.parent.iterdir()))
    place = path.parent / str(number) / path.name
    place.parent.mkdir()
    place.write_bytes(data)
    return place


def put_over(path: Path, data: bytes) -> Path:
    """Written into the file that is there, which then gets its old time of modification."""
    before = path.stat() if path.exists() else None
    with path.open("r+b" if before else "wb") as file:
        file.write(data)
        file.truncate()
    if before:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return path


def put_renamed(path: Path, data: bytes) -> Path:
    """Renamed over it, with its old time of modification."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    os.utime(new, (1_700_000_000, 1_700_000_000))
    new.replace(path)
    return path


def put_hard_link(path: Path, data: bytes) -> Path:
    """As a hard link to one of two files."""
    path.unlink(missing_ok=True)
    path.hardlink_to(_keep(path, data))
    return path


def put_symbolic_link(path: Path, data: bytes) -> Path:
    """As a symbolic link to one of two files."""
    path.unlink(missing_ok=True)
    path.symlink_to(_keep(path, data))
    return path


WAYS = (put_copy, put_over, put_renamed, put_hard_link, put_symbolic_link)


def _keep(path: Path, data: bytes) -> Path:
    kept = path.parent / f"{zlib.crc32(data):08x}-{zlib.adler32(data):08x}"
    if not kept.exists():
        kept.write_bytes(data)
    return kept


# The trial.


def try_copy(
    wheel: Path,
    form: Form,
    way: Way,
    ask: Ask,
    seed: int,
) -> Iterator[Wrong | None]:
    """Scan a true wheel and one copy of it, in turns, with one cache.

    Yields:
        For each answer, what is wrong with it.
    """
    true = wheel.read_bytes()
    false = form(true, random.Random(seed))
    with tempfile.TemporaryDirectory() as scratch:
        right = {data: _ask_alone(wheel.name, data, ask, Path(scratch)) for data in (true, false)}
        allowed = {true: [right[true]], false: _list_allowed(true, false, right)}
        for order in ((true, false, true), (false, true, false)):
            top = Path(tempfile.mkdtemp(dir=scratch))
            (top / "wheels").mkdir()
            for number, data in enumerate(order):
                path = way(top / "wheels" / wheel.name, data)
                got = ask(path, top / "cache")
                steps = " ".join("true" if d == true else "false" for d in order[: number + 1])
                good = any(_is_same(got, one) for one in allowed[data])
                yield None if good else Wrong(wheel.name, form.__name__, way.__name__, steps, got)


def _list_allowed(true: bytes, false: bytes, right: dict[bytes, Answer]) -> list[Answer]:
    refused: Answer = (_REFUSED, None)
    contents = _read_contents(false)
    if contents is None:
        return [refused]
    if contents == _read_contents(true):
        return [refused, right[true]]
    if _is_same(right[false], right[true]):
        raise ValueError("the copy has other contents and the same answer: it shows nothing")
    return [right[false]]


def _is_same(one: Answer, two: Answer) -> bool:
    return one[0] == two[0] and (one[0] == _REFUSED or one[1] == two[1])


def _ask_alone(name: str, data: bytes, ask: Ask, scratch: Path) -> Answer:
    top = Path(tempfile.mkdtemp(dir=scratch))
    (top / name).write_bytes(data)
    return ask(top / name, top / "cache")


def _read_contents(data: bytes) -> dict[str, bytes] | None:
    """What an installer finds that looks into the central directory; None if it would give up."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {info.filename: archive.read(info) for info in archive.infolist()}
    except _BROKEN:
        return None


def scan(path: Path, cache: Path) -> Answer:
    """Ask the command."""
    result = _start([path], cache)
    out, error = result.communicate()
    if result.returncode not in {0, 1}:
        return result.returncode, error
    return result.returncode, json.loads(out)


def _start(paths: list[Path], cache: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "wheelfix", "scan", "--json", *map(str, paths)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, stdin=subprocess.DEVNULL, env=environment, text=True
    )


def race(wheels: list[Path]) -> int:
    """How many different results processes have that scan the same wheels at once with one empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        running = [_start(wheels, Path(cache)) for _ in range(_PROCESSES)]
        results = {(one.communicate()[0], one.returncode) for one in running}
    return len(results)


# Bits and pieces.


def _flip(data: bytes, place: tuple[int, int], within: int, rng: random.Random) -> bytes:
    at = place[0] + rng.randrange(min(within, place[1]))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


def _find_start(data: bytes, info: zipfile.ZipInfo) -> tuple[int, int]:
    name, extra = struct.unpack_from("<HH", data, info.header_offset + 26)
    return info.header_offset + 30 + name + extra, info.compress_size


def _find_data(data: bytes, magic: bytes) -> list[tuple[int, int]]:
    """Where the data of the members is that start with ``magic``, and how long it is."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        infos = [i for i in archive.infolist() if archive.open(i).read(len(magic)) == magic]
        return [_find_start(data, info) for info in infos]


def _change_names(content: bytes, rng: random.Random) -> Iterator[bytes]:
    """An ELF file that wants libraries of other names; much of its code is gone, to be packed in less."""
    changed = bytearray(content)
    for name in (b"libc.so.", b"libm.so.", b"libgcc_s.so.", b"libpthread.so.", b"libstdc++.so."):
        at = changed.find(b"\0" + name)
        while at >= 0:
            changed[at + 1 : at + 4] = bytes(rng.choices(b"abcdefgh", k=3))
            at = changed.find(b"\0" + name, at + 1)
    if changed == content:
        return
    crc = zlib.crc32(content)
    for share in (0, 8, 4, 2):
        if share:
            half = len(changed) // 2
            changed[half : half + half // share // 2] = bytes(half // share // 2)
        yield fit_crc(bytes(changed), crc)


def fit_crc(content: bytes, crc: int) -> bytes:
    """Change the last four bytes so that the CRC-32 is what is wanted: each of their bits adds its part."""
    base = content[:-4] + bytes(4)
    zero = zlib.crc32(base)
    rest, rows = zero ^ crc, list[tuple[int, int]]()
    for bit in range(32):
        effect, mark = zlib.crc32(struct.pack("<L", 1 << bit), zlib.crc32(content[:-4])) ^ zero, 1 << bit
        for pivot, marks in rows:
            if effect ^ pivot < effect:
                effect, mark = effect ^ pivot, mark ^ marks
        if effect:
            rows.append((effect, mark))
            rows.sort(reverse=True)
    chosen = 0
    for pivot, marks in rows:
        if rest ^ pivot < rest:
            rest, chosen = rest ^ pivot, chosen ^ marks
    found = content[:-4] + struct.pack("<L", chosen)
    assert zlib.crc32(found) == crc
    return found


def _pack(content: bytes, info: zipfile.ZipInfo) -> bytes | None:
    """Pack into exactly the room that a member has, by blocks of deflate that hold nothing."""
    if info.compress_type == zipfile.ZIP_STORED:
        return content
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = stream.compress(content) + stream.flush(zlib.Z_SYNC_FLUSH)
    tail = stream.flush(zlib.Z_FINISH)
    left = info.compress_size - len(head) - len(tail)
    # 5 bytes are an empty stored block; 6 the same behind an empty one of fixed codes.
    for sixes in range(5):
        fives = left - 6 * sixes
        if fives >= 0 and fives % 5 == 0:
            padding = b"\2\0\0\0\xff\xff" * sixes + b"\0\0\0\xff\xff" * (fives // 5)
            return head + padding + tail
    return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("wheels", nargs="+", type=Path)
    parser.add_argument("--copies", type=int, default=100)
    arguments = parser.parse_args()
    wheels = arguments.wheels
    if bare := [wheel.name for wheel in wheels if not _find_data(wheel.read_bytes(), _ELF)]:
        parser.error(f"{', '.join(bare)}: no ELF file in it, and half of the forms forge one")
    # Lengths without a common factor: in time, every form of every wheel is put in every way.
    turns = zip(itertools.cycle(wheels), itertools.cycle(FORMS), itertools.cycle(WAYS * 2 + WAYS[1:]))
    count, wrong, made = 0, list[Wrong](), Counter[str]()
    for seed, (wheel, form, way) in zip(range(arguments.copies), turns, strict=False):
        try:
            for found in try_copy(wheel, form, way, scan, seed):
                count += 1
                wrong += [found] if found else []
            made[f"{form.__name__}, {way.__name__}"] += 1
        except ValueError as error:
            print(f"{wheel.name}, {form.__name__}: {error}")
    for name, number in sorted(made.items()):
        print(f"  {name}: {number}")
    for one in wrong:
        print(one)
    results = race(wheels)
    print(f"{made.total()} copies of {len(wheels)} wheels, {count} answers, {len(wrong)} wrong")
    print(f"{_PROCESSES} processes with one empty cache: {results} result{'s' * (results != 1)}")
    sys.exit(bool(wrong) or results != 1)


if __name__ == "__main__":
    main()
