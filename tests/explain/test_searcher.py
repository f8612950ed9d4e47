"""Words are found as by a search for each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wheelfix.explain.searcher import Phrases, Searcher

WORDS = st.lists(st.text("ab ", min_size=1, max_size=4), min_size=1, max_size=6)


@given(WORDS, st.text("ab \n", max_size=60), st.integers(0, 20), st.integers(0, 60))
def test_every_line_with_a_word_has_a_hit(words: list[str], text: str, start: int, end: int) -> None:
    data, part = text.encode(), text[start:end]
    hits = list(Searcher(word.encode() for word in words).find(data, start, end))
    assert hits == sorted(hits)
    wanted = {number for number, line in enumerate(part.split("\n")) if any(word in line for word in words)}
    assert {part[: hit - start].count("\n") for hit in hits} == wanted


@given(WORDS, st.text("ab ", max_size=60))
def test_every_phrase_of_a_line_is_listed(phrases: list[str], line: str) -> None:
    wanted = [number for number, phrase in enumerate(phrases) if phrase in line]
    assert Phrases(phrases).find(line) == wanted
