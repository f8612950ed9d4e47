"""Builds a soname table from a nix-index database.

The libraries come from one pass over the inflated stream (:mod:`wheelfix.index.harvest`); all candidates of a
soname are scored together (:mod:`wheelfix.index.ranking`), and the table is written in one transaction.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from wheelfix.errors import ApplyError, IndexProblem
from wheelfix.index.canonical import find_canonical
from wheelfix.index.database import open_database
from wheelfix.index.dates import find_known_date, find_written
from wheelfix.index.harvest import Found, Harvest, read_libraries
from wheelfix.index.names import find_series, split_name
from wheelfix.index.ranking import (
    ABSENT,
    Candidate,
    find_home,
    judge_copy,
    score_candidates,
)
from wheelfix.index.table import SCHEMA
from wheelfix.outside.files import stage_output
from wheelfix.wheel.identity import find_stamp

SYSTEM = "x86_64-linux"
"""System of packages in databases of nix-index before 0.1.8, which do not name one."""

_HINT = "make room, or choose another place"
_TABLES = """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE store (
        id INTEGER PRIMARY KEY, system TEXT NOT NULL, attr TEXT NOT NULL, output TEXT NOT NULL,
        hash TEXT NOT NULL, name TEXT NOT NULL);
    CREATE TABLE library (
        soname TEXT NOT NULL, store INTEGER NOT NULL, path TEXT NOT NULL, score INTEGER NOT NULL,
        rules TEXT NOT NULL, PRIMARY KEY (soname, store, path)) WITHOUT ROWID;
    CREATE INDEX store_attr ON store (attr);
"""


def build_table(
    database: Path,
    destination: Path,
    *,
    date: str | None = None,
    digest: str | None = None,
    origin: str = "",
    system: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Mapping[str, str]:
    """Build a table, and replace ``destination`` when it is complete.

    Args:
        database: nix-index database.
        destination: file to write.
        date: day of the nixpkgs it describes, ISO 8601; None uses the known date of its digest, if any.
        digest: sha256 that the database must have; None takes any.
        origin: source of the database, for messages.
        system: the table's main system; None takes the one with most packages.
        progress: called with the compressed bytes read and in all.

    Returns:
        The table's metadata: ``date``, ``digest``, ``sonames``, ``entries``, ``packages`` ...

    Raises:
        IndexProblem: the database is unreadable, corrupt, or was replaced during the build;
            ``destination`` is unchanged.
        ApplyError: the table cannot be written.
    """
    found_digest = compute_digest(database)
    before = find_stamp(database.stat())
    harvest = read_libraries(database, progress=progress)
    if find_stamp(database.stat()) != before or digest not in {None, found_digest}:
        raise IndexProblem(str(database), "was replaced while it was read", "try again")
    rows = list(_rank(harvest))
    counts = Counter(found.package.system or SYSTEM for found, *_ in rows)
    known = date or find_known_date(found_digest)
    meta = {
        "schema": SCHEMA,
        "date": known or "",
        "written": "" if known else find_written(database) or "",
        "digest": found_digest,
        "origin": origin,
        "system": system or max(sorted(counts), key=lambda s: counts[s], default=SYSTEM),
        "sonames": str(len({found.soname for found, *_ in rows})),
        "entries": str(len(rows)),
        "packages": str(harvest.packages),
    }
    _write(destination, rows, meta)
    return meta


def compute_digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with open_database(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _rank(harvest: Harvest) -> Iterator[tuple[Found, str, int, str]]:
    """Yield (file, canonical attribute, score, rules), sorted, for the files that are candidates."""
    sizes = Counter(f.package.hash for f in harvest.found)
    groups: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for found in harvest.found:
        groups[found.soname, found.package.system or SYSTEM].append(found)
    scored: dict[tuple[str, str], list[tuple[Found, Candidate, int, str]]] = defaultdict(list)
    for (soname, system), group in sorted(groups.items()):
        group.sort(key=lambda f: (f.package.attr, f.package.output, f.path))
        candidates = [_make_candidate(soname, f, harvest, sizes) for f in group]
        rows = zip(group, candidates, score_candidates(candidates), strict=True)
        scored[find_series(soname), system] += [(f, c, score, rules) for f, c, (score, rules) in rows]
    for series in scored.values():
        home = find_home((candidate, score) for _, candidate, score, _ in series)
        for found, candidate, first_score, first_rules in series:
            score, rules = judge_copy(candidate, first_score, first_rules, home)
            if found.path.count("/") == 2 or score > ABSENT:
                yield found, candidate.attr, score, rules


def _make_candidate(soname: str, found: Found, harvest: Harvest, sizes: Counter[str]) -> Candidate:
    package = found.package
    names = [soname, (found.target or "").rpartition("/")[2]]
    pname = split_name(package.name, package.output)[0]
    return Candidate(
        soname=soname,
        attr=find_canonical(package.attr, pname, harvest.attrs),
        output=package.output,
        name=package.name,
        path=found.path,
        target=found.target,
        votes=max(harvest.votes[package.hash, name] for name in names),
        size=sizes[package.hash],
    )


def _write(destination: Path, rows: Sequence[tuple[Found, str, int, str]], meta: Mapping[str, str]) -> None:
    with stage_output(destination, hint=_HINT, parents=True) as staged:
        try:
            with closing(sqlite3.connect(staged.name)) as connection:
                with connection:
                    connection.execute("PRAGMA journal_mode = OFF")
                    connection.execute("PRAGMA page_size = 4096")
                    connection.executescript(_TABLES)
                    _insert(connection, rows, meta)
                connection.execute("VACUUM")
        except sqlite3.Error as error:
            raise ApplyError(str(destination), f"cannot be written ({error})", _HINT) from None


def _insert(
    connection: sqlite3.Connection, rows: Sequence[tuple[Found, str, int, str]], meta: Mapping[str, str]
) -> None:
    stores = sorted(
        {
            (f.package.system or SYSTEM, attr, f.package.output, f.package.hash, f.package.name)
            for f, attr, _, _ in rows
        }
    )
    ids = {store: number for number, store in enumerate(stores)}
    connection.executemany("INSERT INTO meta VALUES (?, ?)", sorted(meta.items()))
    connection.executemany(
        "INSERT INTO store VALUES (?, ?, ?, ?, ?, ?)", [(i, *store) for store, i in ids.items()]
    )
    libraries = sorted(
        {
            (
                f.soname,
                ids[f.package.system or SYSTEM, attr, f.package.output, f.package.hash, f.package.name],
                "" if f.path == f"/lib/{f.soname}" else f.path,
                score,
                rules,
            )
            for f, attr, score, rules in rows
        }
    )
    connection.executemany("INSERT INTO library VALUES (?, ?, ?, ?, ?)", libraries)
