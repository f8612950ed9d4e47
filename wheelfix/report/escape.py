"""Foreign text on its way to a terminal."""

from __future__ import annotations

import sys


def printable(text: str) -> str:
    r"""Replace everything a terminal could act on by a visible escape.

    Control characters, line and paragraph separators, and the invisible marks that reorder text come out as
    ``\x1b``, ``\n``, ``\u202e``; names in wheels are chosen by strangers.

    Example:
        >>> printable("lib\x1b[31mred.so")
        'lib\\x1b[31mred.so'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def print_error(subject: str, problem: str, hint: str) -> None:
    """Print an error as one line, and its remedy as a second one, on stderr."""
    print(f"wheelfix: {printable(subject)}: {printable(problem)}", file=sys.stderr)
    if hint:
        print(f"hint: {printable(hint)}", file=sys.stderr)
