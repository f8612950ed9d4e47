"""Quotes data for Nix by its lexical rules.

Names, versions, paths and comments come from wheel metadata, which anybody can write. An evaluation
must return them unchanged. The rules are those of the lexer (``src/libexpr/lexer.l``), the
same in Nix 2.8, 2.26 and 2.34. Strings are quoted as ``"…"``: the other form, ``''…''``, strips indentation.
"""

from __future__ import annotations

import re
import unicodedata

from wheelfix.errors import InputError

KEYWORDS = frozenset({"if", "then", "else", "assert", "with", "let", "in", "rec", "inherit", "or"})

_IDENTIFIER = re.compile(r"[a-zA-Z_][a-zA-Z0-9_'-]*")
_PATH = re.compile(r"(?:\.{1,2})?(?:/[a-zA-Z0-9._+-]+)+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "$": "\\$", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPED = re.compile(r'[\\"$\n\r\t]')
_UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a comment shows as U+FFFD: controls, bidirectional overrides, line separators."""


def is_identifier(name: str) -> bool:
    """Whether a name can be written without quotes."""
    return _IDENTIFIER.fullmatch(name) is not None and name not in KEYWORDS


def check_identifier(name: str) -> str:
    """Return a variable's name.

    Raises:
        InputError: it is not a variable's name; variables, unlike attributes, cannot be quoted.
    """
    if not is_identifier(name):
        raise InputError(repr(name), "is no name of a Nix variable", "use letters, digits, _ and -")
    return name


def escape(text: str) -> str:
    r"""Escape text for the inside of a ``"…"`` string.

    Raises:
        InputError: it has a NUL, or a lone surrogate, which is not UTF-8.

    Example:
        >>> print(escape('x${builtins.abort "y"}'))
        x\${builtins.abort \"y\"}
    """
    if "\0" in text:
        raise InputError(repr(text), "has a NUL, which no Nix string can hold", "check where it comes from")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(repr(text), "is no UTF-8 text", "check where it comes from") from None
    return _ESCAPED.sub(lambda m: _ESCAPES[m[0]], text)


def quote(text: str) -> str:
    """Write a string.

    Raises:
        InputError: as for :func:`escape`.
    """
    return f'"{escape(text)}"'


def quote_name(name: str) -> str:
    """Write an attribute name: in quotes only if it needs them.

    Raises:
        InputError: as for :func:`escape`.

    Example:
        >>> [quote_name(n) for n in ("nvidia-cublas-cu12", "3to2", "ruamel.yaml", "with")]
        ['nvidia-cublas-cu12', '"3to2"', '"ruamel.yaml"', '"with"']
    """
    return name if is_identifier(name) else quote(name)


def check_path(text: str) -> str:
    """Return a path literal, ``./x``, ``../x`` or ``/x``.

    Raises:
        InputError: it is not a path that can be written without quotes.
    """
    if not _PATH.fullmatch(text):
        raise InputError(
            repr(text), "is no Nix path", "use ./NAME, with letters, digits, dot, dash, plus and underscore"
        )
    return text


def clean_comment(text: str) -> str:
    r"""Make text fit for a ``#`` comment: one line, without characters that change how an editor shows it.

    Example:
        >>> clean_comment("a\r\nb = 1; /* c */")
        'a b = 1; /* c */'
    """
    shown = text if text.isprintable() else "".join(map(_show, text))
    return " ".join(shown.split())


def _show(character: str) -> str:
    if character in "\t\n\r":
        return " "
    return "�" if unicodedata.category(character) in _UNSHOWN else character
