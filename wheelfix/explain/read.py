"""Reads the problems that a text of any size reports, in one pass and bounded memory.

Most of a log is not split into lines: chunks are searched for the words that messages contain
(:data:`wheelfix.explain.wordings.SEARCHED`), all at once, and only the lines around these are read.
Long lines are read in windows. A line is cleaned, then parsed; the lines before it tell which file or package
it is about.
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import islice
from typing import Annotated, Any, TypeVar

from wheelfix.explain.languages import list_searched, translate
from wheelfix.explain.model import BUILD_KINDS, FRAMELESS, Account, Package, Symptom, SymptomKind
from wheelfix.explain.own_words import list_fixed
from wheelfix.explain.paths import normalize, parse_drv, parse_store_path
from wheelfix.explain.searcher import Phrases, Searcher
from wheelfix.explain.troubles.graphics import DRIVER_FILE
from wheelfix.explain.wording import NOTHING_AROUND, Around
from wheelfix.explain.wordings import (
    BUILDER,
    BUILT,
    COLLECTED,
    FRAME,
    IGNORED,
    IMPORT,
    INSTALLER,
    INTERPRETER,
    LDD_HEAD,
    LOADING,
    OPENING,
    PRINTED_JSON,
    RAISED,
    SEARCHED,
    SEARCHING,
    TRACEBACKS,
    TRUNCATED,
    WANTING,
    WORDINGS,
)
from wheelfix.model.base import Meta, Struct, convert, decode_json, replace
from wheelfix.model.hints import OpeningKind

CHUNK = 1 << 20
"""How much to read at once, in bytes."""
CONTEXT = 32 << 10
"""Largest distance of a traceback's head in bytes; of a longer traceback only that part is read."""
MAX_LINE = 8 << 10
"""Longest line in bytes that is read as a whole; of a longer one, so much around each message is read."""
MAX_SYMPTOMS = 500
"""Largest number of symptoms kept; if a text has more, they most likely have one cause."""
MAX_WORDS = 200
_MOST_AFTER = 40
MAX_SEEN = 10_000
MAX_SEEN_LINE = 512
"""Length in bytes and number of lines that are remembered, to skip repeated ones."""
_OVERLAP = 512
AFTER = 32 << 10
"""Largest distance in bytes of a line that is read as a part of the message, or traceback, before it."""

MAX_KEPT = 1 << 20
"""Largest number of characters of lines that are kept for words of packages."""
SHORT = 256 << 10
"""Largest size in bytes of a text of which all lines are kept."""
MAX_LOOKS = 3000
"""Number of lines around which others are read."""
_MOST_FRAMES = 400
_MOST_SAID = 12
"""Lines behind a traceback that belong to its message."""

T = TypeVar("T", bytes, str)


@dataclass(slots=True)
class _Found:
    symptoms: dict[tuple[SymptomKind, str | None, str | None, str | None, tuple[str, ...]], Symptom] = field(
        default_factory=dict
    )
    ignored: set[str] = field(default_factory=set)
    packages: dict[Package, None] = field(default_factory=dict)
    paths: dict[str, None] = field(default_factory=dict)
    words: dict[str, None] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)
    lines: dict[str, None] = field(default_factory=dict)
    frames: dict[str, None] = field(default_factory=dict)
    room: int = MAX_KEPT
    looks: int = MAX_LOOKS
    left_out: bool = False


def read_messages(chunks: Iterable[bytes]) -> Account:
    """Read the problems that a text reports.

    Args:
        chunks: the text, split anywhere; UTF-8, other bytes are replaced.

    Returns:
        Symptoms, packages and paths; empty if the text is not about shared libraries.
    """
    found = _Found()
    buffer, start, short = b"", 0, b""
    for chunk in _unify_breaks(chunks):
        short = short + chunk if len(short) <= SHORT else short
        buffer += chunk
        end = buffer.rfind(b"\n", 0, max(0, len(buffer) - AFTER)) + 1
        if end <= start:  # no line end: read a long line in parts, or wait for the rest of a short one
            if len(buffer) - start < MAX_LINE * 2 + AFTER:
                continue
            end = len(buffer) - MAX_LINE
        _search(buffer, start, end, found)
        keep = max(0, end - CONTEXT)
        buffer, start = buffer[keep:], end - keep
    _search(buffer, start, len(buffer), found)
    if len(short) <= SHORT:
        found.lines, found.frames, found.room = {}, {}, MAX_KEPT
        _keep((text for raw in short.split(b"\n") for text, _ in clean_line(raw)), found)
    return _conclude(found)


def _keep(texts: Iterable[str], found: _Found) -> None:
    """Keep lines that may have words of packages, and the files of tracebacks."""
    for text in texts:
        if len(found.frames) < _MOST_FRAMES and (match := FRAME.search(text)):
            path = match["path"] or match["pytest"]
            found.frames.pop(path, None)  # the last time counts
            found.frames[path] = None
        if text not in found.lines and len(text) <= found.room:
            found.lines[text] = None
            found.room -= len(text)


def _read_raised(after: Iterable[str]) -> list[str]:
    """Read a traceback behind its head: its frames, and the lines of its message."""
    lines: list[str] = []
    said = 0
    for text in after:
        said += bool(said) or bool(text.strip() and not text.startswith((" ", "\t")))
        if said > _MOST_SAID:
            break
        lines.append(text)
    return lines


def merge_accounts(first: Account, second: Account) -> Account:
    """Merge the information of two texts, such as those of two streams."""
    return Account(
        symptoms=tuple(dict.fromkeys((*first.symptoms, *second.symptoms))),
        packages=tuple(dict.fromkeys((*first.packages, *second.packages))),
        paths=tuple(dict.fromkeys((*first.paths, *second.paths))),
        words=tuple(dict.fromkeys((*first.words, *second.words))),
        lines=tuple(dict.fromkeys((*first.lines, *second.lines))),
        frames=tuple(dict.fromkeys((*first.frames, *second.frames))),
        left_out=first.left_out or second.left_out,
    )


def _unify_breaks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Convert CR and CR LF to LF: progress bars end lines with CR alone, and messages come between."""
    held = b""
    for chunk in chunks:
        data = held + chunk
        held = data[-1:] if data.endswith(b"\r") else b""
        data = data[: len(data) - len(held)]
        yield data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
    yield held.replace(b"\r", b"\n")


@cache
def _make_searcher() -> Searcher:
    words = {form for word in (*SEARCHED, *list_fixed()) for form in _list_forms(word)}
    return Searcher((*(word.encode() for word in words), *list_searched()))


def _list_forms(word: str) -> tuple[str, ...]:
    """List how a line has words before it is cleaned: as they are, or with the entities of HTML."""
    escaped = html.escape(word)
    return word, escaped, escaped.replace("&#x27;", "&#39;")


@cache
def _make_phrases() -> Phrases:
    return Phrases(wording.phrase for wording in WORDINGS)


def _search(buffer: bytes, start: int, end: int, found: _Found) -> None:
    if found.left_out:
        return
    windows: dict[int, int] = {}
    done = start
    for at in _make_searcher().find(buffer, start, end):
        if at >= done:
            left, right, done = _find_window(buffer, at, start)
            windows[left] = max(right, windows.get(left, 0))
    for left, right in sorted(windows.items()):
        line = buffer[left:right]
        if not _is_new(line, found.seen):
            continue
        if len(found.symptoms) >= MAX_SYMPTOMS:
            found.left_out = True
            return
        _read_line(line, partial(_iter_context, buffer, left), partial(_iter_following, buffer, right), found)


def _is_new(text: T, seen: set[T]) -> bool:
    """Tell whether a line is new, as far as lines are remembered."""
    if text in seen:
        return False
    if len(seen) < MAX_SEEN and len(text) < MAX_SEEN_LINE:
        seen.add(text)
    return True


def _find_window(buffer: bytes, at: int, start: int) -> tuple[int, int, int]:
    """Find the line around a position, or a part of it, and where to search for the next message."""
    left = buffer.rfind(b"\n", max(0, at - MAX_LINE), at) + 1
    right = buffer.find(b"\n", at, at + MAX_LINE)
    right = right if right >= 0 else min(len(buffer), at + MAX_LINE)
    if right - left <= MAX_LINE and (left > 0 or at < MAX_LINE):
        return left, right, right
    # Aligned, so that several messages of one long line share their windows.
    left = max(left, start, at - at % MAX_LINE - _OVERLAP)
    right = min(right, left + MAX_LINE + 2 * _OVERLAP)
    return left, right, right - _OVERLAP


def _iter_context(buffer: bytes, end: int) -> Iterator[bytes]:
    """Yield the lines before a position, nearest first."""
    right = end - 1
    floor = max(0, end - CONTEXT)
    while right > floor:
        left = buffer.rfind(b"\n", floor, right) + 1 or floor
        yield buffer[left:right]
        right = left - 1


def _iter_following(buffer: bytes, start: int) -> Iterator[bytes]:
    """Yield the lines after a position, nearest first."""
    left, ceiling = start + 1, start + AFTER
    while left < min(len(buffer), ceiling):
        right = buffer.find(b"\n", left, ceiling)
        right = right if right >= 0 else min(len(buffer), ceiling)
        yield buffer[left:right]
        left = right + 1


class _Surroundings:
    """The lines around one line of a log, which are read when they are asked for.

    They are read for a limited number of lines: a log may have any number of lines that look like a message
    and are none.
    """

    __slots__ = ("_above", "_before", "_context", "_following", "_found", "_texts")

    def __init__(
        self,
        texts: Sequence[tuple[str, str | None]],
        context: Callable[[], Iterator[bytes]],
        following: Callable[[], Iterator[bytes]],
        found: _Found,
    ) -> None:
        self._texts, self._context, self._following, self._found = texts, context, following, found
        self._before: list[str] | None = None
        self._above: list[str] | None = None

    def _may_look(self) -> bool:
        self._found.looks -= 1
        return self._found.looks >= 0

    def read_before(self, number: int) -> list[str]:
        if self._before is None:
            self._before = _read_context(self._context) if self._may_look() else []
        return [*self._before, *(text for text, _ in self._texts[:number])]

    def read_above(self, number: int) -> list[str]:
        if self._above is None:
            self._above = _read_context(self._context, whole=True) if self._may_look() else []
        return [*self._above, *(text for text, _ in self._texts[:number])]

    def iter_after(self, number: int) -> Iterator[str]:
        yield from (text for text, _ in self._texts[number + 1 :])
        if self._may_look():
            yield from (text for raw in self._following() for text, _ in clean_line(raw))

    def make_around(self, number: int) -> Around:
        return Around(
            lambda: _cut_at_head(self.read_before(number)),
            lambda: list(islice(self.iter_after(number), _MOST_AFTER)),
            lambda: self.read_above(number),
        )


def _read_line(
    line: bytes,
    context: Callable[[], Iterator[bytes]],
    following: Callable[[], Iterator[bytes]],
    found: _Found,
) -> None:
    texts = list(clean_line(line))
    lines = _Surroundings(texts, context, following, found)
    for number, (text, build) in enumerate(texts):
        if match := IGNORED.search(text):
            found.ignored.add(match["soname"])
        if (match := BUILDER.search(text)) and (package := parse_drv(match["drv"])):
            found.packages[package] = None
        if package := _parse_installer(text):
            found.packages[package] = None
        if not _is_new(text, found.parts):
            continue
        _keep([text], found)
        if text.lstrip().startswith(TRACEBACKS[0]):
            _keep(_read_raised(lines.iter_after(number)), found)
        around = lines.make_around(number)
        for symptom in parse_line(text, around):
            if symptom.kind in BUILD_KINDS and not found.packages:
                found.packages |= dict.fromkeys(_find_installer(around))
            before = lines.read_before(number)
            _add(locate_symptom(symptom, _cut_at_head(before)), text, before, found)
            if build and (package := parse_store_path(build, prefixed=False)):
                found.packages[package] = None


def _parse_installer(text: str) -> Package | None:
    """Find the distribution that pip or uv say they build."""
    if match := INSTALLER.search(text):
        name = normalize(match["name"] or match["pip"])
        return Package(name=name, version=match["version"], installer=True)
    return None


def _find_installer(around: Around) -> Iterator[Package]:
    """Find which distribution is built, in lines around that logs are not searched for."""
    before = tuple(reversed(around.above()))
    for line in (*around.after(), *before):
        if package := _parse_installer(line):
            yield package
            return
    for line in before:
        if match := COLLECTED.search(line):
            yield Package(name=normalize(match["name"]), version=match["version"], installer=True)
            return
    for line in (*around.after(), *before):
        if match := BUILT.search(line):
            name = match["name"] or match["pip"] or match["meson"] or match["uv"] or match["poetry"]
            version = match["version"] or match["number"] or match["release"]
            yield Package(name=normalize(name), version=version, installer=not match["name"])
            return


def _read_context(context: Callable[[], Iterator[bytes]], *, whole: bool = False) -> list[str]:
    lines: list[str] = []
    for raw in context():
        texts = [text for text, _ in clean_line(raw)]
        lines[:0] = texts
        if not whole and any(text.lstrip().startswith(TRACEBACKS) for text in texts):
            break
    return lines


def _cut_at_head(lines: list[str]) -> list[str]:
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].lstrip().startswith(TRACEBACKS):
            return lines[number:]
    return lines


def _add(symptom: Symptom, text: str, before: list[str], found: _Found) -> None:
    key = (symptom.kind, symptom.soname, symptom.version, symptom.symbol, symptom.names)
    known = found.symptoms.get(key)
    if known is None or (known.wanted_by is None and symptom.wanted_by is not None):
        found.symptoms[key] = symptom
    for line in before:
        if (match := FRAME.search(line)) and match["path"] and len(found.paths) < MAX_WORDS:
            found.paths[match["path"]] = None
    for line in (*before, text):
        if (match := INTERPRETER.search(line)) and len(found.paths) < MAX_WORDS:
            found.paths[match["path"]] = None
    # what builds ask for has names like packages: openssl is no pyopenssl
    if symptom.kind not in BUILD_KINDS and len(found.words) < MAX_WORDS:
        found.words |= dict.fromkeys(word for word in text.split()[:40] if len(word) < 40)


def _conclude(found: _Found) -> Account:
    named = {s.soname for s in found.symptoms.values() if s.kind is SymptomKind.NO_LOADER and s.wanted_by}
    built = {n.lower() for s in found.symptoms.values() if s.kind in BUILD_KINDS for n in s.names}
    symptoms = [
        s
        for s in found.symptoms.values()
        # a build script that looks for a library may load it, too
        if not (s.kind is SymptomKind.MISSING and not s.wanted_by and _find_stem(s.soname or "") in built)
        and not (s.kind is SymptomKind.UNSATISFIED and s.soname in found.ignored)
        and not (s.kind is SymptomKind.NO_LOADER and not s.wanted_by and named)
    ]
    return Account(
        symptoms=tuple(symptoms),
        # pip builds within builds of Nix, too: those are named by their derivations.
        packages=tuple(sorted(found.packages, key=lambda package: package.installer)),
        paths=tuple(found.paths),
        words=tuple(found.words),
        lines=tuple(found.lines),
        frames=tuple(found.frames),
        left_out=found.left_out,
    )


def _find_stem(soname: str) -> str:
    """Find the name of a library as builds have it: ``hdf5`` for ``libhdf5.so``."""
    return soname.partition(".so")[0].removeprefix("lib").lower()


# Cleaning of one line

# ECMA-48 control sequences, and the operating system commands terminals take for links and titles.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
_QUOTE = re.compile(r"(?:\s*[>|](?=\s|$)\s?)+")
_BUILD = re.compile(r"([A-Za-z0-9][\w.+-]*)> ")
_BREAKS = re.compile(r"\r\n?|\n|\\r\\n|\\n|\\\\n|<br ?/?>")
_TAGS = re.compile(r"</?(?:code|div|p|pre|samp|span|td)(?: [^<>]{0,200})?>")
_UNICODE = re.compile(r"(?:\\u[\da-fA-F]{4})+")
_ENTITY = re.compile(r"&(?:#\d+|#x[\da-fA-F]+|quot|lt|gt|amp|apos);")
_INTERNAL_JSON = "@nix {"
_MAX_TEXTS = 64


def clean_line(raw: bytes) -> Iterator[tuple[str, str | None]]:
    r"""Clean one line of a log.

    Terminal colours, quoting (``> ``), the prefix nix puts before the lines of a build (``numba> ``), HTML
    entities and tags, and the JSON of ``nix --log-format internal-json`` are removed. A line with written-out
    line breaks (``\n`` in a JSON log, ``<br>``) becomes several. Words of other languages become English.

    Args:
        raw: the line without its line break.

    Yields:
        Text, and the name of the build that printed it, if a prefix has it.

    Example:
        >>> list(clean_line(b"       > numba> \x1b[31merror:\x1b[0m x"))
        [('error: x', 'numba')]
    """
    text = raw.decode("utf-8", "replace").lstrip("\ufeff").rstrip("\r\n")
    texts = list(_unpack_json(text)) if text.lstrip().startswith(_INTERNAL_JSON) else [text]
    for found in texts:
        for part in _BREAKS.split(found):
            # Quotes inside a string of JSON, as the line breaks above.
            yield _strip_decoration(_UNICODE.sub(_unescape, part).replace('\\"', '"'))


def _strip_decoration(text: str) -> tuple[str, str | None]:
    text = _ESCAPES.sub("", text)
    if "<" in text:
        text = _TAGS.sub("", text)
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
    build = None
    if match := _QUOTE.match(text):
        text = text[match.end() :]
    if match := _BUILD.match(text):
        build, text = match[1], text[match.end() :]
    return translate(text), build


def _unescape(match: re.Match[str]) -> str:
    try:
        # Two of them make one character beyond the sixteen bits that JSON's escapes have.
        return match[0].encode().decode("unicode-escape").encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return match[0]  # half a character


class _Event(Struct):
    """One line of nix's internal-json log format (``src/libutil/logging.cc``); not all fields are texts."""

    msg: str | None = None
    text: str | None = None
    fields: tuple[Any, ...] = ()


def _unpack_json(text: str) -> Iterator[str]:
    """Yield the texts of one event; a line that is not an event is a text itself."""
    try:
        event = decode_json(text.lstrip()[len(_INTERNAL_JSON) - 1 :], _Event)
    except ValueError:
        yield text
        return
    values = (event.msg, event.text, *event.fields)
    yield from (value for value in values[:_MAX_TEXTS] if isinstance(value, str))


# Parsing of a line, and of the lines before it

_REACH = 768
"""Number of characters before and after the words of a message that may belong to it."""
_EDGES = " \t'\"`‘’()[]{}"
_FOR_OTHERS = re.compile(r"/(?:site|dist)-packages/cffi/")
_SITE = re.compile(r"/(?:site|dist)-packages/|/archive-v\d+/[^/]+/")
_ALTERNATIVES = re.compile(r"any\((.*)\)")
_WINDOWS = re.compile(r"-\d+$")


_OF_LOADING = ("ImportError", "ModuleNotFoundError", "OSError")
"""Errors that Python raises itself for a loader's message."""


def parse_line(text: str, around: Around = NOTHING_AROUND) -> tuple[Symptom, ...]:
    """Find the problems that a line reports.

    Args:
        text: one line, cleaned by :func:`clean_line`.
        around: the lines around it.

    Returns:
        Symptoms in the order of the patterns; empty for other lines.
    """
    found: dict[Symptom, None] = {}
    for number in _make_phrases().find(text):
        wording = WORDINGS[number]
        phrase = wording.phrase
        at = text.find(phrase)
        while at >= 0:
            # Only a part: in a line of many thousand characters, an expression would be tried at each.
            part = text[max(0, at - _REACH) : at + _REACH] if len(text) > 2 * _REACH else text
            for match in wording.pattern.finditer(part):
                if wording.build:
                    found |= dict.fromkeys(wording.build(match, around))
                else:
                    found |= dict.fromkeys(_build(wording.kind, match, part))
            at = text.find(phrase, at + _REACH) if part is not text else -1
    if not found:
        found |= dict.fromkeys(_parse_printed_json(text))
    if not found and (truncated := TRUNCATED.search(text)):
        found[Symptom(kind=SymptomKind.MISSING, soname=truncated["soname"].rstrip("."))] = None
    if any(one.kind is not SymptomKind.NO_PROGRAM for one in found):
        return tuple(one for one in found if one.kind is not SymptomKind.NO_PROGRAM)
    return tuple(found)


def locate_symptom(symptom: Symptom, before: Sequence[str]) -> Symptom:
    """Add the information of the lines before a message: the file that needs the library, module, frame.

    Args:
        symptom: from :func:`parse_line`.
        before: the cleaned lines before it, nearest last, from the nearest traceback's head on.
    """
    if symptom.kind in FRAMELESS:
        return symptom
    if symptom.kind is SymptomKind.UNSATISFIED and symptom.wanted_by is None:
        return replace(symptom, wanted_by=_find_last(SEARCHING, before))
    if symptom.kind is SymptomKind.MISSING and symptom.wanted_by is None and symptom.module is None:
        head = _find_last(LDD_HEAD, before)
        if head and not any(FRAME.search(line) for line in before):
            return replace(symptom, wanted_by=head)
    module, number = find_import(before)
    if number is None:
        return replace(symptom, module=module)
    frame = FRAME.search(before[number])
    assert frame is not None
    statement = before[number + 1] if number + 1 < len(before) else ""
    call = symptom.call
    if symptom.unsure and symptom.soname in re.split(r"['\"]", statement):
        call = OpeningKind.CFFI if "ffi" in statement else OpeningKind.CTYPES
    return replace(
        symptom,
        module=module,
        frame=frame["path"] or frame["pytest"],
        line=int(frame["line"] or frame["number"] or frame["row"]),
        call=call,
        unsure=symptom.unsure and call is None,
    )


def find_import(lines: Sequence[str]) -> tuple[str | None, int | None]:
    """Find which module a traceback was importing, and the last of its frames below site-packages.

    Frames of cffi, which opens libraries for others, do not count.

    Args:
        lines: a traceback, outermost call first.

    Returns:
        Top-level module that another package imported, or None if a package imported a part of itself; and
        the index of the line that names the file.
    """
    module: str | None = None
    for number in range(len(lines) - 1, -1, -1):
        match = FRAME.search(lines[number])
        if match is None:
            continue
        path = match["path"] or match["pytest"]
        statement = IMPORT.match(lines[number + 1]) if number + 1 < len(lines) else None
        if statement and module is None:
            module = _find_foreign((statement["origin"] or statement["name"]), path)
        if _SITE.search(path) and not _FOR_OTHERS.search(path):
            return module, number
    return module, None


def _find_foreign(name: str, path: str) -> str | None:
    top = name.partition(".")[0]
    site = _SITE.search(path)
    own = re.split(r"[/.]", path[site.end() :], maxsplit=1)[0] if site else ""
    return None if not top or top == own or top in sys.stdlib_module_names else top


def _build(kind: SymptomKind, match: re.Match[str], text: str) -> Iterator[Symptom]:
    groups = match.groupdict()
    soname = "libxcb-cursor.so.0" if groups.get("xcb") else groups.get("soname")
    if kind is SymptomKind.NAMED:
        yield from _name_library(groups.get("name") or groups["title"].lower())
        return
    head = text[: match.start("soname") if groups.get("soname") else match.start()]
    wanted_by = _trim(groups.get("by") or _find_wanting(head) or "") or None
    for one in _split(soname) if soname else (None,):
        trimmed = _trim(one) if one else None
        if trimmed and kind is SymptomKind.MISSING and ".so" not in trimmed:
            yield from _name_library(trimmed)
            continue
        if soname and not trimmed:
            continue
        opened = OPENING.search(head)
        by_cffi = opened is not None and opened["name"] == trimmed
        of_card = kind is SymptomKind.MISSING and trimmed and DRIVER_FILE.search(trimmed)
        yield Symptom(
            kind=SymptomKind.DRIVER_FILE if of_card else kind,
            soname=trimmed,
            wanted_by=wanted_by,
            version=groups.get("version"),
            symbol=groups.get("symbol"),
            call=OpeningKind.CFFI if by_cffi else None,
            # An import raises ImportError, whatever the loader lacks.
            unsure=kind is SymptomKind.MISSING and head.endswith("OSError: "),
            by_caller=any(not error.endswith(_OF_LOADING) for error in RAISED.findall(head)),
            names=tuple(re.findall(r"[^\s,]+", groups.get("names") or "")),
        )


def _find_wanting(head: str) -> str | None:
    """Find the file that needs a library, by the text before the message."""
    if head.endswith(LOADING):
        # No regular expression, which would be tried at each character before each message of a long line.
        body = head.removesuffix(LOADING)
        return body[max(body.rfind(":"), body.rfind("\n")) + 1 :].lstrip(_EDGES) or None
    if not head.endswith((": ", "(")):
        return None
    before = WANTING.search(head.rstrip("(") + "(" * head.endswith("("))
    return next((w for w in before.groups() if w), None) if before else None


def _name_library(name: str) -> Iterator[Symptom]:
    """Convert a name of ``find_library``: ``gobject-2.0-0`` is Windows' name of ``libgobject-2.0.so``.

    cffi looks for file names in this way, too; those of other systems are left out.
    """
    if re.search(r"\.so(?:\.\d|$)", name):
        yield Symptom(kind=SymptomKind.MISSING, soname=name, call=OpeningKind.CFFI)
    elif re.fullmatch(r"[A-Za-z][\w.+-]*", name) and not name.endswith((".dll", ".dylib")):
        soname = f"lib{_WINDOWS.sub('', name.removeprefix('lib'))}.so"
        yield Symptom(kind=SymptomKind.NAMED, soname=soname, call=OpeningKind.FIND_LIBRARY)


def _split(soname: str) -> tuple[str, ...]:
    """Split alternatives, ``any(a, b)`` of auto-patchelf or ``{a, b}`` of cuDNN: one of them is enough."""
    inside = _ALTERNATIVES.fullmatch(soname)
    names = [n.strip() for n in (inside[1] if inside else soname).split(",") if n.strip()]
    if len(names) < 2 or soname.startswith("/"):
        return (names[0],) if names else ()
    majors = [n for n in names if re.fullmatch(r"[^.]+(?:\.[^.\d][^.]*)*\.so\.\d+", n)]
    return ((majors or names)[0],)


class _Dependency(Struct):
    """A library that auto-patchelf searched for: by one name, or by any of several."""

    file: str
    name: str | Annotated[tuple[str, ...], Meta(min_length=1)]
    found: bool = True


class _Printed(Struct, rename="pascal"):
    """The output of ``auto-patchelf --structured-logs``: one event a line, by its name."""

    dependency: _Dependency


def _parse_printed_json(text: str) -> Iterator[Symptom]:
    start = PRINTED_JSON.search(text)
    if start is None:
        return
    try:
        # `decode_json` requires the end of the text after the JSON, and a log may continue.
        value, _ = json.JSONDecoder().raw_decode(text, start.start())
        event = convert(value, _Printed).dependency
    except (ValueError, RecursionError):
        return
    if not event.found:
        names = (event.name,) if isinstance(event.name, str) else event.name
        for soname in _split(names[0] if len(names) == 1 else f"any({', '.join(names)})"):
            yield Symptom(kind=SymptomKind.UNSATISFIED, soname=soname, wanted_by=event.file)


def _find_last(pattern: re.Pattern[str], lines: Sequence[str]) -> str | None:
    for line in reversed(lines):
        if match := pattern.search(line):
            return _trim(match["by"])
    return None


def _trim(text: str) -> str:
    """Remove quotes, brackets, and text before a path (``ImportError: ``)."""
    text = text.strip(_EDGES)
    return text.rpartition(": ")[2].strip(_EDGES) if not text.startswith("/") else text
