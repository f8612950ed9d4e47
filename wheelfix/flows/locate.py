"""Finds providers of sonames and other names, and packages with files: ``wheelfix locate``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wheelfix.index.choice import find_database
from wheelfix.index.lookup import append_non_providers, check_attrs, expand_names, find_providers
from wheelfix.index.named import find_named, list_matching
from wheelfix.index.named_table import NamedIndex
from wheelfix.index.releases import NEWEST, translate
from wheelfix.index.table import SonameTable
from wheelfix.model.base import replace
from wheelfix.model.classes import Gone, Nobody
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
    asked = dict.fromkeys(
        one
        for name in names
        for one in _expand(name, kinds.get(name, NameKind.LIBRARY), index, names_of, regex=regex)
    )
    others = [one for one in asked if one.kind is not NameKind.LIBRARY]
    check_attrs(index, prefer, others=names_of.open(NameKind.PROGRAM) if prefer and others else None)
    sonames = [one.text for one in asked if one.kind is NameKind.LIBRARY]
    find_providers(index, sonames, release=release)  # asks a nixpkgs that the user named once for all
    answers = find_named(index, names_of, others, prefer=prefer, every=every)
    found = {one: _translate(answer, release, index) for one, answer in zip(others, answers, strict=True)}
    for one in others:
        if (
            one.kind is NameKind.PROGRAM and one.text in kinds
        ):  # it does not say what it is: libmagic, perhaps
            (library,) = index.lookup([f"lib{one.text}.so"])
            found[one] = replace(found[one], nearest=library.nearest)
    for soname in sonames:
        located = _locate_library(
            soname,
            index,
            prefer,
            release,
            untold=kinds.get(soname) is NameKind.LIBRARY and not tell_kind(soname),
        )
        found[Name(kind=NameKind.LIBRARY, text=soname)] = located
    found |= _tell_near(found, index, names_of, release)
    return tuple(
        append_non_providers(index, found[one]) if every and one.kind is NameKind.LIBRARY else found[one]
        for one in asked
    )


def _tell_near(
    found: Mapping[Name, Located], index: SonameTable, names_of: NamedIndex, release: tuple[int, int]
) -> Mapping[Name, Located]:
    """Add what was meant, perhaps, to the answers for names that nobody has, and return these."""
    answers = {name: one for name, one in found.items() if isinstance(one.cause, Nobody | Gone)}
    if not answers:
        return {}
    from wheelfix.index.near import find_directory, find_holders, find_near

    open_ones = [name for name, one in answers.items() if not one.nearest]
    asked = [(name.text, tell_kind(name.text)) for name in open_ones]
    near = dict(zip(open_ones, find_near(index, names_of, asked, release=release), strict=True))
    told = {}
    for name, one in answers.items():
        note = None if one.note == _NO_PROGRAM and near.get(name) else one.note
        if name.kind is NameKind.HEADER and (owner := find_directory(index, names_of, name.text)):
            note = f"{owner}; {note}" if note else owner
        names = tuple(other.name for other in near.get(name, ())) or one.nearest
        attrs = {other.name: other.attr for other in near.get(name, ()) if other.attr}
        holders = attrs or find_holders(index, names, release=release)
        told[name] = replace(one, nearest=names, holders=holders, note=note)
    return told


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


def _expand(
    name: str, kind: NameKind, index: SonameTable, names_of: NamedIndex, *, regex: bool
) -> Sequence[Name]:
    if kind is NameKind.LIBRARY:
        return [Name(kind=kind, text=soname) for soname in expand_names(index, [name], regex=regex)]
    if _GLOB & set(name):
        return list_matching(names_of, kind, name, system=index.info.system)
    return [Name(kind=kind, text=name)]


def _translate(located: Located, release: tuple[int, int], index: SonameTable) -> Located:
    """Write the attributes as a release does; what nixpkgs says of them holds for the newest alone."""
    if release == NEWEST:
        said = {p.attr: said for p in located.providers if (said := index.attributes.find(p.attr))}
        return replace(located, attributes=said)
    providers = (replace(p, attr=translate(p.attr, release)) for p in located.providers)
    return replace(located, providers=tuple(providers))


def _locate_library(
    soname: str, index: SonameTable, prefer: Sequence[str], release: tuple[int, int], *, untold: bool
) -> Located:
    """Decide as for a wheel of which only this need is known, with no distributions at hand.

    ``untold`` is whether the name does not say that it is a library's, and nobody has a program of it.
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
        note=case.lookup.note or (_NO_PROGRAM if untold else None),
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
