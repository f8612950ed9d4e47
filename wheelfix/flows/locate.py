"""Who provides sonames, who has files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.index.lookup import append_non_providers, expand_names
from wheelfix.index.releases import NEWEST
from wheelfix.index.sources import find_database, open_index
from wheelfix.index.table import SonameTable
from wheelfix.model.scan import FileHit, Located
from wheelfix.scan.decide import decide
from wheelfix.scan.needs import make_name_cases

__all__ = ["locate", "locate_files", "open_index"]

Progress = Callable[[int, int], None]


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
        index: as in :func:`wheelfix.scan_wheel`.
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
    results = (_locate_one(soname, machine, table, prefer, release) for soname in sonames)
    return tuple(append_non_providers(table, r) if every else r for r in results)


def _locate_one(
    soname: str, machine: str, table: SonameTable, prefer: Sequence[str], release: tuple[int, int]
) -> Located:
    """Decide as for a wheel, of which nothing is known but that it wants this: nothing is at hand."""
    (case,) = make_name_cases([soname], machine, table, prefer=prefer, release=release, wheels=False)
    (trace,) = decide([case])
    return Located(
        soname=soname,
        need_class=trace.need.need_class,
        cause=trace.need.cause,
        providers=trace.need.providers,
        nearest=case.lookup.nearest,
        note=case.lookup.note,
    )


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
    from wheelfix.index.database import find_files

    database = find_database(index)
    hits: list[FileHit] = []
    for pattern in patterns:
        try:
            hits += find_files(database, pattern, regex=regex, progress=progress)
        except re.error as error:
            raise InputError(pattern, f"is no regular expression ({error})", "quote it") from None
    return tuple(hits)
