"""Finds the packages that provide names other than sonames: ``find_named``, many names at once."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence

from wheelfix.index.canonical import spell_recorded
from wheelfix.index.lookup import find_gone
from wheelfix.index.named_ranking import (
    ABSENT,
    NamedCandidate,
    NamedLists,
    find_include,
    score_named,
)
from wheelfix.index.named_table import Named, NamedIndex
from wheelfix.index.names import split_name
from wheelfix.index.ranking import ABSENT as NO_LIBRARY
from wheelfix.index.ranking import MARGIN, are_akin
from wheelfix.index.table import SonameTable
from wheelfix.model.base import replace
from wheelfix.model.classes import Gone, NeedClass, Nobody, OfLibc, Provided, Rivals
from wheelfix.model.index import Attribute, Provider
from wheelfix.model.names import Name, NameKind, find_stems, list_files
from wheelfix.model.scan import Located
from wheelfix.model.tables import load_table

_BY_DEFINITION = 100
_SHALLOW = "this index has the headers at most {} directories below include; a nix-index database has all"
_NO_PROVIDER = "{} has such a file and is no provider: --all lists who has"
_USUAL = {
    NameKind.PKG_CONFIG: ("/lib/pkgconfig", "dev"),
    NameKind.CMAKE: ("/lib/cmake", "dev"),
    NameKind.HEADER: ("/include", "dev"),
    NameKind.PROGRAM: ("/bin", "out"),
}
"""Where files of a kind are, and in which output."""


def find_named(
    table: SonameTable,
    names_of: NamedIndex,
    names: Iterable[Name],
    *,
    prefer: Sequence[str] = (),
    every: bool = False,
) -> tuple[Located, ...]:
    """Find the providers of pkg-config modules, CMake packages, headers and programs.

    Args:
        table: the soname table of the same index; whoever has the library of a name is its likely owner.
        names_of: the tables of names.
        names: none of them a library's.
        prefer: attributes that win if several provide a name, strongest first.
        every: whether to list also packages that have such a file and are no providers.

    Returns:
        One answer for each name, in the order asked.

    Raises:
        IndexProblem: a table is damaged.
    """
    asked = tuple(names)
    system = table.info.system
    by_kind: dict[NameKind, dict[str, None]] = defaultdict(dict)
    for name in asked:
        by_kind[name.kind] |= dict.fromkeys(list_files(name))
    found = {
        kind: names_of.open(kind).find(kind, files, system=system) for kind, files in sorted(by_kind.items())
    }
    if table.attributes.followed:
        everybody = {
            one.attr for by_file in found.values() for all_of_it in by_file.values() for one in all_of_it
        }
        table.attributes.ask(everybody)  # in one evaluation
    return tuple(
        _answer(table, name, found[name.kind], prefer, every=every, depth=names_of.open(name.kind).depth)
        for name in asked
    )


def list_matching(names_of: NamedIndex, kind: NameKind, pattern: str, *, system: str) -> tuple[Name, ...]:
    """Expand a glob to the names of a kind that match it, sorted; only the last part of a path counts."""
    files = {*names_of.open(kind).list_names(kind, system=system), *list_answered(kind)}
    return tuple(Name(kind=kind, text=f) for f in fnmatch.filter(sorted(files), pattern.rpartition("/")[2]))


def list_answered(kind: NameKind) -> Collection[str]:
    """Return the names of a kind that have an answer even if no table of names has them."""
    return load_table(NamedLists).answers.get(kind.value, {}).keys()


def _answer(
    table: SonameTable,
    name: Name,
    found: Mapping[str, tuple[Named, ...]],
    prefer: Sequence[str],
    *,
    every: bool,
    depth: int | None,
) -> Located:
    unusable: list[Provider] = []
    gone: list[Attribute] = []
    for file in list_files(name):
        ranked = rank_named(table, name.kind, file, found.get(file, ()))
        fitting = [pair for pair in ranked if pair[0].score > ABSENT]
        usable = [pair for pair in fitting if not find_gone(pair[0].attr, table)]
        if usable:
            answer = _choose(name, file, usable, prefer)
            rest = (provider for provider, _ in ranked if provider not in answer.providers)
            return replace(answer, providers=(*answer.providers, *rest)) if every else answer
        unusable += (provider for provider, _ in ranked)
        gone += (said for provider, _ in fitting if (said := find_gone(provider.attr, table)))
    note = _SHALLOW.format(depth) if name.kind is NameKind.HEADER and depth is not None else None
    if unusable and not gone:
        note = _NO_PROVIDER.format(unusable[0].attr)
    return Located(
        name=name.text,
        kind=name.kind,
        need_class=NeedClass.UNKNOWN,
        cause=Gone(attr=gone[0].attr, removed=gone[0].removed) if gone else Nobody(),
        providers=tuple(unusable) if every else (),
        note=note,
    )


def _choose(
    name: Name, file: str, usable: Sequence[tuple[Provider, Named]], prefer: Sequence[str]
) -> Located:
    """Make the answer of the packages that can be used, best first."""
    wished = sorted(usable, key=lambda pair: _rank_wish(pair[0], prefer))
    providers = tuple(provider for provider, _ in wished)
    answer = Located(
        name=name.text,
        kind=name.kind,
        need_class=NeedClass.PROVIDED,
        cause=Provided(attr=providers[0].attr, path=providers[0].path),
        providers=providers,
    )
    if _is_libc(name.kind, file, usable):
        return replace(answer, need_class=NeedClass.LIBC, cause=OfLibc(libc="glibc"))
    is_wished = _rank_wish(providers[0], prefer) < len(prefer)
    if not is_wished and (rivals := find_named_rivals(usable)):
        return replace(answer, need_class=NeedClass.AMBIGUOUS, cause=Rivals(attrs=rivals))
    return answer


def rank_named(
    table: SonameTable, kind: NameKind, file: str, found: Iterable[Named]
) -> list[tuple[Provider, Named]]:
    """Rank all packages that have a file, best first.

    Args:
        table: the soname table of the same index.
        kind: of the file.
        file: its name; of a header, its path below ``include``, or the end of it.
        found: the packages.
    """
    ours = tuple(found)
    owners = _find_owners(table, kind, file) if ours else frozenset()
    candidates = [
        NamedCandidate(
            kind=kind,
            asked=file,
            attr=one.attr,
            output=one.output,
            name=one.store_name,
            path=one.path,
            linked=one.linked,
            votes=one.votes,
            size=one.size,
            library=not owners.isdisjoint({one.attr, split_name(one.store_name, one.output)[0]}),
        )
        for one in ours
    ]
    ranked = [
        (_make_provider(one, score, why), one)
        for one, (score, why) in zip(ours, score_named(candidates), strict=True)
    ]
    if attr := load_table(NamedLists).answers.get(kind.value, {}).get(file):
        ranked = _put_first(ranked, kind, file, attr)
    ranked.sort(key=lambda pair: (len(pair[0].attr), pair[0].attr, pair[0].output, pair[0].path))
    ranked.sort(key=lambda pair: (pair[0].score, _parse_version(pair[0].version)), reverse=True)
    return ranked


def _put_first(
    ranked: list[tuple[Provider, Named]], kind: NameKind, file: str, attr: str
) -> list[tuple[Provider, Named]]:
    """Give the attribute that is right by definition the best score, whether the database lists it or not."""
    known = next((pair for pair in ranked if pair[0].attr == attr), None)
    if known:
        ranked.remove(known)
        provider, named = known
    else:
        directory, output = _USUAL[kind]
        directory = f"{directory}/{file.rpartition('/')[0]}".rstrip("/")
        last = file.rpartition("/")[2]
        provider = Provider(attr=attr, output=output, path=f"{directory}/{last}", store_path=None)
        named = Named(
            attr=attr,
            output=output,
            path=directory,
            file=last,
            linked=False,
            votes=0,
            size=1,
            store_path=None,
            store_name=attr,
        )
    return [(replace(provider, score=_BY_DEFINITION, why=("where nixpkgs keeps it",)), named), *ranked]


def _parse_version(version: str | None) -> tuple[int, ...]:
    """Return a sort key: of equals, the newer one is what nixpkgs goes on with."""
    return tuple(int(number) for number in re.findall(r"\d+", version or "")[:4])


def _find_owners(table: SonameTable, kind: NameKind, file: str) -> frozenset[str]:
    """Find attributes and pnames of the best providers of libraries that a file's name fits."""
    if kind is NameKind.PROGRAM:
        return frozenset()
    stems = find_stems(kind, file)
    spelled = dict.fromkeys(s for stem in stems for s in (stem, stem.lower()))
    sonames = [f"{'' if s.startswith('lib') else 'lib'}{s}.so" for s in spelled if not set("*?[") & set(s)]
    owners: set[str] = set()
    for soname in sonames:
        # of all versions: a name without one is no good evidence by itself
        versions = (soname, *table.find_names(f"{soname}.*"))
        providers = [p for name in versions for p in table.find_all(name)[:1]]
        best = max(providers, key=lambda p: p.score, default=None)
        if best and best.score > NO_LIBRARY:
            owners |= {best.attr, best.attr.removesuffix(".lib")}
            if best.store_path:
                owners.add(split_name(best.store_path.partition("-")[2], best.output)[0])
    return frozenset(owners)


def _make_provider(one: Named, score: int, why: tuple[str, ...]) -> Provider:
    return Provider(
        attr=one.attr,
        output=one.output,
        path=f"{one.path}/{one.file}",
        store_path=one.store_path,
        version=split_name(one.store_name, one.output)[1],
        score=score,
        why=why,
    )


def _is_libc(kind: NameKind, file: str, ranked: Iterable[tuple[Provider, Named]]) -> bool:
    """Tell whether every compiler finds a header, without any input."""
    directory = file.rpartition("/")[0]
    libc = load_table(NamedLists).libc_attributes
    return kind is NameKind.HEADER and any(
        p.attr in libc and find_include(one.path) == directory for p, one in ranked
    )


def _rank_wish(provider: Provider, prefer: Sequence[str]) -> int:
    names = {provider.attr, f"{provider.attr}.{provider.output}"}
    wishes = (i for i, wish in enumerate(prefer) if wish in names or spell_recorded(wish) in names)
    return min(wishes, default=len(prefer))


def find_named_rivals(ranked: Sequence[tuple[Provider, Named]]) -> tuple[str, ...]:
    """Return the attributes of the two best providers if they differ in kind and no rule decides."""
    if len(ranked) < 2 or ranked[0][0].score - ranked[1][0].score > MARGIN:
        return ()
    one, other = (split_name(named.store_name, named.output)[0] for _, named in ranked[:2])
    return () if are_akin(one, other) else tuple(provider.attr for provider, _ in ranked[:2])
