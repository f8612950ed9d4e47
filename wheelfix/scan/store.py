"""Stores readings of wheels by the SHA-256 of their bytes, so that a wheel is read once.

There is one file per wheel, found by its digest and the shape of :class:`~wheelfix.model.reading.Reading`:
a reading with a new field has another entry. An entry has two parts; the second, the contents of the wheel,
is decoded on request. An entry holds tags, and markers evaluated for them, of the WHEEL file; it also notes
the wheel's file name, whose tags :func:`wheelfix.scan.read.name_reading` applies. Two small files lead from
the identity of a file to its digest.

The store is optional: an entry that cannot be read is treated as missing, and a write that fails is dropped.
Several processes may share a store: entries are replaced and deleted as whole files.
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
from wheelfix.wheel.input import open_regular

SCHEMA = 7
"""Raise this when readers find something else in the same bytes; a new field needs no new number."""

LIMIT = 256 << 20
"""Bytes that the entries of one directory may take; the least recently used are deleted first."""

_MAX_ENTRY = 32 << 20
_MAX_HEAD = 1 << 12
_NAME = re.compile(r"[0-9a-f]{40,64}(\.[a-z]+)?(\.json)?")
_PARTIAL = re.compile(r"\.(?:wheelfix|partial)-\w+")
"""Names of incomplete files; the second pattern is that of former versions."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_STALE = 24 * 3600
_SHARE = 8
"""A process prunes when it stores its first entry, then after every eighth of the limit: listing all
entries for each stored one would take quadratic time."""

_unpruned: dict[Path, int] = {}
"""Bytes that this process stored since it last pruned, by directory."""

_Size = Annotated[int, Meta(ge=0, le=_MAX_ENTRY)]

_Head = tuple[str, tuple[tuple[_Size, int], ...]]
"""Name of the entry, then size in bytes and checksum of each part."""


class KnownDigest(Struct):
    """Entry of an identity: the file's digest."""

    sha256: str


class SeenTail(Struct):
    """Entry of a size and tail: such a file was read before. It decides whether the file is hashed first."""


class _Contents(Struct):
    """The second part of an entry: the contents."""

    files: tuple[WheelFile, ...]


def read_once(
    archive: Archive, cache: Path, read: Callable[[], Reading], *, contents: bool = False
) -> Reading:
    """Load the reading of a wheel, or read and store it; nothing is stored of a file that may have changed.

    Args:
        archive: the wheel, open.
        cache: the directory of stored readings.
        read: reads the wheel, with its contents.
        contents: whether the contents are wanted.

    Returns:
        The reading, with the digest of the wheel.

    Raises:
        InputError: the file was written to during the reading, or ``read`` raises.
    """
    identity = read_identity(archive.fd, archive.read)
    digest = find_known_digest(identity, cache)
    known = _find_read(digest, cache, contents)
    if known:
        return known
    if not digest and was_seen(identity, cache):
        # A copy, or the same file in another place: hashing takes a fraction of the time of reading.
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
    """Load the reading of an archive whose headers were checked; those of an unpacked wheel were not."""
    found = find_reading(digest, cache, contents=contents) if digest else None
    return found if found and not found.origin else None


def find_reading(sha256: str, cache: Path, *, contents: bool = False) -> Reading | None:
    """Load the stored reading of a wheel.

    Args:
        sha256: of the wheel.
        cache: the directory of stored readings.
        contents: whether the contents are wanted.

    Returns:
        For the tags of its WHEEL file. None if there is no usable entry.
    """
    kinds = (Reading, _Contents) if contents else (Reading,)
    found = read_entry(cache / find_hashed_name(sha256, Reading), kinds)
    if found is None or found[0].about.sha256 != sha256:
        return None
    reading: Reading = found[0]
    return replace(reading, contents=found[1].files) if contents else reading


def store_reading(reading: Reading, cache: Path) -> None:
    """Store the reading of a wheel.

    Args:
        reading: for the tags of its WHEEL file, with digest and contents.
        cache: the directory of stored readings.
    """
    if reading.about.sha256 and reading.contents is not None:
        parts = (replace(reading, contents=None), _Contents(files=reading.contents))
        store_entry(cache, find_hashed_name(reading.about.sha256, Reading), parts)


def find_known_digest(identity: Identity, cache: Path) -> str | None:
    """Return the stored SHA-256 of a file, or None."""
    found = read_entry(cache / find_hashed_name(_spell(identity), KnownDigest), (KnownDigest,))
    return found[0].sha256 if found and _SHA256.fullmatch(found[0].sha256) else None


def was_seen(identity: Identity, cache: Path) -> bool:
    """Whether a file with this size and tail was read before; its digest may lead to a stored reading."""
    return read_entry(cache / find_hashed_name(_spell_tail(identity), SeenTail), (SeenTail,)) is not None


def store_digest(identity: Identity, sha256: str, cache: Path) -> None:
    """Store the digest of a file; the caller ensures that the file did not change meanwhile."""
    store_entry(cache, find_hashed_name(_spell(identity), KnownDigest), (KnownDigest(sha256=sha256),))
    store_entry(cache, find_hashed_name(_spell_tail(identity), SeenTail), (SeenTail(),))


def find_digest(path: Path, cache: Path) -> str:
    """Return the SHA-256 of a file, stored as long as the file is unchanged.

    Raises:
        OSError: it is not a regular file, or cannot be read.
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
        The stored parts; None if there is no usable entry.
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
        os.utime(path)  # marks it as recently used
    return tuple(values)


def store_entry(directory: Path, name: str, parts: Sequence[object], *, limit: int = LIMIT) -> None:
    """Store one entry, and prune from time to time; an unwritable directory is left unchanged.

    Args:
        directory: directory of the store; made if it is missing.
        name: of the entry, see :func:`find_hashed_name`.
        parts: models.
        limit: bytes that all entries together may take; exceeded by an eighth at most.
    """
    try:
        encoded = [encode_json(part) for part in parts]
    except ValueError:  # a string that is not UTF-8
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
    """Return the file name of the entry for a key, such as a SHA-256, whose first part is of one kind."""
    digest = hashlib.sha256(f"{SCHEMA} {_describe(kind)} {key}".encode()).hexdigest()
    return f"{digest}.{kind.__name__.lower()}"


def _prune(directory: Path, limit: int) -> None:
    """Delete the least recently used entries until the rest fits, and incomplete files of killed processes.

    Other processes may prune at the same time: a file that is gone already is no error.
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
    """Describe the shape of a type, so that entries of another shape are ignored."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        hints = get_type_hints(kind)
        return f"{kind.__name__}({','.join(f'{name}:{_describe(hints[name])}' for name in fields(kind))})"
    if arguments := get_args(kind):
        return f"{get_origin(kind)}[{','.join(map(_describe, arguments))}]"
    return str(kind)
