"""Openings in words, for whoever reads them: nothing is concluded from a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.model.hints import DlopenNote, OpeningKind, SourceCall
from wheelfix.model.scan import Opening

_INDEXED = frozenset({"ctypes.cdll", "ctypes.pydll"})


def say_opening(opening: Opening, name: str) -> str:
    """Say in one clause how a file opens a library or runs a program; it does not say which file.

    Args:
        opening: the opening.
        name: one of its names.
    """
    if opening.note:
        return _say_note(opening.note, name)
    if opening.call:
        return say_call(opening.call, name)
    if opening.kind is OpeningKind.STRING:
        return f'string "{name}" in a file that uses dlopen'
    where = f", line {opening.line}" if opening.line else ""
    return f'{opening.kind.value}, "{name}"{where}'


def say_openings(openings: Sequence[Opening], name: str) -> str:
    """Say how the first of some openings comes to a name, and how many more files come to it.

    Args:
        openings: at least one; all have the name.
        name: which.
    """
    said = say_opening(openings[0], name)
    more = len({opening.file for opening in openings}) - 1
    return f"{said}; {more} more {'file' if more == 1 else 'files'} name it" if more else said


def say_call(call: SourceCall, name: str) -> str:
    """Say in one clause how a Python source opens a library or runs a program.

    Args:
        call: the call.
        name: one of its names.
    """
    called = next((c for c in call.names if c.name == name), call.names[0])
    if call.kind is OpeningKind.PROGRAM:
        return f'{call.function}("{called.name}"), line {call.line}'
    shown = f'"{called.text}"' if called.inside else call.variable or "…"
    shown = f"[{shown}]" if call.function in _INDEXED else f"({shown})"
    where = f", line {call.line}"
    if not called.inside:
        where += f', with "{called.text}" of line {called.line}'
    return f"{call.function}{shown}{where}"


def _say_note(note: DlopenNote, name: str) -> str:
    words = f".note.dlopen, {note.priority}"
    if purpose := note.description or note.feature:
        words += f": {purpose}"
    rest = [other for other in note.sonames if other != name]
    return f"{words} (or {', '.join(rest)})" if rest else words
