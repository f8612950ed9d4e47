"""Finds how a literal in a Python source can be replaced, so that the source opens a library by its path.

An edit replaces text that is in the file once, on one line, by the same text with another literal. It counts
as proved if the edited source, analysed again, opens the new path, and still opens everything else.
"""

from __future__ import annotations

import ast
import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from io import BytesIO
from tokenize import detect_encoding
from typing import Final

from wheelfix.model.base import Struct
from wheelfix.model.hints import OpeningKind, SourceEdit
from wheelfix.pysource.program import parse_source
from wheelfix.pysource.values import Place

Opened = tuple[OpeningKind, str]
"""What one call opens: how, and by which name."""

_PROOF: Final = "/nix/store/00000000000000000000000000000000-proof/lib/libproof{}.so.1"
BY_PATH: Final = frozenset({OpeningKind.CTYPES, OpeningKind.CFFI})
"""Kinds that take an absolute path."""
_MAX_EDITS: Final = 256
_MAX_STATEMENTS: Final = 100
_LOADING: Final = re.compile(rb"\b_?(?:ctypes|cffi)")


class Spot(Struct):
    """An expression that stands for one name, and may be replaced by the literal of a path.

    Attributes:
        place: of the expression.
        text: what it evaluates to now, if it is a literal; empty for a call.
        opened: what it opens now.
    """

    place: Place
    text: str
    opened: Opened


def find_edits(
    source: bytes,
    spots: Sequence[Spot | None],
    opened: Iterable[Opened],
    analyse: Callable[[bytes], Set[Opened]],
) -> tuple[SourceEdit | None, ...]:
    """Find the edits of a source that are proved.

    Args:
        source: the file.
        spots: what may be replaced.
        opened: everything that the source opens now.
        analyse: finds what an edited source opens.

    Returns:
        One for each spot; None where none is proved.
    """
    lines = _split_lines(source) if any(spots) else []
    planned: dict[Place, SourceEdit] = {}
    for spot in spots:
        if spot and spot.place not in planned and len(planned) < _MAX_EDITS:
            edit = _plan(source, lines, spot)
            if edit and not any(_overlap(source, edit, other) for other in planned.values()):
                planned[spot.place] = edit
    proved = _prove(source, planned, [s for s in spots if s], set(opened), analyse) if planned else {}
    return tuple(proved.get(spot.place) if spot else None for spot in spots)


def find_anchor(source: bytes, before: int) -> str:
    """Find an import before which, on its line, other code can be put that runs before any call.

    Args:
        source: the file.
        before: line of the first call.

    Returns:
        The import; one that is in the file once, above the call, and not below an import of ctypes or cffi,
        whose functions it may take. Empty if there is none.
    """
    tree = parse_source(source)
    lines = _split_lines(source)
    for node in tree.body[:_MAX_STATEMENTS] if tree else ():
        if node.lineno >= before:
            break
        if not isinstance(node, ast.Import | ast.ImportFrom) or node.col_offset:
            if any(map(_LOADING.search, lines[node.lineno - 1 : node.end_lineno])):
                break
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        line = lines[node.lineno - 1]
        text = line[: node.end_col_offset]
        alone = node.lineno == node.end_lineno and source.count(text) == 1 and text.isascii()
        if alone and text.decode().isprintable():
            return text.decode()
        if _LOADING.search(line):
            break
    return ""


def apply_edit(source: bytes, edit: SourceEdit, path: str) -> bytes:
    """Make one replacement, as ``substituteInPlace --replace-fail`` does it.

    Args:
        source: the file.
        edit: the replacement.
        path: absolute path of the library.

    Raises:
        LookupError: the text that is replaced is not in the file.
    """
    old = edit.old.encode()
    if old not in source:
        raise LookupError(edit.old)
    return source.replace(old, f"{edit.before}{path}{edit.after}".encode())


def _plan(source: bytes, lines: Sequence[bytes], spot: Spot) -> SourceEdit | None:
    first, start, last, end = spot.place
    if first != last or first > len(lines) or not _has_columns(source, lines[first - 1][:end]):
        return None
    line = lines[first - 1]
    segment = line[start:end]
    # The quotes of the source: what replaces them in a shell or in Nix is then easy to read.
    quote = mark = b"'" if b"'" in segment else b'"'
    if spot.text:
        try:
            value = ast.literal_eval(segment.decode())
        except (ValueError, SyntaxError, UnicodeDecodeError):
            return None
        if value not in (spot.text, spot.text.encode()):
            return None
        mark = segment[-1:]
        quote = b"b" + mark if isinstance(value, bytes) else mark
    stripped = line.strip()
    offset = line.index(stripped) if stripped else 0
    for old, at in ((segment, 0), (stripped, start - offset)):
        if old and source.count(old) == 1 and old.isascii() and old.decode().isprintable():
            return SourceEdit(
                old=old.decode(),
                before=(old[:at] + quote).decode(),
                after=(mark + old[at + len(segment) :]).decode(),
            )
    return None


def _has_columns(source: bytes, line: bytes) -> bool:
    """Whether columns in the start of a line, which count bytes of UTF-8, are those of the file."""
    if line.isascii():
        return True
    try:
        encoding, _ = detect_encoding(BytesIO(source).readline)
    except SyntaxError:  # it takes lines that end in \r for one
        return False
    return encoding == "utf-8" or (encoding == "utf-8-sig" and not line.startswith(BOM_UTF8))


def _split_lines(source: bytes) -> list[bytes]:
    # ast counts lines as the tokenizer does: by \n, \r\n and \r, and by no other separator.
    return source.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")


def _overlap(source: bytes, one: SourceEdit, other: SourceEdit) -> bool:
    a, b = source.index(one.old.encode()), source.index(other.old.encode())
    return a < b + len(other.old) and b < a + len(one.old)


def _prove(
    source: bytes,
    planned: Mapping[Place, SourceEdit],
    spots: Sequence[Spot],
    opened: Set[Opened],
    analyse: Callable[[bytes], Set[Opened]],
) -> Mapping[Place, SourceEdit]:
    """Return the planned edits by which the source opens their paths, made together."""
    edited = source
    for number, edit in enumerate(planned.values()):
        edited = apply_edit(edited, edit, _PROOF.format(number))
    found = analyse(edited)
    replaced = {spot.opened for spot in spots if spot.place in planned}
    if not found >= set(opened) - replaced:
        return {}
    return {
        place: edit
        for number, (place, edit) in enumerate(planned.items())
        if any((kind, _PROOF.format(number)) in found for kind in BY_PATH)
    }
