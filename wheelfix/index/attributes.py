"""The table of nixpkgs' attributes: versions, outputs, and what keeps them from being evaluated.

SQLite, in a file or in memory. Three tables::

    meta       key, value     schema, release, revision, date, system, python
    attribute  attr, version, outputs, reached, obstacles, removed, renamed, size
    python     attr, name, version, dependencies, obstacles, removed, renamed

Outputs, obstacles and dependencies are words with blanks between them. One table is in the package, made by
``scripts/update_attributes.py``; users can make one of their own nixpkgs.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from wheelfix.errors import ApplyError, IndexProblem, InputError
from wheelfix.model.base import replace
from wheelfix.model.index import Attribute, Evaluated, Followed, NixpkgsInfo, PythonPackage, Wanted
from wheelfix.model.tables import read_data
from wheelfix.outside.files import stage_output
from wheelfix.outside.places import find_cache
from wheelfix.wheel.metadata import normalize_name

BUNDLED: Final = "attributes.sqlite.z"
SCHEMA: Final = "1"
_INTERPRETER: Final = "python"
_PATIENCE: Final = 120
"""Seconds that a nixpkgs may take that the user has not named for wheelfix."""
_OBSTACLES: Final = ("unfree", "insecure", "broken")
_HINT: Final = "make it again: `wheelfix index update --nixpkgs REF`"
_FIND_ATTRIBUTE: Final = """
    SELECT attr, version, outputs, reached, obstacles, removed, renamed, CAST(size AS INTEGER)
    FROM attribute WHERE attr = ?
"""
_FIND_PYTHON: Final = """
    SELECT attr, name, version, dependencies, obstacles, removed, renamed
    FROM python WHERE name = ? OR attr IN (?, ?)
"""
_FIND_PYTHON_ATTR: Final = """
    SELECT attr, name, version, dependencies, obstacles, removed, renamed FROM python WHERE attr = ?
"""
_TABLES: Final = """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE attribute (
        attr TEXT PRIMARY KEY, version TEXT, outputs TEXT NOT NULL, reached TEXT NOT NULL,
        obstacles TEXT NOT NULL, removed TEXT, renamed TEXT, size INTEGER) WITHOUT ROWID;
    CREATE TABLE python (
        attr TEXT PRIMARY KEY, name TEXT NOT NULL, version TEXT, dependencies TEXT NOT NULL,
        obstacles TEXT NOT NULL, removed TEXT, renamed TEXT) WITHOUT ROWID;
"""


class AttributeTable:
    """An open table; or, for a nixpkgs that the user named, what that one says.

    Args:
        connection: to the SQLite database.
        subject: name of the table in messages.
        source: as in :class:`~wheelfix.model.index.NixpkgsInfo`.

    Raises:
        IndexProblem: it is no such table, or has another schema.
    """

    def __init__(self, connection: sqlite3.Connection, *, subject: str, source: str) -> None:
        self._connection = connection
        self._subject = subject
        self._followed: Followed | None = None
        self._asked: dict[str, Attribute] = {}
        self._asked_python: dict[str, PythonPackage] = {}
        meta = {key: value for key, value in self._select("SELECT key, value FROM meta")}  # noqa: C416
        try:
            if meta["schema"] != SCHEMA:
                problem = f"a table of attributes of schema {meta['schema']}, wheelfix reads {SCHEMA}"
                raise IndexProblem(subject, problem, _HINT)
            self.info = NixpkgsInfo(
                source=source,
                release=str(meta["release"]),
                system=str(meta["system"]),
                python=str(meta["python"]),
                revision=str(meta.get("revision") or "") or None,
                date=str(meta.get("date") or "") or None,
            )
        except KeyError as error:
            problem = f"no table of attributes (its metadata lack {error})"
            raise IndexProblem(subject, problem, _HINT) from None

    def follow(
        self,
        nixpkgs: str,
        *,
        origin: str,
        required: bool,
        system: str | None = None,
        confined: bool = False,
    ) -> None:
        """Let a nixpkgs decide from now on, and the table only where that cannot be asked.

        Args:
            nixpkgs: as for :func:`wheelfix.index.evaluate.evaluate`.
            origin: where it was named, for messages.
            required: whether it is an error if it cannot be evaluated.
            system: Nix system that it is asked for; None takes that of the table.
            confined: whether it is a stranger's code, as for :func:`wheelfix.index.evaluate.evaluate`.
        """
        asked = system or self.info.system
        self._followed = Followed(
            nixpkgs=nixpkgs, origin=origin, required=required, system=asked, confined=confined
        )

    @property
    def followed(self) -> Followed | None:
        """The nixpkgs that decides; None if that is the table."""
        return self._followed

    def ask(self, attrs: Iterable[str] = (), python: Iterable[str] = ()) -> None:
        """Ask the nixpkgs that decides about names, in one evaluation; without one, do nothing.

        Args:
            attrs: paths below ``pkgs``.
            python: names in ``python3Packages``.

        Raises:
            InputError: it cannot be evaluated, and has to be.
        """
        followed = self._followed
        if followed is None or followed.problem:
            return
        wanted = [
            *(Wanted(attr) for attr in sorted(set(attrs) - self._asked.keys())),
            *(Wanted(name, True) for name in sorted(set(python) - self._asked_python.keys())),
        ]
        if not wanted:
            return
        from wheelfix.index.evaluate import evaluate

        try:
            limit = None if followed.required else _PATIENCE
            said = evaluate(
                followed.nixpkgs, wanted, system=followed.system, seconds=limit, confined=followed.confined
            )
        except InputError as error:
            if followed.required:
                subject = f"{followed.origin}: {error.subject}"
                raise InputError(subject, error.problem, error.hint) from None
            self._followed = replace(followed, problem=error.problem)
            return
        self.info = said.info
        self._asked |= {one.attr: one for one in said.attributes}
        self._asked_python |= {one.attr: one for one in said.python}

    def find(self, attr: str) -> Attribute | None:
        """Find what nixpkgs says of an attribute.

        Args:
            attr: path below ``pkgs``, of a package or of one of its outputs.

        Returns:
            None if nixpkgs was not asked about it when the table was made.

        Raises:
            IndexProblem: the table is damaged.
            InputError: as for :meth:`ask`.
        """
        if found := self._find_asked(attr):
            return found
        self.ask([attr])
        return self._find_asked(attr) or self.find_kept(attr)

    def _find_asked(self, attr: str) -> Attribute | None:
        """Find what was asked already, of the attribute or of the package that it is an output of."""
        if found := self._asked.get(attr):
            return found
        package, _, output = attr.rpartition(".")
        whole = self._asked.get(package)
        return replace(whole, attr=attr, reached=(output,)) if whole and output in whole.outputs else None

    def find_kept(self, attr: str) -> Attribute | None:
        """Find what the table says, whichever nixpkgs decides; else as :meth:`find`."""
        for row in self._select(_FIND_ATTRIBUTE, attr):
            return _make_attribute(row)
        package, _, output = attr.rpartition(".")
        whole = self.find_kept(package) if package else None
        if whole and output in whole.outputs:
            return replace(whole, attr=attr, reached=(output,))
        return None

    def ask_distributions(self, names: Iterable[str]) -> None:
        """Ask the nixpkgs that decides about all that :meth:`find_python` needs, as :meth:`ask`."""
        if self._followed:
            self.ask(python={attr for name in names for attr in self._list_spellings(name)})

    def _list_spellings(self, name: str) -> set[str]:
        """List the attributes that may be a distribution's package: its own name, and the table's."""
        rows = self._select(_FIND_PYTHON, name, *_spell_python(name))
        return {*_spell_python(name), *(str(row[0]) for row in rows)}

    def find_python(self, name: str) -> PythonPackage | None:
        """Find the package of ``python3Packages`` for a distribution.

        Args:
            name: normalised name of the distribution (PEP 503).

        Returns:
            The package whose attribute is that name, else the one whose ``pname`` is, with the shortest
            attribute; one that nixpkgs removed only if there is no other. None without any: the
            interpreter, which the set has as ``python``, is no package.

        Raises:
            IndexProblem: the table is damaged.
            InputError: as for :meth:`ask`.
        """
        found = {
            one.attr: one for one in map(_make_python, self._select(_FIND_PYTHON, name, *_spell_python(name)))
        }
        self.ask(python={*found, *_spell_python(name)})
        known = [self._asked_python.get(attr, one) for attr, one in found.items()]
        known += [one for attr in _spell_python(name) if (one := self._asked_python.get(attr))]
        return min(
            (one for one in known if one.attr != _INTERPRETER),
            key=lambda one: (
                one.removed is not None,
                normalize_name(one.attr) != name,
                len(one.attr),
                one.attr,
            ),
            default=None,
        )

    def find_python_attr(self, attr: str) -> PythonPackage | None:
        """Find a package by its name in ``python3Packages``; None if that set has never had it.

        Raises:
            IndexProblem: the table is damaged.
            InputError: as for :meth:`ask`.
        """
        self.ask(python=[attr])
        if found := self._asked_python.get(attr):
            return found
        for row in self._select(_FIND_PYTHON_ATTR, attr):
            return _make_python(row)
        return None

    def list_python(self) -> tuple[str, ...]:
        """List the names in ``python3Packages`` that exist, sorted."""
        rows = self._select("SELECT attr FROM python WHERE removed IS NULL ORDER BY attr")
        return tuple(str(attr) for (attr,) in rows)

    def list_different(self) -> tuple[tuple[Attribute, Attribute], ...]:
        """List attributes of which the nixpkgs that decides says something else than the table.

        Returns:
            Pairs of both, sorted by attribute: one of them can be used, or with other permissions.
        """
        pairs = ((one, self.find_kept(attr)) for attr, one in sorted(self._asked.items()))
        return tuple(
            (one, kept)
            for one, kept in pairs
            if kept and (one.usable, one.permissions) != (kept.usable, kept.permissions)
        )

    def count(self) -> tuple[int, int]:
        """Return the numbers of attributes and of Python packages, without those that were removed."""
        ((attrs, python),) = self._select(
            "SELECT (SELECT count(*) FROM attribute WHERE removed IS NULL),"
            " (SELECT count(*) FROM python WHERE removed IS NULL)"
        )
        return int(attrs), int(python)

    def list_attrs(self) -> tuple[str, ...]:
        """List all attributes that the table knows, sorted."""
        return tuple(str(attr) for (attr,) in self._select("SELECT attr FROM attribute ORDER BY attr"))

    def read_sizes(self) -> dict[str, int]:
        """Return the sizes of attributes in bytes, where they are known."""
        rows = self._select("SELECT attr, size FROM attribute WHERE size IS NOT NULL")
        return {str(attr): int(size) for attr, size in rows}

    def _select(self, query: str, *values: str) -> Iterator[Sequence[str]]:
        try:
            yield from self._connection.execute(query, values)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise IndexProblem(self._subject, f"damaged table ({error})", _HINT) from None


def _spell_python(name: str) -> tuple[str, str]:
    """Return the attributes that a distribution's package may have by its name."""
    return name, name.replace("-", "_")


def open_current_attributes() -> AttributeTable:
    """Open the table that this user made, else the one inside the package.

    Raises:
        IndexProblem: the user's own is damaged.
    """
    own = find_cache().attributes
    return open_attributes(own) if own.is_file() else open_bundled_attributes()


def open_bundled_attributes() -> AttributeTable:
    """Open the table inside the package."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.deserialize(zlib.decompress(read_data(__name__, BUNDLED)))
    return AttributeTable(connection, subject=BUNDLED, source="bundled")


def open_attributes(path: Path) -> AttributeTable:
    """Open the table that a user made.

    Raises:
        IndexProblem: it is missing or damaged.
    """
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
    except sqlite3.Error as error:
        raise IndexProblem(str(path), f"cannot be opened ({error})", _HINT) from None
    return AttributeTable(connection, subject=str(path), source="own")


def write_attributes(path: Path, evaluated: Evaluated, sizes: Mapping[str, int]) -> None:
    """Write a table, and replace ``path`` when it is complete.

    Args:
        path: file to write.
        evaluated: what a nixpkgs said.
        sizes: bytes of the files of attributes.

    Raises:
        ApplyError: it cannot be written.
    """
    info = evaluated.info
    meta = {
        "schema": SCHEMA,
        "release": info.release,
        "revision": info.revision or "",
        "date": info.date or "",
        "system": info.system,
        "python": info.python,
    }
    attributes = [replace(one, size=sizes.get(one.attr)) for one in evaluated.attributes]
    hint = "make room, or set XDG_CACHE_HOME"
    with stage_output(path, hint=hint, parents=True) as staged:
        try:
            with closing(sqlite3.connect(staged.name)) as connection:
                with connection:
                    connection.execute("PRAGMA journal_mode = OFF")
                    connection.executescript(_TABLES)
                    connection.executemany("INSERT INTO meta VALUES (?, ?)", sorted(meta.items()))
                    connection.executemany(
                        "INSERT INTO attribute VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        _sort(map(_make_attribute_row, attributes)),
                    )
                    connection.executemany(
                        "INSERT INTO python VALUES (?, ?, ?, ?, ?, ?, ?)",
                        _sort(map(_make_python_row, evaluated.python)),
                    )
                connection.execute("VACUUM")
        except sqlite3.Error as error:
            raise ApplyError(str(path), f"cannot be written ({error})", hint) from None


def _sort(rows: Iterable[Sequence[object]]) -> Sequence[Sequence[object]]:
    return sorted(rows, key=lambda row: str(row[0]))


def _make_attribute_row(one: Attribute) -> Sequence[object]:
    outputs, reached = " ".join(one.outputs), " ".join(one.reached)
    return one.attr, one.version, outputs, reached, _join_obstacles(one), one.removed, one.renamed, one.size


def _make_python_row(one: PythonPackage) -> Sequence[object]:
    dependencies = " ".join(one.dependencies)
    return one.attr, one.name, one.version, dependencies, _join_obstacles(one), one.removed, one.renamed


def _join_obstacles(one: Attribute | PythonPackage) -> str:
    return " ".join(name for name in _OBSTACLES if getattr(one, name))


def _make_attribute(row: Sequence[str]) -> Attribute:
    attr, version, outputs, reached, obstacles, removed, renamed, size = row
    return Attribute(
        attr=attr,
        version=version,
        outputs=tuple(outputs.split()),
        reached=tuple(reached.split()),
        unfree="unfree" in obstacles,
        insecure="insecure" in obstacles,
        broken="broken" in obstacles,
        removed=removed,
        renamed=renamed,
        size=None if size is None else int(size),
    )


def _make_python(row: Sequence[str]) -> PythonPackage:
    attr, name, version, dependencies, obstacles, removed, renamed = row
    return PythonPackage(
        attr=attr,
        name=name,
        version=version,
        dependencies=tuple(dependencies.split()),
        unfree="unfree" in obstacles,
        insecure="insecure" in obstacles,
        broken="broken" in obstacles,
        removed=removed,
        renamed=renamed,
    )
