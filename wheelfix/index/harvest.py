"""Reads the libraries of toplevel packages from a database, and the votes for them, in one pass.

This process cuts the inflated stream into packages; two worker processes find the packages that may hold a
library and decode these, which halves the time on two cores.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from wheelfix.errors import IndexProblem
from wheelfix.index.database import Block, iter_blocks
from wheelfix.index.frcode import Package
from wheelfix.index.ranking import RankingLists, is_own_directory
from wheelfix.model.base import Struct
from wheelfix.model.tables import load_table
from wheelfix.outside.processes import may_spawn, open_pool

UNUSED_OUTPUTS = frozenset({"debug", "static", "dev", "doc", "man", "devdoc", "info"})
"""Outputs that nothing is linked against."""

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

_HASH = re.compile(rb'"hash":"([0-9a-z]{32})"')
# The metadata of a file: its size and type, before the NUL.
_SIZE = re.compile(rb"(?:^|\n)(\d+)[rx]\0")

Files = list[tuple[str, str | None]]
"""Paths of libraries with the targets of those that are links."""


class Found(Struct):
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
    """The result of one pass over a database.

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
        progress: called with the compressed bytes read and in all.

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


def read_sizes(database: Path, attrs: Mapping[str, str]) -> dict[str, int]:
    """Add up the sizes of the files of some packages.

    Args:
        database: nix-index database.
        attrs: attributes by the hash of their store paths; the outputs of an attribute have one hash each.

    Returns:
        Bytes by attribute.

    Raises:
        IndexProblem: the database is unreadable or corrupt.
    """
    found: dict[str, int] = {}
    for block in iter_blocks(database):
        match = _HASH.search(block.footer)
        attr = attrs.get(match[1].decode()) if match else None
        if attr:
            found[attr] = found.get(attr, 0) + sum(map(int, _SIZE.findall(block.raw)))
    return found


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
        except BrokenExecutor:
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
    """Count packages and votes, and yield the blocks that may be relevant."""
    unread = load_table(RankingLists).unread_sets
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
        if output not in UNUSED_OUTPUTS and not attr.startswith(unread):
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
    """Tell whether a file can be linked against, by its name and directory."""
    name = path.rpartition("/")[2]
    if not _DIRECTORY.match(path) or not (name.startswith("lib") or _VERSIONED.search(name)):
        return False
    return path.count("/") == 2 or is_own_directory(path, name)


# A joint that is followed by neither "." nor the end only matters if the next entry shares more than it did.
_JOINT: Final = re.compile(rb"\0(?:\x80..|[^\x80])(s?o)(?:([.\n])|(?=[^\0]*\0[\x01-\x80]))", re.DOTALL)
_STEM: Final = b".so"
_ENDS: Final = b".\n"
_KINDS: Final = b"rxds"
_LONG: Final = 0x80
# Entries looked at for one package before giving up; decoding it costs about as much.
_BUDGET: Final = 300_000
_GLANCE: Final = 8

LIBRARY: Final = re.compile(rb"/[^/]*\.so(?:\.[^/]*)?\Z", re.DOTALL)
"""Matches (search) the path of a shared library."""


def may_hold_library(raw: bytes) -> bool:
    """Tell whether a package may have a file named ``*.so`` or ``*.so.*``.

    Args:
        raw: the undecoded entries of one package.

    Returns:
        False only if there is certainly none.
    """
    try:
        return _may_hold_library(raw)
    except IndexError:
        return True  # ends within an entry: the decoder reports where


def _may_hold_library(raw: bytes) -> bool:
    stem = raw.find(_STEM)
    found = stem
    while found >= 0:
        if raw[found + len(_STEM)] in _ENDS:
            return True
        found = raw.find(_STEM, found + len(_STEM))
    budget = iter(range(_BUDGET))
    for match in _JOINT.finditer(raw):
        if _may_be_library_joint(raw, match, budget):
            return True
    return stem >= 0 and _may_continue_stem(raw, stem, budget)


def _may_be_library_joint(raw: bytes, match: re.Match[bytes], budget: Iterator[int]) -> bool:
    wanted = b"." if match[1] == b"so" else b".s"
    nul, after, above, last = match.start(), match.end(1), len(match[1]), match[2]
    # A glance both ways mostly settles it, else all the way.
    if not last and not _may_be_continued(raw, after, above, islice(budget, _GLANCE)):
        return False
    if not _prefix_may_end_with(raw, nul, wanted, islice(budget, _GLANCE)):
        return False
    if not last and not _may_be_continued(raw, after, above, budget):
        return False
    return _prefix_may_end_with(raw, nul, wanted, budget)


def _may_continue_stem(raw: bytes, found: int, budget: Iterator[int]) -> bool:
    while found >= 0:
        after = found + len(_STEM)
        line, nul = raw.find(b"\n", after), raw.find(b"\0", after)
        if nul < 0 or line < nul:  # else it is in the target of a link
            start = _find_terminator(raw, found)
            if start < 0:
                return True
            body = _find_body(raw, start)
            if found >= body and _may_be_continued(raw, after, after - body, budget):
                return True
        found = raw.find(_STEM, after)
    return False


def _may_be_continued(raw: bytes, position: int, above: int, budget: Iterator[int]) -> bool:
    """Tell whether a later path may share a stem exactly up to its end, and go on like a library's.

    Args:
        raw: the undecoded entries of one package.
        position: in the tail of the entry that has the stem.
        above: how far into that tail the stem ends.
        budget: the steps left.
    """
    for _ in budget:
        nul = raw.find(b"\0", position)
        if nul < 0:
            return False
        step = raw[nul + 1]  # read in place: this loop runs millions of times
        if step == _LONG:
            above -= _read_step(raw, nul)
            position = nul + 4
        else:
            above -= step if step < _LONG else step - 256
            position = nul + 2
        if above > 0:
            return False  # shares less than the stem
        if above == 0 and raw[position] in _ENDS:
            return True
    return True


def _prefix_may_end_with(raw: bytes, nul: int, wanted: bytes, budget: Iterator[int]) -> bool:
    """Tell whether what an entry shares with the path before may end with some bytes.

    Args:
        raw: the undecoded entries of one package.
        nul: where the entry's metadata ends.
        wanted: one or two bytes.
        budget: the steps left.
    """
    step = _read_step(raw, nul)
    for _ in budget:
        # step is how many bytes more the entry shares than the one we look at now did.
        end = raw.rfind(b"\n", 0, nul)
        if end < 0:
            return False  # the first entry of a package shares nothing
        found = _find_terminator(raw, end)
        if found < 0:
            return True
        nul = found
        if step > 0:
            own = raw[_find_body(raw, nul) : end][:step][-len(wanted) :]
            if not wanted.endswith(own):
                return False
            wanted = wanted[: len(wanted) - len(own)]
            if not wanted:
                return True
            step = 0
        step += _read_step(raw, nul)
    return True


def _read_step(raw: bytes, nul: int) -> int:
    if raw[nul + 1] == _LONG:
        return int.from_bytes(raw[nul + 2 : nul + 4], "big", signed=True)
    return int.from_bytes(raw[nul + 1 : nul + 2], "big", signed=True)


def _find_body(raw: bytes, nul: int) -> int:
    return nul + (4 if raw[nul + 1] == _LONG else 2)


def _find_terminator(raw: bytes, end: int) -> int:
    """Find the NUL that ends the metadata of the entry whose line ends at ``end``; -1 if unsure.

    A NUL before the tail may also be a differential of 0, or part of a long one.
    """
    nul = raw.rfind(b"\0", 0, end)
    if nul >= 3:
        if raw[nul - 1] == 0 and raw[nul - 2] in _KINDS and raw[nul - 3] != _LONG:
            return nul - 1
        if raw[nul - 1] in _KINDS and raw[nul - 2] != _LONG:
            return nul
    elif nul == 2 and raw[1] in _KINDS:
        return nul
    return -1
