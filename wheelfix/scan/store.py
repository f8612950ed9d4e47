"""Readings of wheels, kept by the SHA-256 of their bytes: a wheel is read once, whoever wants it.

One file per wheel, found by its digest and the shape of a :class:`~wheelfix.model.reading.Reading`: readings
that gained a field have another entry. It has two parts, and what the wheel installs is decoded only for
those who ask. Nothing in it depends on the name of the wheel's file, but for a note of it: tags, and the
markers that are evaluated for them, are those of the WHEEL file, and :func:`wheelfix.scan.read.name_reading`
puts in those of a name. Two small files lead from the identity of a file to its digest.

A store may fail to help, and never fails otherwise: what cannot be read is no entry, what cannot be written
is not kept. Any number of processes may use one: entries come and go whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from wheelfix.model.base import Meta, Struct, astuple, decode_json, encode_json, fields, replace
from wheelfix.model.reading import Reading, WheelFile
from wheelfix.outside.files import write_file
from wheelfix.wheel.archive import Archive
from wheelfix.wheel.identity import Identity, hash_beside, hash_file, read_identity, wait_for_tick
from wheelfix.wheel.open import open_regular

SCHEMA = 5
"""Counted up when the readers find something else in the same bytes; fields need no counting."""

LIMIT = 256 << 20
"""Bytes that the entries of one directory may take; the longest unused go first."""

_MAX_ENTRY = 32 << 20
_MAX_HEAD = 1 << 12
_NAME = re.compile(r"[0-9a-f]{40,64}(\.[a-z]+)?(\.json)?")
_PARTIAL = re.compile(r"\.(?:wheelfix|partial)-\w+")
"""Names of files that were not written to their ends; the second is that of former versions."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STALE = 24 * 3600
_SHARE = 8
"""A process prunes when it stores its first entry, then after every eighth of the limit: to look at all
entries for each one that is stored would take time by the square of their number."""

_unpruned: dict[Path, int] = {}
"""Bytes that this process stored since it pruned, by directory."""

_Size = Annotated[int, Meta(ge=0, le=_MAX_ENTRY)]

_Head = tuple[str, tuple[tuple[_Size, int], ...]]
"""Name of the entry, then bytes and checksum of each part."""


class KnownDigest(Struct):
    """What is kept by an identity: the file's digest."""

    sha256: str


class SeenTail(Struct):
    """What is kept by size and tail alone: that a file like this was seen. It decides what is tried first."""


class _Contents(Struct):
    """The second part of an entry."""

    files: tuple[WheelFile, ...]


def read_once(
    archive: Archive, cache: Path, read: Callable[[], Reading], *, contents: bool = False
) -> Reading:
    """Look a wheel up, or read and keep it; nothing is kept of a file that may have changed meanwhile.

    Args:
        archive: the wheel, open.
        cache: the directory of what is kept.
        read: reads it, with its contents.
        contents: whether these are wanted.

    Returns:
        The reading, with the digest of the wheel.

    Raises:
        InputError: the file was written to meanwhile, or whatever ``read`` raises.
    """
    identity = read_identity(archive.fd, archive.read)
    digest = find_known_digest(identity, cache)
    known = _find_read(digest, cache, contents)
    if known:
        return known
    if not digest and was_seen(identity, cache):
        # A copy, or the same file in another place: hashing takes a fraction of the time that reading does.
        digest = hash_file(archive.read)
        known = _find_read(digest, cache, contents)
    with hash_beside(archive.read, digest) as pending:
        reading = known or read()
        digest = pending()
    archive.check_unchanged()
    reading = replace(reading, about=replace(reading.about, sha256=digest))
    if identity.is_settled(archive.opened) and read_identity(archive.fd, archive.read) == identity:
        if not known:
            store_reading(reading, cache)
        store_digest(identity, digest, cache)
    return reading


def _find_read(digest: str | None, cache: Path, contents: bool) -> Reading | None:
    """What was read of an archive: its headers were checked, which those of an unpacked wheel were not."""
    found = find_reading(digest, cache, contents=contents) if digest else None
    return found if found and not found.origin else None


def find_reading(sha256: str, cache: Path, *, contents: bool = False) -> Reading | None:
    """What was read of a wheel before.

    Args:
        sha256: of the wheel.
        cache: the directory of what is kept.
        contents: whether its contents are wanted as well.

    Returns:
        For the tags of its WHEEL file. None if it was not read, or the entry cannot be used.
    """
    kinds = (Reading, _Contents) if contents else (Reading,)
    found = read_entry(cache / find_hashed_name(sha256, Reading), kinds)
    if found is None or found[0].about.sha256 != sha256:
        return None
    reading: Reading = found[0]
    return replace(reading, contents=found[1].files) if contents else reading


def store_reading(reading: Reading, cache: Path) -> None:
    """Keep what was read of a wheel.

    Args:
        reading: for the tags of its WHEEL file, with digest and contents.
        cache: the directory of what is kept.
    """
    if reading.about.sha256 and reading.contents is not None:
        parts = (replace(reading, contents=None), _Contents(files=reading.contents))
        store_entry(cache, find_hashed_name(reading.about.sha256, Reading), parts)


def find_known_digest(identity: Identity, cache: Path) -> str | None:
    """SHA-256 of a file that was kept, or None."""
    found = read_entry(cache / find_hashed_name(_spell(identity), KnownDigest), (KnownDigest,))
    return found[0].sha256 if found and _SHA256.fullmatch(found[0].sha256) else None


def was_seen(identity: Identity, cache: Path) -> bool:
    """Whether a file with this size and tail was seen: if it is the same, its digest finds what was kept."""
    return read_entry(cache / find_hashed_name(_spell_tail(identity), SeenTail), (SeenTail,)) is not None


def store_digest(identity: Identity, sha256: str, cache: Path) -> None:
    """Keep the digest of a file; the caller makes sure that the file was this one all the time."""
    store_entry(cache, find_hashed_name(_spell(identity), KnownDigest), (KnownDigest(sha256=sha256),))
    store_entry(cache, find_hashed_name(_spell_tail(identity), SeenTail), (SeenTail(),))


def find_digest(path: Path, cache: Path) -> str:
    """SHA-256 of a file, kept as long as the file stays as it is.

    Raises:
        OSError: it is no regular file, or cannot be read.
    """
    wait_for_tick(path)
    started = time.time_ns()
    with open_regular(path, os.O_RDONLY, "rb") as file:
        read = partial(_pread, file.fileno())
        identity = read_identity(file.fileno(), read)
        if known := find_known_digest(identity, cache):
            return known
        digest = hash_file(read)
        if identity.is_settled(started) and read_identity(file.fileno(), read) == identity:
            store_digest(identity, digest, cache)
    return digest


def _pread(fd: int, offset: int, size: int) -> bytes:
    return os.pread(fd, size, offset)


def _spell(identity: Identity) -> str:
    return " ".join(map(str, astuple(identity)))


def _spell_tail(identity: Identity) -> str:
    return f"{identity.size} {identity.tail}"


def read_entry(path: Path, kinds: Sequence[Any]) -> tuple[Any, ...] | None:
    """Read one entry, or its first parts.

    Args:
        path: the entry.
        kinds: models of the parts that are wanted.

    Returns:
        The parts as they were stored; None if there is no such entry, or it cannot be used.
    """
    try:
        with open_regular(path, os.O_RDONLY, "rb") as file:
            if os.fstat(file.fileno()).st_size > _MAX_ENTRY:
                return None
            name, parts = decode_json(file.readline(_MAX_HEAD), _Head)
            if name != path.name:
                return None
            values = []
            for kind, (size, checksum) in zip(kinds, parts[: len(kinds)], strict=True):
                data = file.read(size)
                if len(data) != size or zlib.crc32(data) != checksum:
                    return None
                values.append(decode_json(data, kind))
    except (OSError, ValueError):
        return None
    with suppress(OSError):
        os.utime(path)  # used: pruned later than others
    return tuple(values)


def store_entry(directory: Path, name: str, parts: Sequence[object], *, limit: int = LIMIT) -> None:
    """Keep one entry, and prune at times; a directory that cannot be written to is left as it is.

    Args:
        directory: of what is kept; made if it is missing.
        name: of the entry, see :func:`find_hashed_name`.
        parts: models.
        limit: bytes that all entries together may take, and an eighth more.
    """
    try:
        encoded = [encode_json(part) for part in parts]
    except ValueError:  # a name that is no UTF-8
        return
    head = encode_json((name, [(len(data), zlib.crc32(data)) for data in encoded]))
    data = b"".join((head, b"\n", *encoded))
    if len(data) > _MAX_ENTRY:
        return
    with suppress(OSError):
        write_file(directory / name, data)
        stored = _unpruned.get(directory)
        if stored is None or (stored + len(data)) * _SHARE > limit:
            _unpruned[directory] = 0
            _prune(directory, limit)
        else:
            _unpruned[directory] = stored + len(data)


def find_hashed_name(key: str, kind: Any) -> str:
    """File name of the entry for a key, such as the SHA-256 of a wheel, whose first part is of one kind."""
    digest = hashlib.sha256(f"{SCHEMA} {_describe(kind)} {key}".encode()).hexdigest()
    return f"{digest}.{kind.__name__.lower()}"


def _prune(directory: Path, limit: int) -> None:
    """Delete the entries that were used longest ago until the rest fits, and what killed processes left.

    Other processes may prune at the same time: what is gone is no error.
    """
    entries, now = [], time.time()
    for entry in os.scandir(directory):
        with suppress(OSError):
            info = entry.stat(follow_symlinks=False)
            if _NAME.fullmatch(entry.name):
                entries.append((info.st_mtime, info.st_size, entry.path))
            elif _PARTIAL.fullmatch(entry.name) and info.st_mtime < now - _STALE:
                os.unlink(entry.path)  # noqa: PTH108
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= limit:
            break
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108
        total -= size


@cache
def _describe(kind: Any) -> str:
    """The shape of a type, so that entries of another shape are never looked at."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        hints = get_type_hints(kind)
        return f"{kind.__name__}({','.join(f'{name}:{_describe(hints[name])}' for name in fields(kind))})"
    if arguments := get_args(kind):
        return f"{get_origin(kind)}[{','.join(map(_describe, arguments))}]"
    return str(kind)
