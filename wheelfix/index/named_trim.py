"""Cuts a table of names down to what the package ships.

Left out are store hashes, other systems, and of headers those more than two directories below ``include``,
and providers that are neither the best of a header nor its rival: all of them would be four times as large.
The table says how deep it goes.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from wheelfix.index.named import find_named_rivals, rank_named
from wheelfix.index.named_build import TABLES
from wheelfix.index.named_ranking import find_include
from wheelfix.index.named_table import Named, make_named
from wheelfix.index.table import SonameTable
from wheelfix.model.names import NameKind

DEPTH = 2
"""Directories below ``include`` of the headers that are shipped."""


def trim_names(source: Path, kinds: Iterable[NameKind], *, table: SonameTable) -> bytes:
    """Cut a table of names.

    Args:
        source: a table of names.
        kinds: kinds to keep.
        table: the soname table of the same database.

    Returns:
        An SQLite database, the same on every run.
    """
    kept = sorted(kind.value for kind in kinds)
    marks = ",".join("?" * len(kept))
    query = f"""
        SELECT kind, path, linked, votes, names, attr, output, hash, name
        FROM folder JOIN package ON package.id = folder.package
        WHERE system = ? AND kind IN ({marks}) ORDER BY attr, output, name, kind, path, linked, votes
    """  # noqa: S608 - question marks alone
    with closing(sqlite3.connect(source)) as connection:
        meta = dict(connection.execute("SELECT key, value FROM names_meta"))
        rows = connection.execute(query, (table.info.system, *kept)).fetchall()
    if NameKind.HEADER in kinds:
        rows = list(_trim_headers(rows, table))
        meta["header-depth"] = str(DEPTH)
    meta = {k: v for k, v in meta.items() if k not in {*NameKind} - set(kept)}
    return _write(rows, meta, table.info.system)


def _trim_headers(rows: list[tuple[object, ...]], table: SonameTable) -> Iterator[tuple[object, ...]]:
    groups: dict[str, list[tuple[int, Named]]] = defaultdict(list)
    for number, row in enumerate(rows):
        kind, *rest = row
        below = find_include(str(row[1]))
        if kind != NameKind.HEADER.value or len(below.split("/")) > DEPTH:
            continue
        for file in str(row[4]).split("\n"):
            groups[f"{below}/{file}".lstrip("/")].append((number, make_named(rest, file)))
    names: dict[int, list[str]] = defaultdict(list)
    for file, found in groups.items():
        for number in {number for number, _ in found} if len(found) == 1 else _choose(table, file, found):
            names[number].append(file.rpartition("/")[2])
    for number, row in enumerate(rows):
        if row[0] != NameKind.HEADER.value:
            yield row
        elif number in names:
            yield (*row[:4], "\n".join(sorted(names[number])), *row[5:])


def _choose(table: SonameTable, file: str, found: list[tuple[int, Named]]) -> set[int]:
    """Choose the best provider of a header, and its rival, if there is one."""
    numbers = {id(named): number for number, named in found}
    ranked = rank_named(table, NameKind.HEADER, file, (named for _, named in found))
    kept = ranked[: 2 if find_named_rivals(ranked) else 1]
    return {numbers[id(named)] for _, named in kept if id(named) in numbers}


def _write(rows: list[tuple[object, ...]], meta: Mapping[str, str], system: str) -> bytes:
    packages = sorted({(str(r[5]), str(r[6]), str(r[8])) for r in rows})
    ids = {package: number for number, package in enumerate(packages)}
    folders = sorted((str(r[0]), ids[str(r[5]), str(r[6]), str(r[8])], *r[1:5]) for r in rows)
    with closing(sqlite3.connect(":memory:")) as connection:
        with connection:
            connection.executescript(TABLES)
            connection.executemany("INSERT INTO names_meta VALUES (?, ?)", sorted(meta.items()))
            connection.executemany(
                "INSERT INTO package VALUES (?, ?, ?, ?, '', ?)",
                [(number, system, *package) for package, number in ids.items()],
            )
            connection.executemany(
                "INSERT INTO folder VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(number, *folder) for number, folder in enumerate(folders)],
            )
        connection.execute("VACUUM")
        return connection.serialize()
