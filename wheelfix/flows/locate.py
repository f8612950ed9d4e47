"""Who provides sonames, and who has files: ``wheelfix locate``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from wheelfix.index.choice import find_database
from wheelfix.index.lookup import append_non_providers, expand_names
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
    """Find who provides some sonames.

    Args:
        names: sonames, file names, paths (of which the last part counts) or globs.
        index: where attributes are looked up.
        every: also the packages that have such a file and are no providers.
        regex: names are regular expressions, searched for in file names.
        prefer: attributes that win among several, strongest first.
        release: of the user's nixpkgs, see :func:`wheelfix.index.releases.parse_release`.

    Returns:
        One answer per soname, in the order asked; a pattern stands for all its matches, sorted.

    Raises:
        IndexProblem: the index is damaged.
        InputError: no regular expression.
    """
    sonames = expand_names(index, names, regex=regex)
    located = (_locate_one(soname, index, prefer, release) for soname in sonames)
    return tuple(append_non_providers(index, one) if every else one for one in located)


def _locate_one(soname: str, index: SonameTable, prefer: Sequence[str], release: tuple[int, int]) -> Located:
    """Decide as for a wheel, of which nothing is known but that it wants this: nothing is at hand."""
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
    searches = (find_files(database, pattern, regex=regex, progress=progress) for pattern in patterns)
    return tuple(hit for hits in searches for hit in hits)
