"""Finds files that other tools have on this machine: directories of wheels, pip's and uv's caches.

pip (23.3) keeps what it downloaded by the SHA-224 of the URL (``cachecontrol``'s cache in ``http-v2``; the
``.body`` file is the wheel itself). uv keeps wheels unpacked in ``archive-v0``; the files
``wheels-v*/…/*.http`` and ``*.rev`` name the archive and the SHA-256 that uv verified. A file that does not
match the lock is skipped.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from wheelfix.errors import InputError
from wheelfix.outside.places import find_pip_cache, find_uv_cache
from wheelfix.wheel.input import open_regular
from wheelfix.wheel.metadata import parse_filename, parse_sdist_name

_ARCHIVE = re.compile(rb"[A-Za-z0-9_-]{16,24}")


def find_named(filename: str, path: str | None, url: str | None, base: Path) -> Path | None:
    """Find a file that a lock names by its path, or by an address of this machine.

    Args:
        filename: of the file, for messages.
        path: relative to ``base``, or None.
        url: its address, or None.
        base: directory of the lock.

    Returns:
        None for a file that is elsewhere.

    Raises:
        InputError: it is not there.
    """
    if path is None and not (url or "").startswith("file://"):
        return None
    found = base / (path if path is not None else unquote(urlsplit(url or "").path))
    if not found.is_file():
        raise InputError(filename, "is not where the lock says", f"put it to {found}")
    return found


def find_in_directories(
    directories: Iterable[Path], filename: str, sha256: str | None, find_digest: Callable[[Path], str]
) -> Path | None:
    """Find a wheel file of that name and content in one of several directories.

    Args:
        directories: searched in order, without their subdirectories.
        filename: of the wheel.
        sha256: its digest; None takes any.
        find_digest: returns the digest of a file.
    """
    for directory in directories:
        path = directory / filename
        if path.is_file() and (sha256 is None or find_digest(path) == sha256):
            return path
    return None


def list_matching(directories: Iterable[Path], name: str, version: str | None) -> Iterator[Path]:
    """Yield the wheels of a distribution in directories, by normalised name and version; None is any."""
    for directory in directories:
        with suppress(OSError):
            for path in sorted(directory.iterdir()):
                parsed = parse_filename(path.name) if path.name.endswith(".whl") else None
                if parsed and parsed[0] == name and version in (None, parsed[1]):
                    yield path


def list_sdists(directories: Iterable[Path], name: str, version: str | None) -> Iterator[Path]:
    """Yield the source distributions of a version in directories, by normalised name and version."""
    for directory in directories:
        with suppress(OSError):
            for path in sorted(directory.iterdir()):
                if path.name.endswith((".tar.gz", ".zip")) and parse_sdist_name(path.name) == (name, version):
                    yield path


def find_in_pip(url: str) -> Path | None:
    """Return the body of a response that pip's cache has for a URL; its content is not checked."""
    name = hashlib.sha224(url.partition("#")[0].encode()).hexdigest()
    path = find_pip_cache() / "http-v2" / Path(*name[:5]) / f"{name}.body"
    return path if path.is_file() else None


def find_in_uv(name: str, sha256: str) -> Path | None:
    """Return the directory that uv unpacked a wheel into.

    Args:
        name: normalised name of the distribution.
        sha256: digest that uv must have recorded for it.
    """
    cache = find_uv_cache()
    for pointer in sorted(cache.glob(f"wheels-v*/*/{name}/*")) + sorted(
        cache.glob(f"wheels-v*/*/*/{name}/*")
    ):
        if pointer.suffix not in {".http", ".rev", ".msgpack"} or not pointer.is_file():
            continue
        with suppress(OSError):
            data = pointer.read_bytes()
            if sha256.encode() not in data:
                continue
            for archive in _list_archives(data):
                directory = cache / "archive-v0" / archive
                if is_as_recorded(directory):
                    return directory
    return None


def is_as_recorded(directory: Path) -> bool:
    """Whether an unpacked wheel matches its RECORD.

    Files of uv's cache may be hard links shared with environments, where an edit changes the cache too.
    """
    records = list(directory.glob("*.dist-info/RECORD"))
    if len(records) != 1:
        return False
    listed: set[str] = set()
    try:
        with records[0].open(encoding="utf-8", newline="") as file:
            for path, digest, size in csv.reader(file):
                listed.add(path)
                if Path(path).is_absolute() or ".." in path.split("/"):
                    return False
                if digest and not _fits(directory / path, digest, size):
                    return False
        found = {
            str(p.relative_to(directory)) for p in directory.rglob("*") if not p.is_dir() or p.is_symlink()
        }
    except (OSError, ValueError, UnicodeError, csv.Error):
        return False
    return found <= listed


def _fits(path: Path, digest: str, size: str) -> bool:
    algorithm, _, wanted = digest.partition("=")
    if algorithm not in {"sha256", "sha384", "sha512"}:
        return False
    with open_regular(path, os.O_RDONLY, "rb") as file:
        if size and size != str(os.fstat(file.fileno()).st_size):
            return False
        found = hashlib.file_digest(file, algorithm).digest()  # type: ignore[arg-type]
    return base64.urlsafe_b64encode(found).decode("ascii").rstrip("=") == wanted.rstrip("=")


def _list_archives(pointer: bytes) -> list[str]:
    """Return possible names of an archive in one of uv's pointers (MessagePack)."""
    return [match[0].decode("ascii") for match in _ARCHIVE.finditer(pointer[:256])]
