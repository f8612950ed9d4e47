"""Finds providers of sonames and other names, and packages with files: ``wheelfix locate``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wheelfix.index.choice import find_database
from wheelfix.index.lookup import append_non_providers, check_attrs, expand_names
from wheelfix.index.named import find_named, list_matching
from wheelfix.index.named_table import NamedIndex
from wheelfix.index.releases import NEWEST, translate
from wheelfix.index.table import SonameTable
from wheelfix.model.base import replace
from wheelfix.model.names import Name, NameKind, tell_kind
from wheelfix.model.scan import FileHit, Located
from wheelfix.scan.decide import decide
from wheelfix.scan.needs import make_name_cases

Progress = Callable[[int, int], None]

_GLOB = frozenset("*?[")
_NO_PROGRAM = "looked for as a library: no program has this name"


def locate(
    names: Sequence[str],
    *,
    index: SonameTable,
    names_of: NamedIndex,
    every: bool = False,
    regex: bool = False,
    prefer: Sequence[str] = (),
    release: tuple[int, int] = NEWEST,
) -> tuple[Located, ...]:
    """Find the providers of some names.

    Args:
        names: names, paths (of which the last part counts; of headers, what is below ``include``) or globs.
        index: the index for attributes.
        names_of: its tables of names other than sonames.
        every: whether to list also packages that have such a file and are not providers.
        regex: whether names are regular expressions to search for in file names of libraries.
        prefer: attributes that win if several provide a name, strongest first.
        release: release of the user's nixpkgs, see :func:`wheelfix.index.releases.parse_release`.

    Returns:
        One answer per name, in the order of the names; for a pattern, all matches, sorted.

    Raises:
        IndexProblem: the index is damaged.
        InputError: a name is not a regular expression, or the index has no attribute that is preferred.
    """
    kinds = _find_kinds([] if regex else names, index, names_of)
    asked = {
        name: _expand(name, kind, index, names_of)
        for name, kind in kinds.items()
        if kind is not NameKind.LIBRARY
    }
    check_attrs(index, prefer, others=names_of.open(NameKind.PROGRAM) if prefer and asked else None)
    every_asked = tuple(dict.fromkeys(one for expanded in asked.values() for one in expanded))
    answers = find_named(index, names_of, every_asked, prefer=prefer, every=every, near=True)
    named = dict(zip(every_asked, answers, strict=True))
    found: list[Located] = []
    for name in names:
        if name in asked:
            found += (_translate(named[one], release) for one in asked[name])
            continue
        sonames = expand_names(index, [name], regex=regex)
        told = regex or tell_kind(name) is not None or bool(_GLOB & set(name))
        located = (_locate_library(soname, index, prefer, release, told=told) for soname in sonames)
        found += (append_non_providers(index, one) if every else one for one in located)
    return tuple(dict.fromkeys(found))


def _find_kinds(names: Sequence[str], index: SonameTable, names_of: NamedIndex) -> Mapping[str, NameKind]:
    """Tell what names name; one that does not say it is a program, if there is one, else a library."""
    told = {name: tell_kind(name) for name in names}
    open_ones = [name for name, kind in told.items() if kind is None and not _GLOB & set(name)]
    asked = [Name(kind=NameKind.PROGRAM, text=name) for name in open_ones]
    answers = find_named(index, names_of, asked)
    programs = {name for name, answer in zip(open_ones, answers, strict=True) if answer.providers}
    return {
        name: kind or (NameKind.PROGRAM if name in programs else NameKind.LIBRARY)
        for name, kind in told.items()
    }


def _expand(name: str, kind: NameKind, index: SonameTable, names_of: NamedIndex) -> Sequence[Name]:
    if _GLOB & set(name):
        return list_matching(names_of, kind, name, system=index.info.system)
    return [Name(kind=kind, text=name)]


def _translate(located: Located, release: tuple[int, int]) -> Located:
    if release == NEWEST:
        return located
    providers = (replace(p, attr=translate(p.attr, release)) for p in located.providers)
    return replace(located, providers=tuple(providers))


def _locate_library(
    soname: str, index: SonameTable, prefer: Sequence[str], release: tuple[int, int], *, told: bool
) -> Located:
    """Decide as for a wheel of which only this need is known, with no distributions at hand.

    ``told`` is whether the name says that it is a library's; else nobody has a program of it.
    """
    machine = index.info.system.partition("-")[0]
    (case,) = make_name_cases([soname], machine, index, prefer=prefer, release=release, wheels=False)
    (trace,) = decide([case])
    return Located(
        name=soname,
        kind=NameKind.LIBRARY,
        need_class=trace.need.need_class,
        cause=trace.need.cause,
        providers=trace.need.providers,
        nearest=case.lookup.nearest,
        note=case.lookup.note if told or case.lookup.note else _NO_PROGRAM,
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
