"""Ranks the packages that have a pkg-config module, CMake package, header or program of a given name.

The rules that libraries are ranked by hold where they fit (:mod:`wheelfix.index.ranking`); the others are here. Scores
are computed when a name is asked for, from all packages that have it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
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
    "w": "a variant of another package",
    "n": "a version kept beside the current one",
    "f": "a fork of another package that has it",
    "m": "CMake looks for it in a directory of another name",
    "b": "many files, of which this is one",
    "c": "a long attribute path",
}
"""Codes of the rules, for :func:`explain_named`."""

_OWN_LIBRARY = 15
_LINKED = -45
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
    """

    FILE = "named.toml"

    libc_attributes: frozenset[Attr]
    unread_sets: tuple[AttrPrefix, ...]
    good_sets: dict[Attr, int]
    stand_ins: dict[Attr, str]


class NamedCandidate(Struct):
    """A file in a package.

    Attributes:
        kind: of the file.
        asked: the file that was asked for; of a header, its path below ``include``.
        attr: canonical attribute path.
        name: of the store path, behind the hash.
        path: of the file's directory; of a header, below ``include``.
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


def score_named(candidates: Sequence[NamedCandidate]) -> list[tuple[int, tuple[str, ...]]]:
    """Score all candidates for one file.

    Returns:
        Score, and a sentence for each rule that moved it, the strongest first, in the order given.
    """
    pnames = Counter(c.pname for c in candidates)
    top = frozenset(c.pname for c in candidates if "." not in c.attr)
    return [_score(c, pnames, top) for c in candidates]


@cache
def _make_good_sets() -> Mapping[str, int]:
    return {**load_table(RankingLists).good_sets, **load_table(NamedLists).good_sets}


def _score(candidate: NamedCandidate, pnames: Counter[str], top: frozenset[str]) -> tuple[int, tuple[str, ...]]:
    attr, pname = candidate.attr, candidate.pname
    stems = find_stems(candidate.kind, candidate.asked)
    stand_ins = load_table(RankingLists).stand_ins.keys() | load_table(NamedLists).stand_ins.keys()
    points = {
        "v": score_votes(candidate.votes),
        "a": max(score_affinity(stem, attr, pname) for stem in stems),
        "k": _OWN_LIBRARY if candidate.library else 0,
        "e": _OTHER_DIRECTORY * _count_others(candidate),
        "x": _LINKED if candidate.linked else 0,
        "i": _STAND_IN if {pname, attr} & stand_ins else 0,
        "s": score_set(attr, _make_good_sets()),
        "p": _COPY_OF_TOP if "." in attr and pname in top else 0,
        "w": score_variant(attr, stems[0]),
        "n": score_version(attr, stems),
        "f": score_fork(pname, pnames),
        "m": _score_place(candidate),
        "b": -min(6, round(math.log2(1 + candidate.size) / 2)),
        "c": -min(6, len(attr) // 6),
    }
    told = sorted(((rule, p) for rule, p in points.items() if p), key=lambda pair: -abs(pair[1]))
    return sum(points.values()), tuple(f"{REASONS[rule]} ({p:+d})" for rule, p in told)


def _count_others(candidate: NamedCandidate) -> int:
    """Count the directories of a header that are not part of the name that was asked for."""
    if candidate.kind is not NameKind.HEADER:
        return 0
    asked = candidate.asked.rpartition("/")[0]
    rest = candidate.path.removesuffix(asked).strip("/")
    return len(rest.split("/")) if rest else 0


def _score_place(candidate: NamedCandidate) -> int:
    """CMake finds ``FooConfig.cmake`` only in a directory whose name starts with ``Foo``, in any case."""
    if candidate.kind is not NameKind.CMAKE:
        return 0
    stem = squeeze(find_stems(candidate.kind, candidate.asked)[0])
    last = re.sub(r"/c[mM]ake\Z", "", re.sub(r"/CMake\Z", "", candidate.path)).rpartition("/")[2]
    return 0 if squeeze(last).startswith(stem) else -10
