"""Reads the Python sources of a distribution: a text search dismisses most, the rest are parsed.

The reading functions can run in another process: their arguments and results can be pickled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from wheelfix.model.base import Struct, replace
from wheelfix.model.hints import SourceUse
from wheelfix.model.reading import Stamp
from wheelfix.pysource.callers import find_callers
from wheelfix.pysource.opens import (
    LOADER_HINTS,
    MAX_SEARCHED,
    Analysis,
    add_anchor,
    analyse_source,
    is_for_linux,
    may_open,
)
from wheelfix.pysource.program import Library, name_module
from wheelfix.wheel.archive import (
    Archive,
    Member,
    iter_chunks,
    open_archive,
)
from wheelfix.wheel.tree import read_regular

_MAX_KEPT: Final = 32 << 20
"""Bytes of sources kept in memory, so that they are inflated once."""
_MAX_ROUNDS: Final = 3
"""How often callers are searched for: a helper may call a helper, whose callers are in a third module."""


def is_source(member: Member) -> bool:
    """Whether a member is a Python source to be read."""
    return member.path.endswith(".py") and member.size <= MAX_SEARCHED


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
    members = {m.path: m for m in filter(is_source, archive.members)}
    return find_in_sources(sorted(members), lambda path: b"".join(iter_chunks(archive, members[path])))


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
    return find_in_sources(
        tuple(paths), lambda path: read_regular(f"{site}/{path}", root=str(root), limit=MAX_SEARCHED)
    )


def find_in_sources(paths: Sequence[str], read: Callable[[str], bytes | None]) -> tuple[SourceUse, ...]:
    """Find what sources open by name: each that may is analysed with the modules that it needs.

    Args:
        paths: the sources.
        read: reads a source; None if it cannot be read.
    """
    read = _keep(read)
    library = Library(paths, read)
    found: dict[str, Analysis] = {}
    for path in paths:
        source = read(path)
        if source and may_open(path, source):
            found[path] = analyse_source(path, source, library)
    linux = list(filter(is_for_linux, paths))
    searched: dict[str, frozenset[str]] = {}
    called: dict[str, frozenset[str]] = {}
    callers: dict[str, dict[str, None]] = {}
    for _ in range(_MAX_ROUNDS):
        asked = _list_unsearched((analysis.asked for analysis in found.values()), searched)
        openers = _list_unsearched((analysis.openers for analysis in found.values()), called)
        new = find_callers(asked, linux, read) if asked else {}
        passing = find_callers(openers, linux, read, LOADER_HINTS) if openers else {}
        given: dict[str, dict[str, None]] = {}
        for path, analysis in list(found.items()):
            for other in sorted(analysis.given):
                given.setdefault(name_module(other), {})[name_module(path)] = None
                found.setdefault(other, Analysis())
        more = _add(callers, new) | _add(callers, passing) | _add(callers, given)
        if not more:
            break
        for path, analysis in found.items():
            names = {name_module(path)} | analysis.asked.keys() | analysis.openers.keys()
            if not more.isdisjoint(names):
                needed = dict.fromkeys(c for name in sorted(names) for c in callers.get(name, ()))
                needed.pop(name_module(path), None)
                found[path] = analyse_source(path, read(path) or b"", library, needed)
    return tuple(add_anchor(use, read(use.path) or b"") for use in _merge(found.values()))


def _add(callers: dict[str, dict[str, None]], new: Mapping[str, Iterable[str]]) -> set[str]:
    """Add callers, and return the modules that have more now."""
    grown = set()
    for module, names in new.items():
        known = callers.setdefault(module, {})
        if any(name not in known for name in names):
            known.update(dict.fromkeys(names))
            grown.add(module)
    return grown


def _keep(read: Callable[[str], bytes | None]) -> Callable[[str], bytes | None]:
    """Read every source once, as far as memory is to be spent on it."""
    kept: dict[str, bytes | None] = {}
    left = _MAX_KEPT

    def read_kept(path: str) -> bytes | None:
        nonlocal left
        if path in kept:
            return kept[path]
        source = read(path)
        if (left := left - len(source or b"")) >= 0:
            kept[path] = source
        return source

    return read_kept


def _list_unsearched(
    found: Iterable[Mapping[str, frozenset[str]]], searched: dict[str, frozenset[str]]
) -> Mapping[str, frozenset[str]]:
    """List helpers that were not searched for yet, and note them."""
    asked: dict[str, frozenset[str]] = {}
    for helpers in found:
        for module, names in helpers.items():
            if new := names - searched.get(module, frozenset()):
                asked[module] = asked.get(module, frozenset()) | new
                searched[module] = searched.get(module, frozenset()) | new
    return asked


def _merge(found: Iterable[Analysis]) -> tuple[SourceUse, ...]:
    uses: dict[str, SourceUse] = {}
    for use in (use for analysis in found for use in analysis.uses):
        own = uses.get(use.path, SourceUse(path=use.path))
        calls = tuple(dict.fromkeys((*own.calls, *use.calls)))
        computed = tuple(sorted({*own.computed, *use.computed}))
        uses[use.path] = replace(own, calls=calls, computed=computed, unread=own.unread or use.unread)
    return tuple(
        replace(uses[path], calls=tuple(sorted(uses[path].calls, key=lambda call: call.line)))
        for path in sorted(uses)
        if uses[path].calls or uses[path].computed or uses[path].unread
    )
