"""Ranks the packages that have a file of a given name: the first is the one an expert would choose.

Every rule adds a number to the score and has a sentence. Scores are computed once, when a table is built,
from all candidates of a soname together; the codes of the rules that applied are stored with the score. The
lists that rules use are in ``data/ranking.toml``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from wheelfix.index.names import find_stem, split_name, squeeze
from wheelfix.model.base import Struct
from wheelfix.model.tables import Attr, AttrPrefix, Table, load_table

ABSENT = -30
"""A score at or below this means that the package has the file but is no provider."""

MARGIN = 4
"""Best and second best are rivals only if their scores differ by at most this."""

_BAD_SET = -40
_UNKNOWN_SET = -20
_VERSIONED = re.compile(r"\.so\.\d|\d\.so$")
_VERSION = re.compile(r"(?:[-_]?\d+)+(?:_\d+)*$")

REASONS = {
    "v": "{n} packages that stand for a whole distribution link to it",
    "d": "in a subdirectory of lib",
    "l": "in lib64",
    "x": "only a link into another package",
    "t": "a link to another library",
    "i": "a stand-in, not the real library",
    "a": "its name fits the library's",
    "s": "from a set of packages",
    "p": "the same package is at the top level",
    "w": "a variant of another package",
    "n": "a version kept beside the current one",
    "f": "a fork of another package that has it",
    "u": "nothing but the file name speaks for it",
    "h": "a copy: another package is the home of this library",
    "b": "many libraries, of which this is one",
    "c": "a long attribute path",
}
"""Codes of the rules, for :func:`explain_score`."""


class RankingLists(Table):
    """Lists that the rules use.

    Attributes:
        bad_sets: prefixes of sets whose packages are not libraries for others.
        unread_sets: prefixes of attributes that are skipped: large sets in which nothing is linked against.
        variants: parts of names that mark variants of a package.
        good_sets: sets that experts choose libraries from, with the penalty against a top-level attribute.
        stand_ins: reason why a package with the file is no provider, by pname or attribute.
    """

    FILE = "ranking.toml"

    bad_sets: tuple[AttrPrefix, ...]
    unread_sets: tuple[AttrPrefix, ...]
    variants: tuple[str, ...]
    good_sets: dict[Attr, int]
    stand_ins: dict[Attr, str]


@cache
def _make_variant() -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, load_table(RankingLists).variants)), re.IGNORECASE)


class Candidate(Struct):
    """A library in a package.

    Attributes:
        attr: canonical attribute path.
        name: of the store path, behind the hash.
        path: from the root of the store path.
        target: of a symbolic link, else None.
        votes: number of file systems of a whole distribution (``*-fhsenv-rootfs``) that link to it.
        size: number of libraries in the package.
    """

    soname: str
    attr: str
    output: str
    name: str
    path: str
    target: str | None
    votes: int
    size: int


class _Field(Struct):
    """The competitors of a candidate: pnames with counts, those at the top level, votes by attribute."""

    pnames: Counter[str]
    top: frozenset[str]
    votes: Mapping[str, int]


def score_candidates(candidates: Sequence[Candidate]) -> list[tuple[int, str]]:
    """Score all candidates of one soname.

    Returns:
        Score and rule codes (``a+25 v+67 s-4``) for each, in the order given.
    """
    field = _Field(
        pnames=Counter(split_name(c.name, c.output)[0] for c in candidates),
        top=frozenset(split_name(c.name, c.output)[0] for c in candidates if "." not in c.attr),
        votes={c.attr: c.votes for c in candidates},
    )
    return [_score(c, field) for c in candidates]


HOME = 15
"""Score from which on a package counts as the home of all majors of a library."""


def find_home(scored: Iterable[tuple[Candidate, int]]) -> str | None:
    """Find the pname of the package that a library belongs to, judged over all its majors.

    Args:
        scored: candidates of every ``lib<name>.so*``, with their scores.
    """
    best = max(scored, key=lambda pair: (pair[1], pair[0].attr), default=None)
    if best is None or best[1] < HOME:
        return None
    return split_name(best[0].name, best[0].output)[0]


def judge_copy(candidate: Candidate, score: int, rules: str, home: str | None) -> tuple[int, str]:
    """Lower the score of a package that has a copy of another package's library, without evidence for it.

    An application that bundles OpenSSL 1.1 is no provider of it, even if no other package has that major.
    """
    own = {rule[0] for rule in rules.split()} & {"a", "v"}
    pname = split_name(candidate.name, candidate.output)[0]
    if home is None or own or pname.startswith(home) or home.startswith(pname):
        return score, rules
    return score + _COPY, f"{rules} h{_COPY:+d}".strip()


_COPY = -40


def explain_score(codes: str) -> tuple[str, ...]:
    """Turn rule codes into sentences, strongest first.

    Example:
        >>> explain_score("a+25 l-6")
        ("its name fits the library's (+25)", 'in lib64 (-6)')
    """
    rules = [(code[0], int(code[1:])) for code in codes.split()]
    return tuple(
        f"{REASONS[rule].format(n=_count_votes(points))} ({points:+d})"
        for rule, points in sorted(rules, key=lambda r: -abs(r[1]))
    )


def _score(candidate: Candidate, field: _Field) -> tuple[int, str]:
    pname = split_name(candidate.name, candidate.output)[0]
    unwrapped = field.votes.get(f"{candidate.attr}-unwrapped")  # its libraries are links into this package
    foreign = candidate.target is not None and candidate.target.startswith("/") and unwrapped is None
    votes = max(candidate.votes, unwrapped or 0)
    stem = find_stem(candidate.soname)
    affinity = score_affinity(stem, candidate.attr, pname)
    versioned = _VERSIONED.search(candidate.soname) is not None
    points = {
        "v": score_votes(votes),
        "d": _score_directory(candidate.path, candidate.soname),
        "l": -6 if candidate.path.startswith("/lib64/") else 0,
        "x": -45 if foreign else 0,
        "t": _score_target(candidate),
        "i": -60 if {pname, candidate.attr} & load_table(RankingLists).stand_ins.keys() else 0,
        "a": affinity,
        "s": score_set(candidate.attr, load_table(RankingLists).good_sets),
        "p": -20 if "." in candidate.attr and pname in field.top else 0,
        "w": score_variant(candidate.attr, stem),
        "n": score_version(candidate.attr, (stem, candidate.soname.partition(".so")[0])),
        "f": score_fork(pname, field.pnames),
        "u": 0 if votes or affinity or versioned or field.pnames[pname] > 1 else -30,
        "b": -min(6, round(math.log2(1 + candidate.size) / 2)),
        "c": -min(6, len(candidate.attr) // 6),
    }
    return sum(points.values()), " ".join(f"{k}{p:+d}" for k, p in points.items() if p)


def score_votes(votes: int) -> int:
    """Score a file that packages which stand for a whole distribution link to."""
    return 20 + round(8 * math.log2(1 + votes)) if votes else 0


def _count_votes(points: int) -> int:
    return round(2 ** ((points - 20) / 8) - 1)


def _score_directory(path: str, soname: str) -> int:
    if path.count("/") == 2:
        return 0
    return -40 if is_own_directory(path, soname) else -70


def is_own_directory(path: str, soname: str) -> bool:
    """Tell the library's own directory, ``/lib/mariadb/libmariadb.so.3``, from ``/lib/koreader/libs``."""
    directories = path.split("/")[1:-1]
    return len(directories) == 2 and squeeze(directories[1]) == squeeze(find_stem(soname))


def _score_target(candidate: Candidate) -> int:
    if not candidate.target or candidate.target.startswith("/"):
        return 0
    name = candidate.target.rpartition("/")[2]
    return 0 if squeeze(find_stem(name)) == squeeze(find_stem(candidate.soname)) else -15


def score_affinity(stem: str, attr: str, pname: str) -> int:
    """Score how well the name of a package fits a file.

    Args:
        stem: what the file's name says about its package (``png`` of ``libpng16.so.16``).
        attr: attribute of the package.
        pname: of its store path.
    """
    stem = squeeze(stem)
    names = {squeeze(attr.rpartition(".")[2]), squeeze(pname)}
    bare = {name.removeprefix("lib") for name in names} - {""}
    if stem in names | bare or f"{stem}lib" in names:
        return 25
    undigited = {re.sub(r"\d+$", "", name) for name in names | bare} - {""}
    if stem in undigited or re.sub(r"\d+$", "", stem) in names | bare | undigited:
        return 22
    if any(len(name) > 2 and (stem.startswith(name) or name.startswith(stem)) for name in names | bare):
        return 10
    if any(len(name) > 2 and (name in stem or stem in name) for name in names | bare):
        return 5
    return 0


def score_set(attr: str, good_sets: Mapping[str, int]) -> int:
    """Score the set that an attribute is in.

    Args:
        attr: the attribute.
        good_sets: sets that experts choose such files from, with their scores.
    """
    base = attr.rpartition(".")[0]
    if not base or attr.startswith(("stdenv.", "gfortran.")):
        return 0
    generic = re.sub(r"_\d+$", "", base)
    for name in (base, generic):
        if name in good_sets:
            return good_sets[name] - (1 if name != base else 0)
    return _BAD_SET if base.startswith(load_table(RankingLists).bad_sets) else _UNKNOWN_SET


def score_variant(attr: str, stem: str) -> int:
    """Score a variant of another package (``ffmpeg-headless``), unless the file's stem says the same."""
    last = attr.rpartition(".")[2]
    match = _make_variant().search(last)
    if match is None or match.start() == 0 or squeeze(match[0]) in squeeze(stem):
        return 0
    return -9


def score_version(attr: str, stems: Iterable[str]) -> int:
    """Score a version kept beside the current one (``hdf5_1_10``), unless a stem of the file names it."""
    last = attr.rpartition(".")[2]
    match = _VERSION.search(last)
    if match is None or match.start() == 0 or squeeze(last) in set(map(squeeze, stems)):
        return 0
    return -4 if re.search(r"[-_]\d|\d\d", match[0]) else -2


def score_fork(pname: str, pnames: Iterable[str]) -> int:
    """Penalise a pname that contains the pname of another candidate: ``openssl-quic`` beside ``openssl``."""
    parts = (other for other in pnames if other != pname and len(other) > 2)
    return -8 if any(_contains_word(pname, other) for other in parts) else 0


def _contains_word(text: str, word: str) -> bool:
    return re.search(rf"(?:^|[-_]){re.escape(word)}(?:$|[-_])", text) is not None


def find_rivals(ranked: Sequence[Candidate], scores: Mapping[int, int] | Sequence[int]) -> tuple[str, ...]:
    """Return the attributes of the two best candidates if they differ in kind and no rule decides."""
    if len(ranked) < 2 or scores[0] - scores[1] > MARGIN:
        return ()
    pnames = [split_name(c.name, c.output)[0] for c in ranked[:2]]
    return () if are_akin(*pnames) else tuple(c.attr for c in ranked[:2])


def are_akin(one: str, other: str) -> bool:
    """Tell whether two pnames are of one kind: versions or variants of one package."""
    kinds = _find_kind(one), _find_kind(other)
    return kinds[0].startswith(kinds[1]) or kinds[1].startswith(kinds[0])


def _find_kind(pname: str) -> str:
    return squeeze(_VERSION.sub("", _make_variant().sub("", pname))).removeprefix("lib")
