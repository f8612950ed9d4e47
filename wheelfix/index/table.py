"""The soname table: the part of a nix-index database that answers which packages have a library.

SQLite, in a file or in memory. Three tables::

    meta     key, value          schema, source, date, digest, counts
    store    id, system, attr, output, hash, name
    library  soname, store, path, score, rules

``library`` has one row for each file name directly in ``lib`` or ``lib64`` of a package that may be used
as an input, ordered by soname so that all majors of a library lie side by side. ``score`` and ``rules`` are
those of :mod:`wheelfix.index.ranking`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.errors import IndexProblem
from wheelfix.index.names import drop_longer, find_series, measure_distance, split_name
from wheelfix.index.ranking import ABSENT, Candidate, explain_score, find_rivals
from wheelfix.model.index import IndexInfo, Lookup, Provider

if TYPE_CHECKING:
    from wheelfix.index.attributes import AttributeTable

SCHEMA = "1"
STORE_DIR = "/nix/store"
_NEAREST = 5

_SELECT = """
    SELECT library.soname, library.path, library.score, library.rules,
           store.attr, store.output, store.hash, store.name
    FROM library JOIN store ON store.id = library.store
    WHERE library.soname = ? AND store.system = ?
    ORDER BY library.score DESC, length(store.attr), store.attr, library.path
"""
_SELECT_SERIES = """
    SELECT DISTINCT library.soname FROM library JOIN store ON store.id = library.store
    WHERE library.soname > ? AND library.soname < ? AND store.system = ? AND library.score > ?
"""
_SELECT_SPELLED = """
    SELECT DISTINCT library.soname FROM library JOIN store ON store.id = library.store
    WHERE library.soname = ? COLLATE NOCASE AND store.system = ? AND library.score > ?
"""
_SELECT_NAMES = "SELECT DISTINCT soname FROM library WHERE score > ? ORDER BY soname"
_SELECT_BEGINNING = """
    SELECT DISTINCT soname FROM library WHERE soname >= ? AND soname < ? AND score > ? ORDER BY soname
"""
_SELECT_VERSIONS = """
    SELECT library.soname, max(library.score) FROM library JOIN store ON store.id = library.store
    WHERE library.soname >= ? AND library.soname < ? AND store.system = ? AND library.score > ?
    GROUP BY library.soname
"""
_SELECT_PROVIDED = """
    SELECT soname, max(score) FROM library
    WHERE store IN (SELECT id FROM store WHERE attr = ? AND system = ?) AND score > ?
    GROUP BY soname ORDER BY soname
"""


class SonameTable:
    """An open table.

    Args:
        connection: to the SQLite database.
        subject: name of the table in messages.

    Raises:
        IndexProblem: it is not a soname table, or has another schema.
    """

    def __init__(self, connection: sqlite3.Connection, *, subject: str, source: str) -> None:
        self._connection = connection
        self._subject = subject
        self._attributes: AttributeTable | None = None
        try:
            meta = dict(connection.execute("SELECT key, value FROM meta"))
            systems = [
                row[0] for row in connection.execute("SELECT DISTINCT system FROM store ORDER BY system")
            ]
        except sqlite3.DatabaseError as error:
            raise IndexProblem(
                subject, f"no soname table ({error})", "build it again: `wheelfix index build`"
            ) from None
        if meta.get("schema") != SCHEMA:
            raise IndexProblem(
                subject,
                f"a soname table of schema {meta.get('schema')}, wheelfix reads {SCHEMA}",
                "build it again: `wheelfix index build`",
            )
        try:
            self.systems: tuple[str, ...] = tuple(map(str, systems))
            self.info = IndexInfo(
                source=source,
                system=str(meta["system"]),
                date=str(meta.get("date") or "") or None,
                digest=str(meta["digest"]),
                sonames=int(meta["sonames"]),
                entries=int(meta["entries"]),
                written=str(meta.get("written") or "") or None,
            )
        except (KeyError, ValueError, TypeError) as error:
            raise IndexProblem(
                subject,
                f"no soname table (its metadata lack {error})",
                "build it again: `wheelfix index build`",
            ) from None

    def lookup(self, sonames: Iterable[str], *, system: str | None = None) -> tuple[Lookup, ...]:
        """Look up sonames.

        Args:
            sonames: as in DT_NEEDED; file names work as well.
            system: Nix system; None asks for the table's main one.

        Returns:
            One answer per soname, in the order asked.

        Raises:
            IndexProblem: the table is damaged.
        """
        where = system or self.info.system
        try:
            return tuple(self._lookup(soname, where) for soname in sonames)
        except sqlite3.DatabaseError as error:
            raise IndexProblem(
                self._subject, f"damaged table ({error})", "build it again: `wheelfix index build`"
            ) from None

    def find_all(self, soname: str, *, system: str | None = None) -> tuple[Provider, ...]:
        """Find every package with a file of that name, including those that are no providers; best first."""
        rows = self._connection.execute(_SELECT, (_spell(soname), _spell(system or self.info.system)))
        return tuple(_make_provider(row) for row in rows)

    def find_names(self, pattern: str, *, regex: bool = False) -> tuple[str, ...]:
        """File names in the table that match a pattern, sorted.

        Args:
            pattern: a glob for the whole name (``libtbb*.so.*``), or a regular expression to search for.
            regex: whether ``pattern`` is a regular expression.

        Raises:
            re.error: the regular expression is invalid.
        """
        if regex:
            find = re.compile(pattern).search
            names = self._connection.execute("SELECT DISTINCT soname FROM library ORDER BY soname")
            return tuple(name for (name,) in names if find(name))
        query = "SELECT DISTINCT soname FROM library WHERE soname GLOB ? ORDER BY soname"
        return tuple(name for (name,) in self._connection.execute(query, (_spell(pattern),)))

    def has_attr(self, attr: str) -> bool:
        """Tell whether an attribute with libraries is in the table."""
        name = _spell(attr)
        bare = name.removesuffix(".lib").removesuffix(".out")
        query = "SELECT 1 FROM store WHERE attr IN (?, ?) LIMIT 1"
        return self._connection.execute(query, (name, bare)).fetchone() is not None

    def list_names(self) -> tuple[str, ...]:
        """Every file name that somebody provides, sorted."""
        found = self._connection.execute(_SELECT_NAMES, (ABSENT,))
        return tuple(name for (name,) in found)

    def list_beginning(self, start: str) -> tuple[str, ...]:
        """Every file name that somebody provides and that begins with some letters, sorted."""
        begin = _spell(start)
        found = self._connection.execute(_SELECT_BEGINNING, (begin, f"{begin}\U0010ffff", ABSENT))
        return tuple(name for (name,) in found)

    def list_versions(self, series: str) -> Mapping[str, int]:
        """Return the best score of each file of a library that somebody provides on the main system, by name.

        Args:
            series: the name that all of them share, up to ``.so``.
        """
        start = _spell(series)
        # "." is followed by "/" in ASCII
        bounds = (start, f"{start}/", _spell(self.info.system), ABSENT)
        rows = self._connection.execute(_SELECT_VERSIONS, bounds)
        return {name: score for name, score in rows if find_series(name) == series}

    def list_provided(self, attr: str) -> Mapping[str, int]:
        """Return the score of each file name that an attribute provides on the main system, by name."""
        found = self._connection.execute(_SELECT_PROVIDED, (_spell(attr), _spell(self.info.system), ABSENT))
        return dict(found.fetchall())

    def list_attrs(self) -> tuple[str, ...]:
        """Every attribute with libraries in the table, sorted."""
        return tuple(
            attr for (attr,) in self._connection.execute("SELECT DISTINCT attr FROM store ORDER BY attr")
        )

    def list_packages(self) -> Mapping[str, str]:
        """Return the attribute of every package with libraries, the shortest one, by the package's name."""
        rows = self._connection.execute(
            "SELECT DISTINCT name, output, attr FROM store ORDER BY length(attr), attr"
        )
        found: dict[str, str] = {}
        for name, output, attr in rows:
            found.setdefault(split_name(name, output)[0], attr)
        return found

    @property
    def attributes(self) -> AttributeTable:
        """What nixpkgs says of the attributes; opened when it is first asked."""
        if self._attributes is None:
            from wheelfix.index.attributes import open_current_attributes

            self._attributes = open_current_attributes()
        return self._attributes

    @attributes.setter
    def attributes(self, attributes: AttributeTable) -> None:
        self._attributes = attributes

    def list_stores(self) -> Mapping[str, str]:
        """Return the attribute of every store path in the table, by its hash; main system only."""
        rows = self._connection.execute("SELECT hash, attr FROM store WHERE system = ?", (self.info.system,))
        return {str(digest): str(attr) for digest, attr in rows}

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __del__(self) -> None:
        # The table is read-only, so no explicit close is needed.
        self._connection.close()

    def _lookup(self, soname: str, system: str) -> Lookup:
        found = self._connection.execute(_SELECT, (_spell(soname), _spell(system)))
        rows = [row for row in found if row[2] > ABSENT]
        nearest = self._find_nearest(soname, system)
        if not rows:
            return Lookup(soname=soname, nearest=nearest)
        ranked = [_make_candidate(row) for row in rows[:2]]
        return Lookup(
            soname=soname,
            providers=tuple(_make_provider(row) for row in rows),
            nearest=nearest,
            rivals=find_rivals(ranked, [row[2] for row in rows[:2]]),
        )

    def find_spelled(self, soname: str) -> str | None:
        """Find the one name in the table that differs from another in the case of its letters alone."""
        found = self._connection.execute(_SELECT_SPELLED, (_spell(soname), _spell(self.info.system), ABSENT))
        names = {str(row[0]) for row in found}
        return names.pop() if len(names) == 1 else None

    def _find_nearest(self, soname: str, system: str) -> tuple[str, ...]:
        series = _spell(find_series(soname))
        if not series.endswith(".so"):
            return ()  # no library's name: the range would hold names without a version
        # "." is followed by "/" in ASCII: the range holds exactly the names that start with "<series>."
        bounds = (f"{series}.", f"{series}/", _spell(system), ABSENT)
        found = {row[0] for row in self._connection.execute(_SELECT_SERIES, bounds)} - {soname}
        majors = drop_longer(found, beside=[soname])
        return tuple(sorted(majors, key=lambda n: (measure_distance(soname, n), n))[:_NEAREST])


def _connect(database: str, *, uri: bool = False) -> sqlite3.Connection:
    """Open a database read-only; any thread may close it."""
    return sqlite3.connect(database, uri=uri, check_same_thread=False)


def open_file(path: Path, *, source: str) -> SonameTable:
    """Open a table on disk, read-only.

    Raises:
        IndexProblem: it is missing or damaged.
    """
    return SonameTable(open_database_file(path), subject=str(path), source=source)


def open_bytes(data: bytes, *, subject: str, source: str) -> SonameTable:
    """Open a table held in memory.

    Raises:
        IndexProblem: it is damaged.
    """
    return SonameTable(open_database_bytes(data, subject=subject), subject=subject, source=source)


def open_database_file(path: Path) -> sqlite3.Connection:
    """Open an SQLite database on disk, read-only.

    Raises:
        IndexProblem: it is missing.
    """
    try:
        return _connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error as error:
        raise IndexProblem(str(path), f"cannot be opened ({error})", "check the path") from None


def open_database_bytes(data: bytes, *, subject: str) -> sqlite3.Connection:
    """Open an SQLite database held in memory.

    Raises:
        IndexProblem: it is damaged.
    """
    connection = _connect(":memory:")
    try:
        connection.deserialize(data)
    except sqlite3.Error as error:
        raise IndexProblem(subject, f"damaged table ({error})", "install wheelfix again") from None
    return connection


def _spell(text: str) -> str:
    """Encode text as in the table: bytes that are not UTF-8, surrogates in Python, become escapes."""
    if text.isascii():
        return text
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a surrogate pair, possible in JSON and not in UTF-8
        raw = text.encode("utf-8", "surrogatepass")
    return raw.decode("utf-8", "backslashreplace")


def _make_provider(row: Sequence[str | int]) -> Provider:
    soname, path, score, rules, attr, output, hash_, name = row
    version = split_name(str(name), str(output))[1]
    return Provider(
        attr=str(attr),
        output=str(output),
        path=str(path) or f"/lib/{soname}",
        store_path=f"{STORE_DIR}/{hash_}-{name}",
        version=version,
        score=int(score),
        why=explain_score(str(rules)),
    )


def _make_candidate(row: Sequence[str | int]) -> Candidate:
    soname, path, _, _, attr, output, _, name = map(str, row)
    return Candidate(
        soname=soname, attr=attr, output=output, name=name, path=path, target=None, votes=0, size=0
    )
