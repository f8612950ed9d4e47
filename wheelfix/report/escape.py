"""Escapes foreign text before it is printed on a terminal."""

from __future__ import annotations

import re
import sys

_LOGIN = re.compile(
    r"(\b[a-zA-Z][\w+.-]*://)(?:[^\s/?#'\"]*@|[^\s/?#@:'\"\[]*:(?!\d*(?:[/?#'\"\s]|$))\S*@)", re.ASCII
)


def printable(text: str) -> str:
    r"""Replace everything that a terminal could interpret by a visible escape.

    Control characters, line and paragraph separators, and the invisible marks that reorder text come out as
    ``\x1b``, ``\n``, ``\u202e``. Names in wheels are untrusted input.

    Example:
        >>> printable("lib\x1b[31mred.so")
        'lib\\x1b[31mred.so'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def hide_passwords(text: str) -> str:
    """Replace user and password in every URL of a text.

    A malformed URL may have a slash in its password, so an invalid port is hidden as well.

    Example:
        >>> hide_passwords("https://me:secret@h.example/x: 404")
        'https://***@h.example/x: 404'
    """
    return _LOGIN.sub(r"\1***@", text)


def print_error(subject: str, problem: str, hint: str) -> None:
    """Print an error as one line, and its remedy as a second one, on stderr."""
    print(printable(hide_passwords(f"wheelfix: {subject}: {problem}")), file=sys.stderr)
    if hint:
        print(printable(hide_passwords(f"hint: {hint}")), file=sys.stderr)
