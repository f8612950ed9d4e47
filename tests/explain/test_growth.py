"""Expressions on lines that are made of what they search for: the time grows with the line, and no faster."""

from __future__ import annotations

import re
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from wheelfix.explain import wordings
from wheelfix.explain.read import clean_line
from wheelfix.explain.wordings import WORDINGS

SHORT, LONG = 600, 4800
"""Lengths of lines in characters."""
LEAST = 0.002
"""Seconds below which a time says nothing; ten thousand such lines take less than a minute."""
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
        for cut in cuts[:: 1 + len(cuts) // 12]:
            yield from (part for part in (match[0][:cut], match[0][cut:]) if part)
        yield from (group for group in match.groups() if group)
    yield from SEEDS


def measure(pattern: re.Pattern[str], text: str, times: int) -> float:
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        for _ in pattern.finditer(text):
            pass
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize(("pattern", "phrase"), EVERY)
def test_time_grows_with_the_line_and_no_faster(pattern: re.Pattern[str], phrase: str) -> None:
    for piece in dict.fromkeys(list_pieces(pattern)):
        whole = piece * (LONG // len(piece) + 1)
        for end in dict.fromkeys(("", phrase)):
            short, long = (f"{phrase} {whole[:size]}{end}" for size in (SHORT, LONG))
            if measure(pattern, long, 1) < LEAST:
                continue
            slow = measure(pattern, long, 5)
            # Eight times as long: squared, it takes 64 times as long.
            assert slow < LEAST or slow < 24 * measure(pattern, short, 5), (piece, slow)
