"""The table of names: which packages have a pkg-config module, CMake package, header or program.

SQLite, in a file or in memory, apart from the soname table and opened only when such a name is asked for::

    names_meta  key, value       schema, date, digest, number of names of each kind
    package     id, system, attr, output, hash, name
    folder      kind, package, path, linked, votes, names

A row of ``folder`` has all files of one kind in one directory of a package, names apart by newlines. That is
half the size of one row a file, and all names of a question are looked for in one pass.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from wheelfix.errors import IndexProblem
from wheelfix.index.table import STORE_DIR, open_database_bytes, open_database_file
from wheelfix.model.base import Struct
from wheelfix.model.names import NameKind

SCHEMA = "1"
_BUILD = "build it again: `wheelfix index build`"
_SELECT = """
    SELECT path, linked, votes, names, attr, output, hash, name
    FROM folder JOIN package ON package.id = folder.package WHERE kind = ? AND system = ? ORDER BY folder.id
"""
_SELECT_NAMES = "SELECT id, names FROM folder WHERE kind = ? ORDER BY id"
_SELECT_FOLDER = """
    SELECT path, linked, votes, names, attr, output, hash, name
    FROM folder JOIN package ON package.id = folder.package WHERE folder.id = ? AND system = ?
"""


class Named(Struct):
    """A file of a package.

    Attributes:
        path: of its directory.
        file: its name.
        linked: it is a link into another package.
        votes: number of file systems of a whole distribution that link to it.
        size: number of files of its kind in its directory.
        store_path: ``/nix/store/<hash>-<name>``; None where the table leaves out hashes.
        store_name: the name in it.
    """

    attr: str
    output: str
    path: str
    file: str
    linked: bool
    votes: int
    size: int
    store_path: str | None
    store_name: str


def make_named(row: Sequence[Any], file: str) -> Named:
    """Make the entry of a file, of the row of its directory: path to names, then attr, output, hash, name."""
    path, linked, votes, names, attr, output, hash_, name = row
    return Named(
        attr=attr,
        output=output,
        path=path,
        file=file,
        linked=bool(linked),
        votes=votes,
        size=names.count("\n") + 1,
        store_path=f"{STORE_DIR}/{hash_}-{name}" if hash_ else None,
        store_name=name,
    )


class NameTable:
    """An open table of names.

    Args:
        connection: to the SQLite database.
        subject: name of the table in messages.

    Raises:
        IndexProblem: it is no table of names, or has another schema.
    """

    def __init__(self, connection: sqlite3.Connection, *, subject: str) -> None:
        self._connection = connection
        self._subject = subject
        try:
            self.meta: Mapping[str, str] = {
                str(key): str(value) for key, value in connection.execute("SELECT key, value FROM names_meta")
            }
        except sqlite3.DatabaseError as error:
            raise IndexProblem(subject, f"no table of names ({error})", _BUILD) from None
        if self.meta.get("schema") != SCHEMA or not self.meta.get("digest"):
            raise IndexProblem(
                subject,
                f"a table of names of schema {self.meta.get('schema')}, wheelfix reads {SCHEMA}",
                _BUILD,
            )

    @property
    def depth(self) -> int | None:
        """How many directories below ``include`` headers are listed; None if all of them are."""
        return int(depth) if (depth := self.meta.get("header-depth", "")).isdecimal() else None

    def find(self, kind: NameKind, files: Iterable[str], *, system: str) -> Mapping[str, tuple[Named, ...]]:
        """Find all packages that have some files, in one pass.

        Args:
            kind: of all of them.
            files: their names; of headers, paths below ``include``, or the ends of such paths.
            system: Nix system.

        Returns:
            By the same names; without those that nobody has.

        Raises:
            IndexProblem: the table is damaged.
        """
        wanted: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for file in dict.fromkeys(files):
            directory, _, last = file.rpartition("/")
            wanted[last].append((file, directory))
        found: dict[str, list[Named]] = defaultdict(list)
        for row, names in self._find_folders(kind, system, lambda names: wanted.keys() & names.split("\n")):
            path = row[0]
            for last in sorted(names):
                for file, directory in wanted[last]:
                    if directory and not path.endswith(f"/{directory}"):
                        continue
                    found[file].append(make_named(row, last))
        return {file: tuple(all_of_it) for file, all_of_it in found.items()}

    def find_matching(
        self, kind: NameKind, pattern: re.Pattern[str], *, system: str
    ) -> Mapping[str, tuple[Named, ...]]:
        """Find all files of a kind whose names match a pattern, in one pass.

        Args:
            kind: of the files.
            pattern: searched for in many names, apart by newlines: it must match whole lines.
            system: Nix system.

        Returns:
            By name.

        Raises:
            IndexProblem: the table is damaged.
        """
        found: dict[str, list[Named]] = defaultdict(list)
        for row, names in self._find_folders(kind, system, pattern.findall):
            for name in names:
                found[name].append(make_named(row, name))
        return {name: tuple(all_of_it) for name, all_of_it in found.items()}

    def find_directories(self, directory: str, *, system: str) -> tuple[Named, ...]:
        """Find the packages that have headers in a directory; the entries' file is a header of it.

        Args:
            directory: below ``include``, or the end of such a path.
            system: Nix system.

        Raises:
            IndexProblem: the table is damaged.
        """
        rows = self._read(NameKind.HEADER, system)
        return tuple(
            make_named(row, row[3].partition("\n")[0]) for row in rows if row[0].endswith(f"/{directory}")
        )

    def has_attr(self, attr: str) -> bool:
        """Tell whether an attribute is in the table."""
        query = "SELECT 1 FROM package WHERE attr = ? LIMIT 1"
        return self._connection.execute(query, (attr,)).fetchone() is not None

    def list_attrs(self, kind: NameKind, *, system: str) -> tuple[str, ...]:
        """Every attribute that has files of a kind, sorted.

        Raises:
            IndexProblem: the table is damaged.
        """
        return tuple(sorted({row[4] for row in self._read(kind, system)}))

    def list_names(
        self, kind: NameKind, *, system: str, pattern: re.Pattern[str] | None = None
    ) -> tuple[str, ...]:
        """Every file name of a kind, or every one that matches a pattern, sorted.

        Raises:
            IndexProblem: the table is damaged.
        """
        if pattern:
            return tuple(sorted(self.find_matching(kind, pattern, system=system)))
        names = {name for row in self._read(kind, system) for name in row[3].split("\n")}
        return tuple(sorted(names))

    def _find_folders(
        self, kind: NameKind, system: str, select: Callable[[str], Collection[str]]
    ) -> Iterable[tuple[Sequence[Any], Collection[str]]]:
        """Yield the directories that have names that are wanted, and these.

        Names are read first, the rest of a row where it is needed: that is three times as fast.
        """
        try:
            for number, names in self._connection.execute(_SELECT_NAMES, (kind.value,)):
                if selected := select(names):
                    for row in self._connection.execute(_SELECT_FOLDER, (number, system)):
                        yield row, selected
        except sqlite3.DatabaseError as error:
            raise IndexProblem(self._subject, f"damaged table ({error})", _BUILD) from None

    def _read(self, kind: NameKind, system: str) -> Iterable[tuple[str, int, int, str, str, str, str, str]]:
        try:
            yield from self._connection.execute(_SELECT, (kind.value, system))
        except sqlite3.DatabaseError as error:
            raise IndexProblem(self._subject, f"damaged table ({error})", _BUILD) from None

    def __del__(self) -> None:
        # The table is read-only, so no explicit close is needed.
        self._connection.close()


class NamedIndex:
    """The tables of names of one index, each opened when a name of its kind is first asked for.

    Args:
        open_table: opens the table that has a kind.

    Example:
        >>> NamedIndex(lambda kind: open_names_file(path)).open(NameKind.PROGRAM)  # doctest: +SKIP
    """

    def __init__(self, open_table: Callable[[NameKind], NameTable]) -> None:
        self._open = cache(open_table)

    def open(self, kind: NameKind) -> NameTable:
        """Return the table that has a kind.

        Raises:
            IndexProblem: there is none, or it is damaged.
        """
        return self._open(kind)


def open_names_file(path: Path) -> NameTable:
    """Open a table of names on disk, read-only.

    Raises:
        IndexProblem: it is missing or damaged.
    """
    return NameTable(open_database_file(path), subject=str(path))


def open_names_bytes(data: bytes, *, subject: str) -> NameTable:
    """Open a table of names held in memory.

    Raises:
        IndexProblem: it is damaged.
    """
    return NameTable(open_database_bytes(data, subject=subject), subject=subject)
