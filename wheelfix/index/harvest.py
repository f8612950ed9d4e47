"""One pass over a database: the libraries of toplevel packages that can be linked against, and their votes.

The inflated stream is cut into packages here; two worker processes tell which of them may hold a library
(:mod:`wheelfix.index.hints`) and decode those, so that the work is done in half the time on two cores.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

from wheelfix.errors import IndexProblem
from wheelfix.index.database import Block, iter_blocks
from wheelfix.index.frcode import Package
from wheelfix.index.hints import LIBRARY, may_hold_library
from wheelfix.index.knowledge import NO_LIBRARY_SETS
from wheelfix.index.ranking import is_own_directory
from wheelfix.outside.processes import may_spawn, open_pool

UNUSED_OUTPUTS = frozenset({"debug", "static", "dev", "doc", "man", "devdoc", "info"})
"""Outputs that nobody links against."""

_WORKERS = 2
_BATCH = 1 << 19
_LARGE = 4 << 20
_AHEAD = 3
_DIRECTORY = re.compile(r"/lib(?:64)?/")
_VERSIONED = re.compile(r"\.so\.\d")
_ROOTFS = b"-fhsenv-rootfs"
# The footer of a toplevel package: attribute and output, without parsing the JSON of all the others.
_ORIGIN = re.compile(rb'"attr":"([^"\\]+)","output":"([^"\\]+)","toplevel":true')
# A link of a root file system into the store: the target, then the NUL that ends the metadata. C speed:
# these hundred packages hold a quarter of a gigabyte of entries.
_VOTE = re.compile(rb"/nix/store/([0-9a-z]{32})-[^\0\n/]*/lib(?:64)?/([^/\0\n]+\.so[^/\0\n]*)s\0")

Files = list[tuple[str, str | None]]
"""Paths of libraries with the targets of those that are links."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A library file of a toplevel package."""

    package: Package
    path: str
    target: str | None

    @property
    def soname(self) -> str:
        """The file name."""
        return self.path.rpartition("/")[2]


@dataclass(slots=True)
class Harvest:
    """What one pass over a database brings in.

    Attributes:
        votes: how many root file systems link to a file, by store hash and file name.
        attrs: all toplevel attributes.
        packages: number of packages, toplevel or not.
    """

    found: list[Found] = field(default_factory=list)
    votes: Counter[tuple[str, str]] = field(default_factory=Counter)
    attrs: set[str] = field(default_factory=set)
    packages: int = 0


def read_libraries(database: Path, *, progress: Callable[[int, int], None] | None = None) -> Harvest:
    """Read the libraries of toplevel packages that can be linked against, and the votes for them.

    Args:
        database: nix-index database.
        progress: told the compressed bytes read and their number.

    Raises:
        IndexProblem: the database is unreadable or corrupt.
    """
    harvest = Harvest()
    batches = _cut_batches(_choose_blocks(iter_blocks(database, progress=progress), harvest))
    if may_spawn():
        _decode_in_processes(batches, harvest, str(database))
    else:
        for batch in batches:
            _add(harvest, decode_libraries(batch))
    return harvest


def _decode_in_processes(batches: Iterable[list[Block]], harvest: Harvest, subject: str) -> None:
    with open_pool(_WORKERS) as pool:
        pending: deque[Future[list[tuple[Package, Files]]]] = deque()
        try:
            for batch in batches:
                if len(batch) == 1 and len(batch[0].raw) > _LARGE:
                    # Megabytes: a copy for the pipe would cost more memory than the worker saves time.
                    _add(harvest, decode_libraries(batch))
                    continue
                pending.append(pool.submit(decode_libraries, batch))
                while len(pending) > _AHEAD:
                    _add(harvest, pending.popleft().result())
            while pending:
                _add(harvest, pending.popleft().result())
        except BrokenProcessPool:
            raise IndexProblem(
                subject, "a process that was decoding it died", "free some memory and try again"
            ) from None


def decode_libraries(blocks: Iterable[Block]) -> list[tuple[Package, Files]]:
    """Decode the packages that hold libraries; runs in a worker.

    Raises:
        IndexProblem: a block is corrupt.
    """
    return [
        (block.read_package(), files)
        for block in blocks
        if may_hold_library(block.raw) and (files := _list_libraries(block))
    ]


def _choose_blocks(blocks: Iterable[Block], harvest: Harvest) -> Iterator[Block]:
    """Count packages and votes, and pass on the blocks that may matter."""
    for block in blocks:
        harvest.packages += 1
        if _ROOTFS in block.footer:
            voted = {(m[1].decode(), m[2].decode("utf-8", "replace")) for m in _VOTE.finditer(block.raw)}
            harvest.votes.update(voted)
        match = _ORIGIN.search(block.footer)
        if match is None:
            continue
        attr, output = match[1].decode("utf-8", "replace"), match[2].decode("utf-8", "replace")
        harvest.attrs.add(attr)
        if output not in UNUSED_OUTPUTS and not attr.startswith(NO_LIBRARY_SETS):
            yield block


def _cut_batches(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    batch: list[Block] = []
    size = 0
    for block in blocks:
        if len(block.raw) > _LARGE:
            yield [block]
            continue
        batch.append(block)
        size += len(block.raw)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _add(harvest: Harvest, decoded: Iterable[tuple[Package, Files]]) -> None:
    for package, files in decoded:
        harvest.found += [Found(package=package, path=path, target=target) for path, target in files]


def _list_libraries(block: Block) -> Files:
    files: Files = []
    for meta, raw in block.decode(having=b".so"):
        if not meta.endswith(b"d") and LIBRARY.search(raw):
            path = raw.decode("utf-8", "backslashreplace")
            if _is_usable(path):
                target = meta[:-1].decode("utf-8", "backslashreplace") if meta.endswith(b"s") else None
                files.append((path, target))
    return files


def _is_usable(path: str) -> bool:
    """Tell whether a file can be linked against, by its name and by where it lies."""
    name = path.rpartition("/")[2]
    if not _DIRECTORY.match(path) or not (name.startswith("lib") or _VERSIONED.search(name)):
        return False
    return path.count("/") == 2 or is_own_directory(path, name)
