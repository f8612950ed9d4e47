"""Steps that a backtracking search takes: what grows with a line, counted instead of timed.

CPython's engine does not tell its steps, and its time says little on a machine that does other things. Here
its search is done again, slowly, on the tree that CPython itself parses an expression into.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

_PARSER: Any = import_module("re._parser")
_CONSTANTS: Any = import_module("re._constants")
_LEAST_BOUND = 16
_SHORTEST = 100, 400, 1000
"""Lengths of lines in characters: where a short one says too little, a longer one decides."""
_SCALE = 16
"""What bounds of repetitions are divided by: they are up to 512, and lines have to be longer than that."""
_Next = Callable[[int], int | None]
"""What is matched after a part: gets a position, gives the end of the whole match, or None."""
_Match = Callable[[int, _Next], int | None]
"""A part of an expression: gets a position, and what follows."""
_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}
_ONE_CHARACTER = ("LITERAL", "NOT_LITERAL", "ANY", "IN")


def is_linear(pattern: re.Pattern[str], head: str, piece: str, end: str) -> bool:
    """Tell whether pieces that are added to a line add as many steps as those before them.

    Args:
        pattern: the expression that is searched for.
        head: what the line begins with.
        piece: what is repeated.
        end: what the line ends with.
    """
    for shortest in _SHORTEST:
        number = 2 + shortest // len(piece)
        one, two, three = (
            _count_steps(pattern, f"{head}{piece * (times * number)}{end}") for times in (1, 2, 3)
        )
        if three - two <= 1.1 * (two - one):
            return True
    return False


def _count_steps(pattern: re.Pattern[str], text: str) -> int:
    counter = StepCounter(pattern, text, scale=_SCALE)
    counter.find_spans()
    return counter.steps


class StepCounter:
    """One search of an expression through one text.

    Args:
        pattern: the expression.
        text: the text.
        scale: what bounds of repetitions (``{1,512}``) are divided by, so that a short text shows what a long
            one would: time that stays linear by a bound does so here as well.

    Attributes:
        steps: characters and parts that were tried so far.
    """

    def __init__(self, pattern: re.Pattern[str], text: str, scale: int = 1) -> None:
        self.steps = 0
        self._text = text
        self._scale = scale
        self._flags = pattern.flags
        self._starts: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._match = self._compile(_PARSER.parse(pattern.pattern, pattern.flags & ~re.UNICODE))

    def find_spans(self) -> list[tuple[int, int]]:
        """List start and end of each match, as ``finditer`` finds them."""
        before = sys.getrecursionlimit()
        # For this search alone: what is written in C may crash where it trusts in a low limit.
        sys.setrecursionlimit(before + 100 * len(self._text) + 10_000)
        try:
            return list(self._iter_spans())
        finally:
            sys.setrecursionlimit(before)

    def _iter_spans(self) -> Iterator[tuple[int, int]]:
        at = 0
        while at <= len(self._text):
            self._starts, self._ends = {}, {}
            end = self._match(at, lambda place: place)
            if end is None:
                at += 1
                continue
            yield at, end
            at = max(end, at + 1)

    def _compile(self, parts: Any) -> _Match:
        matches = [self._compile_part(str(name), argument) for name, argument in parts]
        if len(matches) == 1:
            return matches[0]

        def match(at: int, after: _Next) -> int | None:
            def go_on(number: int, place: int) -> int | None:
                if number == len(matches):
                    return after(place)
                return matches[number](place, lambda found: go_on(number + 1, found))

            return go_on(0, at)

        return match

    def _compile_part(self, name: str, argument: Any) -> _Match:
        if name in _ONE_CHARACTER:
            accepts = self._accept(name, argument)
            return lambda at, after: after(at + 1) if self._take(accepts, at) else None
        compile_part: Callable[[Any], _Match] = getattr(self, f"_compile_{name.lower()}")
        return compile_part(argument)

    def _take(self, accepts: Callable[[str], bool], at: int) -> bool:
        self.steps += 1
        return at < len(self._text) and accepts(self._text[at])

    def _accept(self, name: str, argument: Any) -> Callable[[str], bool]:
        # Re-made as an expression of one character: CPython says what it accepts.
        one = re.compile(_spell(name, argument), self._flags)
        known = {character: one.fullmatch(character) is not None for character in set(self._text)}
        return known.__getitem__

    def _compile_max_repeat(self, argument: Any) -> _Match:
        return self._repeat(argument, greedy=True)

    def _compile_min_repeat(self, argument: Any) -> _Match:
        return self._repeat(argument, greedy=False)

    def _compile_possessive_repeat(self, argument: Any) -> _Match:
        return self._cut(self._repeat(argument, greedy=True))

    def _compile_atomic_group(self, argument: Any) -> _Match:
        return self._cut(self._compile(argument))

    def _cut(self, inner: _Match) -> _Match:
        def match(at: int, after: _Next) -> int | None:
            end = inner(at, lambda place: place)
            return None if end is None else after(end)

        return match

    def _repeat(self, argument: Any, *, greedy: bool) -> _Match:
        least, most, parts = argument
        most = len(self._text) + 1 if most is _CONSTANTS.MAXREPEAT else int(most)
        if most >= _LEAST_BOUND:
            most = max(int(least), most // self._scale)
        if len(parts) == 1 and str(parts[0][0]) in _ONE_CHARACTER:
            return self._repeat_character(
                self._accept(str(parts[0][0]), parts[0][1]), least, most, greedy=greedy
            )
        return self._repeat_group(self._compile(parts), least, most, greedy=greedy)

    def _repeat_character(
        self, accepts: Callable[[str], bool], least: int, most: int, *, greedy: bool
    ) -> _Match:
        def match(at: int, after: _Next) -> int | None:
            if not greedy:
                return match_lazily(at, after)
            end = at
            while end - at < most and self._take(accepts, end):
                end += 1
            for place in range(end, at + least - 1, -1):
                self.steps += 1
                found = after(place)
                if found is not None:
                    return found
            return None

        def match_lazily(at: int, after: _Next) -> int | None:
            for end in range(at, at + most + 1):
                if end - at >= least:
                    found = after(end)
                    if found is not None:
                        return found
                if not self._take(accepts, end):
                    break
            return None

        return match

    def _repeat_group(self, inner: _Match, least: int, most: int, *, greedy: bool) -> _Match:
        def match(at: int, after: _Next, count: int = 0) -> int | None:
            self.steps += 1

            def again(place: int) -> int | None:
                # As in CPython, an empty turn ends the repetition.
                return None if place == at and count >= least else match(place, after, count + 1)

            if count < least:
                return inner(at, again)
            if not greedy:
                found = after(at)
                if found is not None or count >= most:
                    return found
                return inner(at, again)
            found = inner(at, again) if count < most else None
            return after(at) if found is None else found

        return match

    def _compile_branch(self, argument: Any) -> _Match:
        branches = [self._compile(branch) for branch in argument[1]]

        def match(at: int, after: _Next) -> int | None:
            for branch in branches:
                self.steps += 1
                found = branch(at, after)
                if found is not None:
                    return found
            return None

        return match

    def _compile_subpattern(self, argument: Any) -> _Match:
        number, added, removed, parts = argument
        before = self._flags
        self._flags = (before | added) & ~removed
        inner = self._compile(parts)
        self._flags = before
        if number is None:
            return inner

        def match(at: int, after: _Next) -> int | None:
            def leave(end: int) -> int | None:
                kept = self._starts.get(number), self._ends.get(number)
                self._starts[number], self._ends[number] = at, end
                found = after(end)
                if found is None and kept[0] is not None and kept[1] is not None:
                    self._starts[number], self._ends[number] = kept[0], kept[1]
                return found

            return inner(at, leave)

        return match

    def _compile_groupref(self, number: int) -> _Match:
        def match(at: int, after: _Next) -> int | None:
            if number not in self._ends:
                return None
            part = self._text[self._starts[number] : self._ends[number]]
            self.steps += 1 + len(part)
            return after(at + len(part)) if self._text.startswith(part, at) else None

        return match

    def _compile_at(self, where: Any) -> _Match:
        tests = {
            "AT_BEGINNING": r"^",
            "AT_BEGINNING_STRING": r"\A",
            "AT_END": r"$",
            "AT_END_STRING": r"\Z",
            "AT_BOUNDARY": r"\b",
            "AT_NON_BOUNDARY": r"\B",
        }
        place = re.compile(tests[str(where)], self._flags)

        def match(at: int, after: _Next) -> int | None:
            self.steps += 1
            return after(at) if place.match(self._text, at) else None

        return match

    def _compile_assert(self, argument: Any) -> _Match:
        holds = self._look(argument)
        return lambda at, after: after(at) if holds(at) else None

    def _compile_assert_not(self, argument: Any) -> _Match:
        holds = self._look(argument)
        return lambda at, after: None if holds(at) else after(at)

    def _look(self, argument: Any) -> Callable[[int], bool]:
        direction, parts = argument
        inner = self._compile(parts)
        back = parts.getwidth()[0] if direction < 0 else 0

        def holds(at: int) -> bool:
            self.steps += 1
            return at >= back and inner(at - back, lambda place: place) is not None

        return holds


def _spell(name: str, argument: Any) -> str:
    """Write one part of an expression that matches one character."""
    if name == "ANY":
        return "."
    if name in ("LITERAL", "NOT_LITERAL"):
        return f"[{'^' if name == 'NOT_LITERAL' else ''}{re.escape(chr(argument))}]"
    if name == "RANGE":
        return f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
    if name == "CATEGORY":
        return _CATEGORIES[str(argument)]
    negated = str(argument[0][0]) == "NEGATE"
    items = argument[1:] if negated else argument
    inner = "".join(
        re.escape(chr(value)) if str(item) == "LITERAL" else _spell(str(item), value) for item, value in items
    )
    return f"[{'^' if negated else ''}{inner}]"
