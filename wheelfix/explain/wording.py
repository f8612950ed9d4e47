"""One wording of a message, and what is read around it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from wheelfix.explain.model import Symptom, SymptomKind

# A file as messages name it: up to the last ": " before the words of the message, as paths may have spaces.
# An absolute path is searched for once from each place where one may begin: at most once for each character.
# Repetitions do not backtrack: they end before ": ", and shorter matches would be tried in vain.
# Not `(?:…*+)*+`: Python 3.11.2 loses the beginning of a match of such nested repetitions.
_WORD_START = r"(?<![^\s:'\"`(){}<>,=])"
FILE = (
    r"(?:(?:^|(?<=[\n'\"`(])|(?<=:\s))(?>(?:[^/:\n'\"`(]++|:(?!\s)|(?<=[^\s:'\"`(){}<>,=])/)*)(?=/)"
    rf"|{_WORD_START}(?!/))"
    r"(?P<soname>(?:/(?>(?:[^:\n'\"`(]++|:(?!\s))*)|[^\s:'\"`(){}<>,=]{1,512}+))"
)
"""Expression of a file, as group ``soname``."""
SONAME = r"lib[\w.+-]{0,200}\.so(?:\.\d[\w.]{0,40})?"
"""Expression of a library's file name."""


def _read_nothing() -> Sequence[str]:
    return ()


class Around(NamedTuple):
    """The lines around a message, cleaned.

    Attributes:
        before: reads the lines before it, nearest last, from the nearest traceback's head on.
        after: reads the lines after it, nearest first: a few dozen at most, fewer at the end of the text.
        above: reads the lines before it as far as they are kept, nearest last, beyond the traceback's head.
    """

    before: Callable[[], Sequence[str]] = _read_nothing
    after: Callable[[], Sequence[str]] = _read_nothing
    above: Callable[[], Sequence[str]] = _read_nothing


class Wording(NamedTuple):
    """One wording of a kind of message.

    Attributes:
        phrase: fixed words of it, which are searched for first; the rarer, the faster.
        pattern: the expression, searched in one line. Its groups ``soname``, ``by`` (wanted by), ``version``
            and ``symbol`` are fields of :class:`~wheelfix.explain.model.Symptom`; ``names`` are words,
            separated by spaces or commas. Its time has to be linear on any line.
        build: makes the symptoms of a match instead, if they are not told by groups alone.
    """

    kind: SymptomKind
    phrase: str
    pattern: re.Pattern[str]
    build: Callable[[re.Match[str], Around], Iterable[Symptom]] | None = None


def word(
    kind: SymptomKind,
    phrase: str,
    expression: str,
    build: Callable[[re.Match[str], Around], Iterable[Symptom]] | None = None,
) -> Wording:
    """Make a wording; arguments are its attributes."""
    return Wording(kind, phrase, re.compile(expression), build)


NOTHING_AROUND = Around()
