"""Ranks the packages that have a pkg-config module, CMake package, header or program of a given name.

The rules that libraries are ranked by hold where they fit (:mod:`wheelfix.index.ranking`); others are here.
Scores are computed when a name is asked for, from all packages that have it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from functools import cache

from wheelfix.index.names import split_name, squeeze
from wheelfix.index.ranking import (
    RankingLists,
    score_affinity,
    score_fork,
    score_set,
    score_variant,
    score_version,
    score_votes,
)
from wheelfix.model.base import Struct
from wheelfix.model.names import NameKind, find_stems
from wheelfix.model.tables import Attr, AttrPrefix, Table, load_table

REASONS = {
    "v": "packages that stand for a whole distribution link to it",
    "a": "its name fits the package's",
    "k": "the package has the library of that name",
    "e": "below other directories than were asked for",
    "x": "only a link into another package",
    "i": "a stand-in, not the real one",
    "s": "from a set of packages",
    "p": "the same package is at the top level",
    "o": "its attribute has its name",
    "y": "another package's attribute, with more behind it",
    "g": "inside a Python package, whose own settings lead there",
    "w": "a variant of another package",
    "n": "a version kept beside the current one",
    "f": "a fork of another package that has it",
    "m": "CMake looks for it in a directory of another name",
    "b": "many files, of which this is one",
    "c": "a long attribute path",
}
"""Codes of the rules, for :func:`explain_named`."""

ABSENT = -40
"""A score at or below this means that the package has the file but is no provider."""

_EXACT = 25
_OWN_LIBRARY = 15
_LINKED = -45
_OWN_LINK = -15
_EXTENDED = -9
_IN_PYTHON = -5
_MISPLACED = -50
_STAND_IN = -60
_OTHER_DIRECTORY = -6
_COPY_OF_TOP = -20


class NamedLists(Table):
    """Lists that the rules use.

    Attributes:
        libc_attributes: attributes whose headers every compiler finds.
        unread_sets: prefixes of attributes that are skipped, beside those for libraries.
        good_sets: sets that experts choose such files from, beside those for libraries.
        stand_ins: reason why a package is no provider, by pname or attribute, beside those for libraries.
        answers: the attribute that is right by definition, by kind and file.
    """

    FILE = "named.toml"

    libc_attributes: frozenset[Attr]
    unread_sets: tuple[AttrPrefix, ...]
    good_sets: dict[Attr, int]
    stand_ins: dict[Attr, str]
    answers: dict[str, dict[str, Attr]]


def find_include(path: str) -> str:
    """Return what of a directory is below its directory ``include``: as far as the compiler needs to be told.

    Example:
        >>> find_include("/include/openssl"), find_include("/include")
        ('openssl', '')
    """
    return f"{path}/".partition("/include/")[2].rstrip("/")


class NamedCandidate(Struct):
    """A file in a package.

    Attributes:
        kind: of the file.
        asked: the file that was asked for; of a header, its path below ``include``.
        attr: canonical attribute path.
        name: of the store path, behind the hash.
        path: of the file's directory.
        linked: it is a link into another package.
        votes: number of file systems of a whole distribution that link to it.
        size: number of files of its kind in its directory.
        library: the package is the best provider of the library that has the file's name.
    """

    kind: NameKind
    asked: str
    attr: str
    output: str
    name: str
    path: str
    linked: bool
    votes: int
    size: int
    library: bool

    @property
    def pname(self) -> str:
        """Name of the package, without version."""
        return split_name(self.name, self.output)[0]


class _Field(Struct):
    """The competitors of a candidate: pnames with counts, those at the top, attributes, votes by pname."""

    pnames: Counter[str]
    top: frozenset[str]
    attrs: frozenset[str]
    votes: Mapping[str, int]


def score_named(candidates: Sequence[NamedCandidate]) -> list[tuple[int, tuple[str, ...]]]:
    """Score all candidates for one file.

    Returns:
        Score, and a sentence for each rule that moved it, the strongest first, in the order given.
    """
    votes: dict[str, int] = {}
    for one in candidates:
        votes[one.pname] = max(votes.get(one.pname, 0), one.votes)
    field = _Field(
        pnames=Counter(c.pname for c in candidates),
        top=frozenset(c.pname for c in candidates if "." not in c.attr),
        attrs=frozenset(c.attr for c in candidates),
        votes=votes,
    )
    return [_score(c, field) for c in candidates]


@cache
def _make_good_sets() -> Mapping[str, int]:
    return {**load_table(RankingLists).good_sets, **load_table(NamedLists).good_sets}


@cache
def _make_stand_ins() -> frozenset[str]:
    return frozenset({*load_table(RankingLists).stand_ins, *load_table(NamedLists).stand_ins})


def _score(candidate: NamedCandidate, field: _Field) -> tuple[int, tuple[str, ...]]:
    attr, pname = candidate.attr, candidate.pname
    last = attr.rpartition(".")[2]
    stems = find_stems(candidate.kind, candidate.asked)
    affinity = max(score_affinity(stem, attr, pname) for stem in stems)
    extends = any(_extends(attr, other) for other in field.attrs) and squeeze(last) not in map(squeeze, stems)
    points = {
        "v": score_votes(field.votes[pname]),
        "a": affinity,
        "o": (3 if last == pname else 0) + (6 if last == stems[0] else 0),
        "k": _OWN_LIBRARY if candidate.library else 0,
        "e": _OTHER_DIRECTORY * _count_others(candidate),
        "g": _IN_PYTHON if candidate.path.startswith("/lib/python") else 0,
        "x": _score_link(candidate, affinity, field.attrs),
        "i": _STAND_IN if not _make_stand_ins().isdisjoint({pname, attr}) else 0,
        "s": score_set(attr, _make_good_sets()),
        "p": _COPY_OF_TOP if "." in attr and pname in field.top else 0,
        "w": score_variant(attr, stems[0]),
        "n": score_version(attr, stems),
        "f": 0 if _is_base(last, pname) else score_fork(pname, field.pnames),
        "m": _score_place(candidate),
        "b": -min(6, round(math.log2(1 + candidate.size) / 2)),
        "c": -min(6, len(attr) // 6),
    }
    if extends and not (points["w"] or points["n"]):
        points["y"] = _EXTENDED
    told = sorted(((rule, p) for rule, p in points.items() if p), key=lambda pair: -abs(pair[1]))
    return sum(points.values()), tuple(f"{REASONS[rule]} ({p:+d})" for rule, p in told)


def _score_link(candidate: NamedCandidate, affinity: int, attrs: Set[str]) -> int:
    """A package that links to another one's file stands in for it, unless users should take just that one."""
    if not candidate.linked or f"{candidate.attr}-unwrapped" in attrs:
        return 0
    return _OWN_LINK if affinity == _EXACT and "." not in candidate.attr else _LINKED


def _extends(attr: str, other: str) -> bool:
    """Tell whether an attribute is another one with more behind it: ``libjpeg_original``, ``curlFull``."""
    rest = attr.removeprefix(other)
    return rest != attr and re.fullmatch(r"[-_].+|[A-Z0-9].*", rest) is not None


def _is_base(last: str, pname: str) -> bool:
    """Tell whether an attribute leaves out what makes its pname look like a fork (libpng: libpng-apng)."""
    return pname != last and pname.startswith((f"{last}-", f"{last}_"))


def _count_others(candidate: NamedCandidate) -> int:
    """Count the directories of a header that are not part of the name that was asked for."""
    if candidate.kind is not NameKind.HEADER:
        return 0
    asked = candidate.asked.rpartition("/")[0]
    rest = find_include(candidate.path).removesuffix(asked).strip("/")
    return len(rest.split("/")) if rest else 0


def _score_place(candidate: NamedCandidate) -> int:
    """CMake finds ``FooConfig.cmake`` only in a directory whose name starts with ``Foo``, in any case."""
    if candidate.kind is not NameKind.CMAKE:
        return 0
    stem = squeeze(find_stems(candidate.kind, candidate.asked)[0])
    last = re.sub(r"/c[mM]ake\Z", "", re.sub(r"/CMake\Z", "", candidate.path)).rpartition("/")[2]
    return 0 if squeeze(last).startswith(stem) else _MISPLACED
