"""What was read of a wheel, kept by its SHA-256; the digest costs no pass over the file of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from wheelfix.wheel.archive import Archive
from wheelfix.wheel.identity import (
    find_known_digest,
    hash_beside,
    hash_file,
    read_identity,
    store_digest,
    was_seen,
)
from wheelfix.wheel.results import find_hashed_name, read_entry, store_entry

T = TypeVar("T")


def read_once(archive: Archive, cache: Path, kind: type[T], read: Callable[[], T]) -> T:
    """Look a wheel up, or read and keep it; nothing is kept of a file that may have changed meanwhile.

    Args:
        archive: the wheel.
        cache: the directory of what is kept.
        kind: of what is read, a frozen dataclass.
        read: reads it.

    Raises:
        InputError: the file was written to meanwhile, or whatever ``read`` raises.
    """
    identity = read_identity(archive.fd, archive.read)
    digest = find_known_digest(identity, cache)
    known = _find(digest, cache, kind)
    if known:
        return known
    if not digest and was_seen(identity, cache):
        # A copy, or the same file in another place: hashing takes a fraction of the time that reading does.
        digest = hash_file(archive.read)
        known = _find(digest, cache, kind)
    with hash_beside(archive.read, digest) as pending:
        value = known or read()
        digest = pending()
    archive.check_unchanged()
    if identity.is_settled(archive.opened) and read_identity(archive.fd, archive.read) == identity:
        if not known:
            store_entry(cache, find_hashed_name(digest, kind), archive.name, [value])
        store_digest(identity, digest, cache, name=archive.name)
    return value


def _find(digest: str | None, cache: Path, kind: type[T]) -> T | None:
    found = read_entry(cache / find_hashed_name(digest, kind), kind) if digest else None
    return found[0] if found else None
