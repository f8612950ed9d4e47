"""Builds a table of names from a nix-index database: pkg-config modules, CMake packages, headers, programs.

One pass over the inflated stream, as for libraries (:mod:`wheelfix.index.harvest`). More packages have such
files than libraries: two thirds of the bytes of toplevel packages are decoded entry by entry, which takes
several times as long.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from wheelfix.errors import ApplyError, IndexProblem
from wheelfix.index.batches import decode_blocks
from wheelfix.index.build import SYSTEM, compute_digest
from wheelfix.index.canonical import Canonical, find_canonical
from wheelfix.index.database import Block, iter_blocks
from wheelfix.index.frcode import Package
from wheelfix.index.harvest import ORIGIN, ROOTFS
from wheelfix.index.named_ranking import NamedLists
from wheelfix.index.named_table import SCHEMA
from wheelfix.index.names import split_name
from wheelfix.index.ranking import RankingLists
from wheelfix.model.base import Struct
from wheelfix.model.names import CMAKE_ENDINGS, HEADER_ENDINGS, PKG_CONFIG_ENDING, NameKind
from wheelfix.model.tables import load_table
from wheelfix.outside.files import stage_output
from wheelfix.wheel.identity import find_stamp

_HINT = "make room, or choose another place"
TABLES = """
    CREATE TABLE names_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE package (
        id INTEGER PRIMARY KEY, system TEXT NOT NULL, attr TEXT NOT NULL, output TEXT NOT NULL,
        hash TEXT NOT NULL, name TEXT NOT NULL);
    CREATE TABLE folder (
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, package INTEGER NOT NULL, path TEXT NOT NULL,
        linked INTEGER NOT NULL, votes INTEGER NOT NULL, names TEXT NOT NULL);
"""
_UNREAD_OUTPUTS = frozenset({"debug", "doc", "man", "devdoc", "info"})
_VOTE: Final = re.compile(rb"/nix/store/([0-9a-z]{32})-[^\0\n/]*/bin/([^/\0\n]+)s\0")
_PYTHON_SET: Final = re.compile(r"python(\d)(\d+)Packages\.")

# Directories with such files. The tail of a directory's entry is some end of its name, as it shares the rest
# with the entry before.
_DIRECTORIES: Final = (b"/bin", b"/include", b"/pkgconfig", b"/cmake")
_CMAKE: Final = re.compile(r"/(?:(?:lib|lib64|share)/(?:cmake/)?[^/]+(?:/(?:cmake|CMake))?|cmake)\Z")
_SITE: Final = re.compile(
    r"/lib/python3\.\d+/site-packages/(?:[^/]+/){0,3}?[^/]+(/(?:include|share|lib|cmake)(?:/.*)?)\Z"
)
_PKG_CONFIG: Final = frozenset({"/lib/pkgconfig", "/share/pkgconfig"})


def _make_hint(directories: Iterable[bytes]) -> re.Pattern[bytes]:
    tails = {name[start:] for name in directories for start in range(len(name) + 1)}
    longest = sorted(tails, key=lambda tail: (-len(tail), tail))
    return re.compile(rb"d\0(?:\x80..|[^\x80])(?:" + b"|".join(map(re.escape, longest)) + rb")\n", re.DOTALL)


_ENTRY_OF_DIRECTORY: Final = _make_hint(_DIRECTORIES)


class Folder(Struct):
    """Files of one kind in one directory of a package.

    Attributes:
        path: of the directory.
        linked: they are links into other packages.
        names: of the files, sorted, apart by newlines.
    """

    kind: NameKind
    path: str
    linked: bool
    names: str


@dataclass(slots=True)
class _Harvest:
    """The result of one pass over a database; votes are counted by store hash and program."""

    found: list[tuple[Package, tuple[Folder, ...]]] = field(default_factory=list)
    votes: Counter[tuple[str, str]] = field(default_factory=Counter)
    attrs: set[str] = field(default_factory=set)


def build_names(
    database: Path,
    destination: Path,
    *,
    date: str | None = None,
    digest: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Mapping[str, str]:
    """Build a table of names, and replace ``destination`` when it is complete.

    Args:
        database: nix-index database.
        destination: file to write.
        date: day of the nixpkgs it describes, ISO 8601, if it is known.
        digest: sha256 that the database must have; None takes any.
        progress: called with the compressed bytes read and in all.

    Returns:
        The table's metadata: ``date``, ``digest``, and the number of names of each kind.

    Raises:
        IndexProblem: the database is unreadable, corrupt, or was replaced during the build;
            ``destination`` is unchanged.
        ApplyError: the table cannot be written.
    """
    found_digest = compute_digest(database)
    before = find_stamp(database.stat())
    harvest = _read_names(database, progress=progress)
    if find_stamp(database.stat()) != before or digest not in {None, found_digest}:
        raise IndexProblem(str(database), "was replaced while it was read", "try again")
    names: dict[NameKind, set[str]] = defaultdict(set)
    for _, folders in harvest.found:
        for folder in folders:
            names[folder.kind].update(folder.names.split("\n"))
    meta = {"schema": SCHEMA, "date": date or "", "digest": found_digest}
    meta |= {kind.value: str(len(names[kind])) for kind in NameKind if kind is not NameKind.LIBRARY}
    _write(destination, harvest, meta)
    return meta


def _read_names(database: Path, *, progress: Callable[[int, int], None] | None) -> _Harvest:
    harvest = _Harvest()
    chosen = _choose_blocks(iter_blocks(database, progress=progress), harvest)
    harvest.found += decode_blocks(chosen, decode_names, subject=str(database))
    return harvest


def _choose_blocks(blocks: Iterable[Block], harvest: _Harvest) -> Iterator[Block]:
    """Count votes, and yield the blocks that may hold such files."""
    unread = (*load_table(RankingLists).unread_sets, *load_table(NamedLists).unread_sets)
    for block in blocks:
        if ROOTFS in block.footer:
            harvest.votes.update(
                {(m[1].decode(), m[2].decode("utf-8", "replace")) for m in _VOTE.finditer(block.raw)}
            )
        match = ORIGIN.search(block.footer)
        if match is None:
            continue
        attr, output = match[1].decode("utf-8", "replace"), match[2].decode("utf-8", "replace")
        harvest.attrs.add(attr)
        if output not in _UNREAD_OUTPUTS and not attr.startswith(unread) and may_hold_names(block.raw):
            yield block


def may_hold_names(raw: bytes) -> bool:
    """Tell whether a package may have a directory ``bin``, ``include``, ``pkgconfig`` or ``cmake``.

    Args:
        raw: the undecoded entries of one package.

    Returns:
        False only if there is certainly none.
    """
    return _ENTRY_OF_DIRECTORY.search(raw) is not None


def decode_names(blocks: Iterable[Block]) -> list[tuple[Package, tuple[Folder, ...]]]:
    """Decode the packages that hold such files; runs in a worker.

    Raises:
        IndexProblem: a block is corrupt.
    """
    return [(block.read_package(), folders) for block in blocks if (folders := _list_folders(block))]


def _list_folders(block: Block) -> tuple[Folder, ...]:
    found: dict[tuple[NameKind, str, bool], list[str]] = defaultdict(list)
    for meta, raw in block.decode():
        if meta.endswith(b"d") or not (
            raw.startswith((b"/bin/", b"/include/"))
            or raw.endswith((b".pc", b"onfig.cmake"))
            or b"/site-packages/" in raw
        ):
            continue
        directory, _, name = raw.decode("utf-8", "backslashreplace").rpartition("/")
        kind = _find_kind(directory, name, meta)
        if kind is not None and name.isprintable() and directory.isprintable():
            found[kind, directory, meta.startswith(b"/nix/store/")].append(name)
    return tuple(
        Folder(kind=kind, path=path, linked=linked, names="\n".join(sorted(names)))
        for (kind, path, linked), names in found.items()
    )


def _find_kind(directory: str, name: str, meta: bytes) -> NameKind | None:
    """Tell what a file is, by directory and name: what Nix' setup hooks and compilers find, and no more."""
    if match := _SITE.match(directory):
        directory = match[1]  # as pybind11 and numpy have theirs, and tell by a program or function where
        if not directory.startswith(("/include", "/share/", "/lib/", "/cmake")):
            return None
    elif directory == "/bin":
        # a program that a wrapper runs is hidden by a dot
        return NameKind.PROGRAM if not name.startswith(".") and not meta.endswith(b"r") else None
    if directory == "/include" or directory.startswith("/include/"):
        return NameKind.HEADER if name.endswith(HEADER_ENDINGS) or "." not in name else None
    if name.endswith(PKG_CONFIG_ENDING):
        return NameKind.PKG_CONFIG if directory in _PKG_CONFIG else None
    if name.endswith(CMAKE_ENDINGS) and _CMAKE.match(directory):
        return NameKind.CMAKE
    return None


def _choose_python(harvest: _Harvest) -> str:
    """Find the set that python3Packages is, by the version of python3."""
    for package, _ in harvest.found:
        pname, version = split_name(package.name, package.output)
        if pname == "python3" and find_canonical(package.attr, pname, harvest.attrs) == "python3":
            return "python{}{}Packages.".format(*(version or "").split(".")[:2]) if version else ""
    return ""


def _write(destination: Path, harvest: _Harvest, meta: Mapping[str, str]) -> None:
    with stage_output(destination, hint=_HINT, parents=True) as staged:
        try:
            with closing(sqlite3.connect(staged.name)) as connection:
                with connection:
                    connection.execute("PRAGMA journal_mode = OFF")
                    connection.execute("PRAGMA page_size = 4096")
                    connection.executescript(TABLES)
                    _insert(connection, harvest, meta)
                connection.execute("VACUUM")
        except sqlite3.Error as error:
            raise ApplyError(str(destination), f"cannot be written ({error})", _HINT) from None


def _insert(connection: sqlite3.Connection, harvest: _Harvest, meta: Mapping[str, str]) -> None:
    python = _choose_python(harvest)
    packages: dict[tuple[str, ...], list[tuple[str, str, bool, int, str]]] = {}
    for package, folders in harvest.found:
        attr = _find_attr(package, harvest.attrs)
        if _PYTHON_SET.match(attr):
            if not attr.startswith(python or "\0"):
                continue
            attr = f"python3Packages.{attr.removeprefix(python)}"
        key = (package.system or SYSTEM, attr, package.output, package.hash, package.name)
        rows = packages.setdefault(key, [])
        for folder in folders:
            for votes, names in _split_by_votes(folder, package.hash, harvest.votes):
                rows.append((folder.kind.value, folder.path, folder.linked, votes, names))
    connection.executemany("INSERT INTO names_meta VALUES (?, ?)", sorted(meta.items()))
    ordered = sorted(packages)
    connection.executemany(
        "INSERT INTO package VALUES (?, ?, ?, ?, ?, ?)", [(i, *key) for i, key in enumerate(ordered)]
    )
    written = sorted((kind, i, *rest) for i, key in enumerate(ordered) for kind, *rest in packages[key])
    connection.executemany(
        "INSERT INTO folder VALUES (?, ?, ?, ?, ?, ?, ?)", [(i, *folder) for i, folder in enumerate(written)]
    )


def _find_attr(package: Package, attrs: Set[str]) -> str:
    """Find the attribute that experts write; without the output that has libraries, if they write one."""
    attr = find_canonical(package.attr, split_name(package.name, package.output)[0], attrs)
    bare = {written: recorded for recorded, written in load_table(Canonical).outputs.items()}
    return bare.get(attr, attr)


def _split_by_votes(
    folder: Folder, hash_: str, votes: Mapping[tuple[str, str], int]
) -> Iterator[tuple[int, str]]:
    if folder.kind is not NameKind.PROGRAM:
        yield 0, folder.names
        return
    groups: dict[int, list[str]] = defaultdict(list)
    for name in folder.names.split("\n"):
        groups[votes.get((hash_, name), 0)].append(name)
    for count, names in sorted(groups.items()):
        yield count, "\n".join(names)
