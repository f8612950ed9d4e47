"""All Python sources of a distribution: most are dismissed by their bytes, the rest are parsed.

The functions that read can run in another process: they take and return what can be sent there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wheelfix.model.base import Struct
from wheelfix.model.hints import SourceUse
from wheelfix.model.reading import Stamp
from wheelfix.pysource.opens import MAX_SOURCE, find_python_dlopen
from wheelfix.wheel.archive import Member, iter_chunks, open_archive
from wheelfix.wheel.tree import read_regular


def is_source(member: Member) -> bool:
    """Whether a member is a Python source that is read."""
    return member.path.endswith(".py") and member.size <= MAX_SOURCE


def read_wheel_sources(path: Path, stamp: Stamp) -> tuple[SourceUse, ...]:
    """Find what the Python sources of a wheel open by name.

    Args:
        path: the wheel.
        stamp: that it has where it is open already.

    Returns:
        What those that open or run something use, sorted by path.

    Raises:
        InputError: the wheel cannot be read, or is another one by now.
    """
    with open_archive(path, stamp=stamp) as archive:
        members = sorted(filter(is_source, archive.members), key=lambda m: m.path)
        return _parse((m.path, b"".join(iter_chunks(archive, m))) for m in members)


class PythonTree(Struct):
    """Python sources of one distribution on disk.

    Attributes:
        top: the directory that paths are relative to.
        root: the directory that nothing is read outside of.
        paths: sorted.
    """

    top: Path
    root: Path
    paths: tuple[str, ...]


def read_all_sources(trees: Iterable[PythonTree]) -> tuple[tuple[SourceUse, ...], ...]:
    """Find what Python sources open by name: one result for each distribution, sorted by path."""
    return tuple(read_tree_sources(tree.top, tree.root, tree.paths) for tree in trees)


def read_tree_sources(site: Path, root: Path, paths: Iterable[str]) -> tuple[SourceUse, ...]:
    """Find what Python sources on disk open by name.

    Args:
        site: site-packages.
        root: the prefix, which nothing is read outside of.
        paths: relative to ``site``; what is gone or too long is left out.
    """
    files = ((path, read_regular(f"{site}/{path}", root=str(root), limit=MAX_SOURCE)) for path in paths)
    return _parse((path, data) for path, data in files if data)


def _parse(sources: Iterable[tuple[str, bytes]]) -> tuple[SourceUse, ...]:
    found = (find_python_dlopen(path, data) for path, data in sources)
    return tuple(use for use in found if use.calls)
