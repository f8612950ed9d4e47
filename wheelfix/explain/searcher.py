"""Searches for many words at once; the door to ahocorasick_rs.

The time depends on the text, and hardly on the number of words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ahocorasick_rs import AhoCorasick, BytesAhoCorasick, Implementation, MatchKind


class Searcher:
    """Words, prepared to be searched for.

    Args:
        words: none of them empty.
    """

    def __init__(self, words: Iterable[bytes]) -> None:
        self._words = BytesAhoCorasick(
            sorted(set(words)), matchkind=MatchKind.LeftmostFirst, implementation=Implementation.DFA
        )

    def find(self, text: bytes, start: int, end: int) -> Iterator[int]:
        """Yield where words stand in a part of a text, in order; of words that overlap, the first."""
        part = memoryview(text)[start:end]
        return (start + at for _, at, _ in self._words.find_matches_as_indexes(part))


class Phrases:
    """Phrases, of which a line has some.

    Args:
        phrases: none of them empty; the same one may be there several times.
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        self._numbers: dict[str, list[int]] = {}
        for number, phrase in enumerate(phrases):
            self._numbers.setdefault(phrase, []).append(number)
        self._searcher = AhoCorasick(list(self._numbers), implementation=Implementation.DFA)

    def find(self, line: str) -> list[int]:
        """List the numbers of the phrases that a line has, in order."""
        found = set(self._searcher.find_matches_as_strings(line, overlapping=True))
        return sorted(number for phrase in found for number in self._numbers[phrase])


class Replacer:
    """Words, and what is put in their place.

    Args:
        words: none of them empty; where several begin at one place, the longest counts.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        self._others = list(words.values())
        self._searcher = AhoCorasick(
            list(words), matchkind=MatchKind.LeftmostLongest, implementation=Implementation.DFA
        )

    def replace(self, line: str) -> str:
        """Replace words in a line."""
        parts: list[str] = []
        done = 0
        for number, start, end in self._searcher.find_matches_as_indexes(line):
            parts += (line[done:start], self._others[number])
            done = end
        return "".join((*parts, line[done:])) if done else line
