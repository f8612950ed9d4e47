"""Expressions on lines that are made of what they search for: the steps grow with the line, and no faster."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backtracking import StepCounter, is_linear
from wheelfix.explain import wordings
from wheelfix.explain.read import clean_line
from wheelfix.explain.wordings import WORDINGS

SEEDS = (
    "a",
    "1",
    "a ",
    "a.",
    "/",
    "/a",
    " /",
    "//:",
    "a/",
    "-",
    "'",
    " ",
    "a b ",
    "aa==1 ",
    ", ",
    "(",
    "{",
    "::",
)
LINES = sorted(
    {
        text
        for path in (Path(__file__).parents[2] / "fixtures" / "messages").glob("*.toml")
        for message in tomllib.loads(path.read_text("utf-8"))["message"]
        for raw in message["text"].encode().split(b"\n")
        for text, _ in clean_line(raw)
    }
)
CONTEXT = {
    name: pattern
    for name, pattern in vars(wordings).items()
    if isinstance(pattern, re.Pattern) and name.isupper()
}
EVERY = [
    *(pytest.param(pattern, "", id=name) for name, pattern in CONTEXT.items()),
    *(pytest.param(one.pattern, one.phrase, id=f"{n}-{one.phrase}") for n, one in enumerate(WORDINGS)),
]


def list_pieces(pattern: re.Pattern[str]) -> Iterator[str]:
    """Beginnings and ends of what the expression matches, in messages that it is for."""
    match = next((match for line in LINES if (match := pattern.search(line))), None)
    if match is not None:
        cuts = [found.end() for found in re.finditer(r"\w+|\W", match[0])]
        for cut in cuts[:: 1 + len(cuts) // 6]:
            yield from (part for part in (match[0][:cut], match[0][cut:]) if part)
        yield from (group for group in match.groups() if group)
    yield from SEEDS


@pytest.mark.parametrize(("pattern", "phrase"), EVERY)
def test_steps_grow_with_the_line_and_no_faster(pattern: re.Pattern[str], phrase: str) -> None:
    for piece in dict.fromkeys(list_pieces(pattern)):
        for end in dict.fromkeys(("", phrase)):
            assert is_linear(pattern, f"{phrase} ", piece, end), piece


@pytest.mark.parametrize(("pattern", "phrase"), EVERY)
def test_steps_are_those_of_the_same_search(pattern: re.Pattern[str], phrase: str) -> None:
    lines = [line for line in LINES if phrase in line and len(line) < 400][:20]
    for line in [*lines, *(line[len(line) // 3 :] for line in lines)]:
        assert StepCounter(pattern, line).find_spans() == [one.span() for one in pattern.finditer(line)]


@pytest.mark.parametrize(
    ("expression", "piece", "linear"),
    [
        (r"\S+: no", "a", False),
        (r"\S{1,512}: no", "a", True),
        (r"x.*y.*z", "xy", False),
        (r"(?:a b)*c", "a b", False),
        (r"^(?:a b)*c", "a b", True),
        (r"open (?P<file>[^)\n]+)\)", "open /lib/a-rather-long-name/of-a-file.so ", False),
        (r"(?>\S+): no", " a", True),
    ],
)
def test_squares_are_seen(expression: str, piece: str, linear: bool) -> None:
    assert is_linear(re.compile(expression), "", piece, "") == linear
