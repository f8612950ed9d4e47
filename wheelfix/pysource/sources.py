"""Reads the Python sources of a distribution: a text search dismisses most, the rest are parsed.

The reading functions can run in another process: their arguments and results can be pickled.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wheelfix.model.base import Struct
from wheelfix.model.hints import SourceUse
from wheelfix.model.reading import Stamp
from wheelfix.pysource.opens import MAX_SOURCE, find_python_dlopen
from wheelfix.wheel.archive import (
    Archive,
    Member,
    iter_chunks,
    open_archive,
)
from wheelfix.wheel.tree import read_regular


def is_source(member: Member) -> bool:
    """Whether a member is a Python source to be read."""
    return member.path.endswith(".py") and member.size <= MAX_SOURCE


def read_wheel_sources(path: Path, stamp: Stamp) -> tuple[SourceUse, ...]:
    """Find what the Python sources of a wheel open by name.

    Args:
        path: the wheel.
        stamp: stamp of the wheel that is open.

    Returns:
        One entry per source that opens or runs something, sorted by path.

    Raises:
        InputError: the wheel cannot be read, or was replaced.
    """
    with open_archive(path, stamp=stamp) as archive:
        return read_archive_sources(archive)


def read_archive_sources(archive: Archive) -> tuple[SourceUse, ...]:
    """Find what the Python sources of an open wheel open by name, as :func:`read_wheel_sources` does."""
    members = sorted(filter(is_source, archive.members), key=lambda m: m.path)
    return _parse((m.path, b"".join(iter_chunks(archive, m))) for m in members)


class PythonSources(Struct):
    """Python sources of one distribution on disk.

    Attributes:
        top: directory that paths are relative to.
        root: directory outside which nothing is read.
        paths: sorted.
    """

    top: Path
    root: Path
    paths: tuple[str, ...]


def read_all_sources(trees: Iterable[PythonSources]) -> tuple[tuple[SourceUse, ...], ...]:
    """Find what Python sources open by name: one result for each distribution, sorted by path."""
    return tuple(read_tree_sources(tree.top, tree.root, tree.paths) for tree in trees)


def read_tree_sources(site: Path, root: Path, paths: Iterable[str]) -> tuple[SourceUse, ...]:
    """Find what Python sources on disk open by name.

    Args:
        site: site-packages.
        root: the prefix, outside which nothing is read.
        paths: relative to ``site``; missing and overlong files are left out.
    """
    files = ((path, read_regular(f"{site}/{path}", root=str(root), limit=MAX_SOURCE)) for path in paths)
    return _parse((path, data) for path, data in files if data)


def _parse(sources: Iterable[tuple[str, bytes]]) -> tuple[SourceUse, ...]:
    found = (find_python_dlopen(path, data) for path, data in sources)
    return tuple(use for use in found if use.calls)
