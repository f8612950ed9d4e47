"""Recognises sentences that packages write themselves when they do not find a library or a program.

``find_sayings(lines, packages)`` is the entrance. A sentence with words of its own is recognised in any text;
one that others may write as well ("Library "GL" not found.") only if the text is known to be about the
distribution, by a frame or a name. For such a distribution a sentence that no table has counts too, if it
says that something is absent and names what the distribution opens or runs: wordings change with releases.

The time is linear in the text. Each sentence is looked up by one of its words, the one that the fewest others
have, and compared where this word stands.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Final

from wheelfix.index.own_words import list_own_words
from wheelfix.model.base import Struct
from wheelfix.model.words import OwnWords, Saying, Sentence
from wheelfix.pysource.words import Names, is_absent

_WORD: Final = re.compile(r"\w+")
_REACH: Final = 800
"""Characters before and after the word of a sentence that may belong to it."""
_MAX_HITS: Final = 64
"""Places of one line at which sentences are compared."""
_MAX_LINE: Final = 8 << 10
_MAX_SAYINGS: Final = 50
_NAME: Final = re.compile(r"[A-Za-z][\w+-]*(?:\.[\w+-]+)*", re.ASCII)


class _Entry(Struct, kw_only=False, eq=False):
    """A sentence of a distribution, and its parts."""

    distribution: str
    sentence: Sentence
    parts: tuple[str, ...]


_Searcher = Mapping[str, tuple[_Entry, ...]]


def find_sayings(
    lines: Sequence[str],
    packages: Collection[str] = (),
    read: Mapping[str, OwnWords] | None = None,
) -> tuple[Saying, ...]:
    """Find the sentences of distributions in a text.

    Args:
        lines: the text, cleaned; all of it, or the lines with what :func:`list_fixed` lists.
        packages: normalised names (PEP 503) of distributions that the text is about, such as those of a
            traceback's frames.
        read: what installed distributions say, by name, if their sources were read
            (:func:`wheelfix.explain.installed.read_own_words`); it counts before the table.

    Returns:
        In the order of the lines; for one line, the distributions in ``packages`` first, and if one of these
        has a sentence there, no others. Empty if there is none.
    """
    known = {**list_own_words(), **read} if read else list_own_words()
    wanted = {name: known[name] for name in packages if name in known}
    searchers = [_make_searcher({name: own.sentences for name, own in wanted.items()})]
    names = {name: Names(own.libraries, own.programs) for name, own in wanted.items()}
    found: list[Saying] = []
    for number, line in enumerate(lines):
        if len(found) >= _MAX_SAYINGS:
            break
        line = " ".join(line[:_MAX_LINE].split())
        here = list(_search(line, number, searchers[0], known)) if wanted else []
        here = here or [s for name in wanted if (s := _find_named(line, number, name, names[name]))]
        found += here or _search(line, number, _load_searcher(), known)
    return _reduce(found)


def list_fixed() -> list[str]:
    """List text that every sentence has which is recognised in any text: the longest part without a hole."""
    every = (sentence for own in list_own_words().values() for sentence in own.sentences)
    return [max(sentence.parts, key=len) for sentence in every if not sentence.weak]


def _reduce(found: Sequence[Saying]) -> tuple[Saying, ...]:
    """Drop repetitions, and what is less sure than another saying of the same distribution."""
    sure = {one.distribution for one in found if one.sure}
    best: dict[tuple[str, tuple[str, ...], tuple[str, ...]], Saying] = {}
    for one in found:
        if one.sure or one.distribution not in sure:
            best.setdefault((one.distribution, one.libraries, one.programs), one)
    return tuple(best.values())


def _search(line: str, number: int, searcher: _Searcher, known: Mapping[str, OwnWords]) -> Iterator[Saying]:
    """Yield the longest sentence that one line has, of the first distribution that has it."""
    best: _Entry | None = None
    hits, filled = 0, list[str]()
    for match in _WORD.finditer(line):
        for entry in searcher.get(match[0].lower(), ()):
            hits += 1
            if hits > _MAX_HITS:
                break
            if best and len(entry.sentence.text) <= len(best.sentence.text):
                continue
            start = max(0, match.start() - _REACH)
            fillings = _compare(entry.parts, line[start : match.end() + _REACH])
            if fillings is not None:
                best, filled = entry, fillings
    if best:
        yield _say(line, number, best, filled, known[best.distribution])


def _compare(parts: Sequence[str], text: str) -> list[str] | None:
    """Find the parts of a sentence in a text, in order; return what is in the holes, or None."""
    at = text.find(parts[0])
    fillings = []
    for before, part in pairwise(parts):
        if at < 0:
            return None
        end = at + len(before)
        at = text.find(part, end)
        fillings.append(text[end:at])
    return None if at < 0 else [*fillings, text[at + len(parts[-1]) :].strip()]


def _say(line: str, number: int, entry: _Entry, fillings: Sequence[str], own: OwnWords) -> Saying:
    sentence = entry.sentence
    libraries, programs, sure = sentence.libraries, sentence.programs, True
    if sentence.filled:
        names = Names(own.libraries, own.programs)
        libraries, programs = names.find(fillings)
        if not libraries and not programs:
            libraries = tuple(sorted({name for text in fillings if (name := _make_library(text))}))
    if not libraries and not programs:
        libraries, programs, sure = own.libraries, own.programs, False
    return Saying(
        distribution=entry.distribution,
        line=number,
        text=line,
        libraries=libraries,
        programs=programs,
        sure=sure,
    )


def _make_library(filling: str) -> str | None:
    """Make the name of a library of what stands in a hole, if that is one word and no placeholder."""
    bare = filling.strip(" \t'\"`.,:;()[]")
    if not _NAME.fullmatch(bare):
        return None
    return bare if ".so" in bare else f"lib{bare.removeprefix('lib')}.so"


def _find_named(line: str, number: int, distribution: str, names: Names) -> Saying | None:
    """Tell whether a line says that something is absent, and names what a distribution opens or runs."""
    libraries, programs = names.find((line,))
    # In this order, because most lines name nothing.
    if not (libraries or programs) or not is_absent(line):
        return None
    return Saying(distribution=distribution, line=number, text=line, libraries=libraries, programs=programs)


@cache
def _load_searcher() -> _Searcher:
    """Make the searcher of the sentences that are recognised in any text."""
    return _make_searcher(
        {name: [s for s in own.sentences if not s.weak] for name, own in list_own_words().items()}
    )


def _make_searcher(sentences: Mapping[str, Sequence[Sentence]]) -> _Searcher:
    words = {
        (name, number): _list_words(sentence.parts)
        for name, given in sentences.items()
        for number, sentence in enumerate(given)
    }
    counts = Counter(word for found in words.values() for word in found)
    searcher: dict[str, list[_Entry]] = {}
    for (name, number), found in words.items():
        if found:
            word = min(found, key=lambda word: (counts[word], -len(word), word))
            sentence = sentences[name][number]
            searcher.setdefault(word, []).append(_Entry(name, sentence, sentence.parts))
    return {word: tuple(entries) for word, entries in searcher.items()}


def _list_words(parts: Sequence[str]) -> list[str]:
    """List the words of a sentence that a hole cannot make longer."""
    found: dict[str, None] = {}
    for number, part in enumerate(parts):
        for match in _WORD.finditer(part):
            cut = (match.start() == 0 and number > 0) or (
                match.end() == len(part) and number < len(parts) - 1
            )
            if not cut:
                found[match[0].lower()] = None
    return list(found)
