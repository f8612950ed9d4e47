"""Finds the names that are near to one that nobody has: what a user may have meant.

A name that does not say what it names (``tbb``, ``pg_confg``) may be a part of a library's, a pkg-config
module's, a CMake package's or a program's, or an attribute of nixpkgs.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from wheelfix.index.driver import find_driver
from wheelfix.index.lookup import find_gone, find_providers, list_sonames_beside
from wheelfix.index.named import list_answered, rank_named
from wheelfix.index.named_ranking import ABSENT, find_include
from wheelfix.index.named_table import Named, NamedIndex
from wheelfix.index.names import drop_longer, find_series, find_stem
from wheelfix.index.releases import NEWEST, translate
from wheelfix.index.table import SonameTable
from wheelfix.model.base import Struct
from wheelfix.model.index import Provider
from wheelfix.model.names import CMAKE_ENDINGS, Name, NameKind, find_stems, list_files
from wheelfix.near import RANDOM, SAME, SLIP, WORDS, Asked, Nearness, drop_far

_MOST = 5
_BESIDE = 100
"""Score of a library that no database lists."""
_CONSIDERED = 3 * _MOST
"""Candidates of which the first ones are told that somebody has."""
_UNTOLD = (NameKind.LIBRARY, NameKind.PKG_CONFIG, NameKind.CMAKE, NameKind.PROGRAM)
"""What a name may name that does not say it; of equally near ones, the first."""
_LIBRARIES = 0
"""Place of libraries among them."""
_LONGEST = {NameKind.PKG_CONFIG: 3, NameKind.CMAKE: max(map(len, CMAKE_ENDINGS)), NameKind.HEADER: 4}
"""Letters of the longest ending of a kind."""
_SIGN = "[-_.]?"
_SIGNS = 3
"""Signs that a name may have more than the one that was asked for."""
_OTHER_PLACE, _OTHER_ENDING = 1, 2
"""What is worse in a header of the same name than a directory that is nearly the one asked for."""
_DEEPEST = 8
"""Directories of a header that are looked for, one pass through the table each."""


class Near(Struct):
    """A name near to one that nobody has.

    Attributes:
        attr: the attribute that has it; None of a library that comes from elsewhere, such as a GPU driver.
    """

    name: str
    kind: NameKind
    attr: str | None


_Key = tuple[int, int, int, str]
"""Order of equally near names: kind, popularity (the least number is the most popular), length, name."""
_Found = tuple[Nearness, _Key, NameKind, tuple[Named, ...]]
"""Nearness, order with the name at its end, and the packages of a name that is no library's."""


def find_near(
    table: SonameTable,
    names_of: NamedIndex,
    asked: Iterable[tuple[str, NameKind | None]],
    *,
    release: tuple[int, int] = NEWEST,
) -> tuple[tuple[Near, ...], ...]:
    """Find what users may have meant by names that nobody has.

    Args:
        table: the soname table.
        names_of: the tables of names of the same index.
        asked: names, and what each is the name of; None if it does not say it.
        release: of the user's nixpkgs, for the names of attributes.

    Returns:
        At most five for each name, nearest first; of equally near ones, those first that more packages use.

    Raises:
        IndexProblem: a table is damaged.
    """
    libraries: Mapping[str, str] = {}
    candidates = []
    for text, kind in asked:
        found: list[_Found] = []
        for one in (kind,) if kind else _UNTOLD:
            if one is NameKind.LIBRARY:
                libraries = libraries or _list_libraries(table)
                found += _compare_libraries(table, libraries, text)
                found += [] if kind else _list_own(table, text)
            else:
                found += _compare_named(names_of, one, text, told=kind is not None, system=table.info.system)
        found.sort(key=lambda one: one[:2])
        candidates.append(tuple(_drop_repeated(drop_far(found)))[:_CONSIDERED])
    _ask_nixpkgs(table, [one for found in candidates for one in found])
    made = (filter(None, (_make_near(table, one, release) for one in found)) for found in candidates)
    return tuple(tuple(itertools.islice(near, _MOST)) for near in made)


def _ask_nixpkgs(table: SonameTable, found: Iterable[_Found]) -> None:
    """Ask a nixpkgs that the user named about all candidates at once."""
    if table.attributes.followed:
        libraries = [key[-1] for _, key, kind, _ in found if kind is NameKind.LIBRARY]
        find_providers(table, libraries)
        table.attributes.ask(one.attr for *_, packages in found for one in packages)


def find_holders(
    table: SonameTable, sonames: Sequence[str], *, release: tuple[int, int] = NEWEST
) -> Mapping[str, str]:
    """Return the attribute that has a library, by soname; without those that no attribute has."""
    lookups = find_providers(table, sonames, release=release)
    found = {lookup.soname: lookup.providers[0].attr for lookup in lookups if lookup.providers}
    return {soname: attr for soname, attr in found.items() if not find_driver(soname)}


def find_directory(table: SonameTable, names_of: NamedIndex, text: str) -> str | None:
    """Tell who has headers in the directory of a header that nobody has, or above it."""
    (file,) = list_files(Name(kind=NameKind.HEADER, text=text))
    headers = names_of.open(NameKind.HEADER)
    parts = file.split("/")[:-1][:_DEEPEST]
    for end in range(len(parts), 0, -1):
        directory = "/".join(parts[:end])
        found = headers.find_directories(directory, system=table.info.system)
        ranked = rank_named(table, NameKind.HEADER, f"{directory}/{parts[0]}", found)
        if ranked and ranked[0][0].score > ABSENT:
            return f"{ranked[0][0].attr} has headers in {directory}"
    return None


def _list_libraries(table: SonameTable) -> Mapping[str, str]:
    """Return the stem of every library, by its name up to ``.so``."""
    names = itertools.chain(table.list_names(), list_sonames_beside(_find_machine(table)))
    every = {find_series(name) for name in names}
    return {series: find_stem(series) for series in every}


def _find_machine(table: SonameTable) -> str:
    return table.info.system.partition("-")[0]


def _compare_libraries(table: SonameTable, libraries: Mapping[str, str], text: str) -> Iterator[_Found]:
    asked, major = Asked(find_stem(text)), _find_major(text)
    for series, stem in libraries.items():
        near = asked.compare(stem)
        if near is None:
            continue
        versions = _list_versions(table, series)
        fitting = [name for name in versions if major and _find_major(name) == major]
        if near[0] == RANDOM:
            near = (SLIP, *near[1:])
        elif near[0] == SAME or not major:
            fitting = fitting or list(versions)
        # with another number, another library is meant; all versions of the library itself, one of others
        for name in fitting[: _MOST if near[0] == SAME else 1]:
            key = (_LIBRARIES, -versions[name], len(name), name)
            yield (_level(near), key, NameKind.LIBRARY, ())


def _list_versions(table: SonameTable, series: str) -> Mapping[str, int]:
    """Return the scores of a library's versions by file name, the best first."""
    beside = (name for name in list_sonames_beside(_find_machine(table)) if find_series(name) == series)
    return _sort_versions({**table.list_versions(series), **dict.fromkeys(beside, _BESIDE)})


def _sort_versions(scores: Mapping[str, int]) -> Mapping[str, int]:
    """Sort the versions of one library, without names more exact than a soname, and linkers' names."""
    versioned = [name for name in scores if name != find_series(name)] or list(scores)
    return {
        name: scores[name] for name in sorted(drop_longer(versioned), key=lambda name: (-scores[name], name))
    }


def _list_own(table: SonameTable, attr: str) -> Iterator[_Found]:
    """List the libraries of an attribute that is called so: ``zlib`` has ``libz.so.1``."""
    provided = sorted(table.list_provided(attr).items(), key=lambda pair: find_series(pair[0]))
    for _, versions in itertools.groupby(provided, key=lambda pair: find_series(pair[0])):
        name, score = next(iter(_sort_versions(dict(versions)).items()))
        yield ((WORDS, 0, 0), (_LIBRARIES, -score, len(name), name), NameKind.LIBRARY, ())


def _find_major(soname: str) -> str:
    return soname.partition(".so.")[2].partition(".")[0]


def _level(near: Nearness) -> Nearness:
    """Leave out what is a worse measure than popularity: by how many letters a longer name is longer."""
    return near if near[0] in {SAME, SLIP} else (*near[:2], 0)


def _compare_named(
    names_of: NamedIndex, kind: NameKind, text: str, *, told: bool, system: str
) -> Iterator[_Found]:
    """Compare with the names of a kind that begin alike: with the same letter, or these as a whole."""
    file = list_files(Name(kind=kind, text=text))[0] if told else text
    directory, _, last = file.rpartition("/")
    whole = not told and "." in text  # fmt-confg.cmake: its ending may have the slip
    stem = find_stems(kind, last)[0] if told else last
    pattern = _make_pattern(stem, last, 0 if whole else _LONGEST.get(kind, 0))
    files = dict(names_of.open(kind).find_matching(kind, pattern, system=system))
    same = files.pop(last, ())
    if kind is NameKind.HEADER:
        yield from _compare_places(same, directory, last)
    files |= {name: () for name in list_answered(kind) if name not in files and pattern.search(name)}
    asked = Asked(stem)
    for name, packages in files.items():
        near = asked.compare(name if whole else find_stems(kind, name)[0])
        if near and near[0] == SAME and kind is NameKind.HEADER:
            near = (SAME, _OTHER_ENDING, near[2])
        if near and near[0] != RANDOM:
            yield (near, _sort_equal(kind, name, packages), kind, packages)


def _sort_equal(kind: NameKind, name: str, packages: Iterable[Named]) -> _Key:
    place = _UNTOLD.index(kind) if kind in _UNTOLD else 0
    return (place, -sum(one.votes for one in packages), len(name), name)


def _compare_places(packages: Iterable[Named], directory: str, last: str) -> Iterator[_Found]:
    """Compare the directories of headers with the same name."""
    asked = Asked(directory)
    places: dict[str, list[Named]] = defaultdict(list)
    for one in packages:
        places[find_include(one.path)].append(one)
    for place, them in places.items():
        near = asked.compare(place) if place and directory else None
        name = f"{place}/{last}" if place else last
        yield (
            (SAME, 0, near[1]) if near else (SAME, _OTHER_PLACE, 0),
            _sort_equal(NameKind.HEADER, name, them),
            NameKind.HEADER,
            tuple(them),
        )


def _make_pattern(stem: str, last: str, ending: int) -> re.Pattern[str]:
    """Make the pattern of names that may be near: it is faster than to compare some hundred thousand.

    Args:
        stem: what names are compared with.
        last: the name itself, which is found too.
        ending: letters of the longest ending behind a stem.
    """
    letters = [letter for letter in stem if letter.isalnum()]
    whole = _SIGN.join(f"[{re.escape(x.lower())}{re.escape(x.upper())}]" for x in letters)
    first = "".join(re.escape(case) for x in letters[:2] for case in (x.lower(), x.upper()))
    least, most = max(len(letters) - 3, 0), len(letters) + 1 + _SIGNS + ending
    alike = rf"|{whole}.*|[{first}].{{{least},{most}}}" if letters else ""
    return re.compile(rf"^(?:{re.escape(last)}{alike})$", re.MULTILINE)


def _drop_repeated(found: Iterable[_Found]) -> Iterator[_Found]:
    """Yield each name where it is nearest."""
    seen = set()
    for one in found:
        if (name := one[1][-1]) not in seen:
            seen.add(name)
            yield one


def _make_near(table: SonameTable, found: _Found, release: tuple[int, int]) -> Near | None:
    """Find who has a name; None if nobody has it who can be used."""
    _, (*_, name), kind, packages = found
    if kind is NameKind.LIBRARY:
        holder = find_holders(table, [name], release=release).get(name)
        return Near(name=name, kind=kind, attr=holder) if holder or find_driver(name) else None
    for provider, _ in rank_named(table, kind, name, packages):
        if provider.score > ABSENT and not find_gone(provider.attr, table):
            shown = name if kind is not NameKind.HEADER else _find_header(provider, name)
            return Near(name=shown, kind=kind, attr=translate(provider.attr, release))
    return None


def _find_header(provider: Provider, name: str) -> str:
    """Return a header as sources include it."""
    place, last = find_include(provider.path.rpartition("/")[0]), name.rpartition("/")[2]
    return f"{place}/{last}" if place else last
