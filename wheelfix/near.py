"""Finds the known names that are near to a name that nobody has: slips of typing, and parts of names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, TypeVar

Nearness = tuple[int, int, int]
"""How near a name is, for sorting: kind of nearness, as below; slips or place; number of other letters."""

SAME = 0
"""The same but for case, ``-``, ``_``, ``.`` and spaces."""
WORDS = 1
"""The same but for a number at the end (``png``: ``png16``), or with more words (``dnn``: ``opencv_dnn``)."""
SLIP = 2
"""One letter is missing, too many, another one, or two are in the wrong order."""
LETTERS = 3
"""The same with more letters before or behind it (``icu``: ``icuuc``)."""
SLIPS = 4
"""Two slips behind the first letter, in a name of more than seven letters."""
RANDOM = 5
"""One slip in a name of three letters or less, which are one letter away from many others."""

_SHORTEST_PART = 3
"""Letters that a part of a name has to have, to mean the name."""
_LEAST = 2
"""Letters of a name that can have a slip."""
_SHORT = 7
"""Up to this length one slip is looked for, in longer names two."""
_SHORTEST = 3
"""Up to this length a slip says little."""
_SIGNS = str.maketrans("", "", "-_. ")
_DIGITS = "0123456789"

N = TypeVar("N", bound=tuple[Any, ...])


class Asked:
    """A name that nobody has, to compare others with.

    Example:
        >>> Asked("numpi").compare("numpy"), Asked("tbb").compare("tbbmalloc"), Asked("tbb").compare("zlib")
        ((2, 1, 0), (3, 0, 6), None)
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._bare = _squeeze(name)
        self._letters = frozenset(self._bare)
        self._most = 0 if len(self._bare) < _LEAST else 1 if len(self._bare) <= _SHORT else 2

    @cached_property
    def _root(self) -> str:
        return self._bare.rstrip(_DIGITS)

    def compare(self, other: str) -> Nearness | None:
        """Tell how near another name is; None if it is far."""
        bare, mine = _squeeze(other), self._bare
        if bare == mine:
            return (SAME, 0, sum(a != b for a, b in zip(self.name, other, strict=False)))
        more = len(bare) - len(mine)
        if len(self._root) >= _SHORTEST_PART and bare.rstrip(_DIGITS) == self._root:
            return (WORDS, 0, abs(more))
        if more > 0 and len(mine) >= _SHORTEST_PART and (near := self._compare_part(bare, other, more)):
            return near
        if abs(more) > self._most or len(self._letters ^ set(bare)) > 2 * self._most:
            return None
        slips = count_slips(mine, bare, most=self._most)
        if slips is None or (slips > 1 and bare[:1] != mine[:1]):
            return None
        kind = SLIPS if slips > 1 else RANDOM if len(mine) <= _SHORTEST else SLIP
        return (kind, slips, abs(more))

    def _compare_part(self, bare: str, other: str, more: int) -> Nearness | None:
        """Compare with a name that is longer."""
        if bare.startswith(self._bare):
            rest = other[len(self.name) :][:1]
            if rest and not rest.islower():
                return (WORDS, 1, more)
            return (LETTERS, 0, more) if more > 1 or len(self._bare) <= _SHORTEST else None
        if bare.endswith(self._bare):
            before = other[: -len(self.name)][-1:]
            return (WORDS, 2, more) if before and not before.isalnum() else (LETTERS, 1, more)
        return None


def count_slips(one: str, other: str, *, most: int) -> int | None:
    """Count the letters that are missing, too many, changed, or in the wrong order; None if over ``most``.

    Example:
        >>> count_slips("numpi", "numpy", most=1), count_slips("torhc", "torch", most=1)
        (1, 1)
        >>> count_slips("a", "bcd", most=2)  # None
    """
    before: Sequence[int] = ()
    row: Sequence[int] = range(len(other) + 1)
    for i, letter in enumerate(one, 1):
        new = [i]
        for j, another in enumerate(other, 1):
            cost = min(row[j] + 1, new[j - 1] + 1, row[j - 1] + (letter != another))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == another:
                cost = min(cost, before[j - 2] + 1)
            new.append(cost)
        if min(new) > most:
            return None
        before, row = row, new
    return row[-1] if row[-1] <= most else None


def find_near(wrong: str, known: Iterable[str], *, count: int) -> tuple[str, ...]:
    """Find the names that are near to one that is not among them, nearest first.

    Of names with dots (``python3Packages.torhc``) the last parts are compared, and what is before them may
    differ by as much.

    Args:
        wrong: the name.
        known: all existing names, in any order.
        count: how many at most.

    Example:
        >>> find_near("python3Packages.torhc", ["python3Packages.torch", "torchlib", "zlib"], count=3)
        ('python3Packages.torch',)
    """
    where, _, last = wrong.rpartition(".")
    asked, around, whole = Asked(last), Asked(where), Asked(wrong)
    found: list[tuple[Nearness, str]] = []
    for name in set(known):
        before, _, other = name.rpartition(".")
        near = asked.compare(other) if before == where else None
        if near is None and before and where and (of_set := around.compare(before)):
            of_name = (SAME, 0, 0) if other == last else asked.compare(other)
            near = (max(of_set[0], of_name[0], WORDS), of_set[1] + of_name[1], of_set[2]) if of_name else None
        if near is None and "." in wrong + name:
            near = whole.compare(name)
        if near is None and not before and (same := asked.compare(other)) and same[0] < LETTERS:
            near = (LETTERS, *same[1:])  # of another set
        if near:
            found.append((near, name))
    return tuple(name for _, name in drop_far(sorted(found))[:count])


def drop_far(found: Sequence[N]) -> Sequence[N]:
    """Leave out what is too far beside the nearest: slips where a name is the same, else more than one slip.

    Args:
        found: nearness first; the nearest name is the first one.
    """
    best = found[0][0][0] if found else SAME
    if best == SAME:
        return [one for one in found if one[0][0] in {SAME, WORDS, LETTERS}]
    return found if best >= SLIPS else [one for one in found if one[0][0] < SLIPS]


def _squeeze(name: str) -> str:
    return name.lower().translate(_SIGNS)
