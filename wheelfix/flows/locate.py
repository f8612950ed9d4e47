"""Finds providers of sonames, and packages with files: ``wheelfix locate``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from wheelfix.index.choice import find_database
from wheelfix.index.lookup import append_non_providers, expand_names, find_providers
from wheelfix.index.releases import NEWEST
from wheelfix.index.table import SonameTable
from wheelfix.model.scan import FileHit, Located
from wheelfix.scan.decide import decide
from wheelfix.scan.needs import make_name_cases

Progress = Callable[[int, int], None]


def locate(
    names: Sequence[str],
    *,
    index: SonameTable,
    every: bool = False,
    regex: bool = False,
    prefer: Sequence[str] = (),
    release: tuple[int, int] = NEWEST,
) -> tuple[Located, ...]:
    """Find the providers of some sonames.

    Args:
        names: sonames, file names, paths (of which the last part counts) or globs.
        index: the index for attributes.
        every: whether to list also packages that have such a file and are not providers.
        regex: whether names are regular expressions to search for in file names.
        prefer: attributes that win if several provide a library, strongest first.
        release: release of the user's nixpkgs, see :func:`wheelfix.index.releases.parse_release`.

    Returns:
        One answer per soname, in the order of the names; for a pattern, all matches, sorted.

    Raises:
        IndexProblem: the index is damaged.
        InputError: a name is not a regular expression.
    """
    sonames = expand_names(index, names, regex=regex)
    find_providers(index, sonames, release=release)  # asks a nixpkgs that the user named once for all
    located = (_locate_one(soname, index, prefer, release) for soname in sonames)
    return tuple(append_non_providers(index, one) if every else one for one in located)


def _locate_one(soname: str, index: SonameTable, prefer: Sequence[str], release: tuple[int, int]) -> Located:
    """Decide as for a wheel of which only this need is known, with no distributions at hand."""
    machine = index.info.system.partition("-")[0]
    (case,) = make_name_cases([soname], machine, index, prefer=prefer, release=release, wheels=False)
    (trace,) = decide([case])
    return Located(
        soname=soname,
        need_class=trace.need.need_class,
        cause=trace.need.cause,
        providers=trace.need.providers,
        nearest=case.lookup.nearest,
        note=case.lookup.note,
        attributes={p.attr: said for p in trace.need.providers if (said := index.attributes.find(p.attr))},
    )


def locate_files(
    patterns: Sequence[str],
    *,
    index: Path | None = None,
    regex: bool = False,
    progress: Progress | None = None,
) -> tuple[FileHit, ...]:
    """Find files of packages in a nix-index database.

    Args:
        patterns: paths, file names, globs, or regular expressions.
        index: a database; None takes the user's own, else a fetched one.
        regex: whether patterns are regular expressions.
        progress: called with compressed bytes read and in all.

    Raises:
        IndexProblem: there is no database, or it is corrupt.
        InputError: a pattern is not a regular expression.
    """
    from wheelfix.index.database import find_files

    database = find_database(index)
    searches = (find_files(database, pattern, regex=regex, progress=progress) for pattern in patterns)
    return tuple(hit for hits in searches for hit in hits)
