"""Messages that programs print in the language of the user, in English again."""

from __future__ import annotations

import re
from functools import cache

from wheelfix.explain.searcher import Replacer
from wheelfix.model.tables import Table, load_table


class Languages(Table):
    """Words in several languages.

    Attributes:
        messages: words in English, as wordings search for them, and what catalogues of messages have instead.
    """

    FILE = "languages.toml"

    messages: dict[str, tuple[str, ...]]


# French puts a space before colons, and Chinese has wide ones; wordings search for plain ones.
_COLON = re.compile(r"\u00a0: ?|\uff1a")
_ENOUGH = 24
"""Bytes of a message by which a line is told from most others; a searcher's size grows with them."""


def list_searched() -> list[bytes]:
    """List beginnings of what lines of other languages have, as they are and as JSON writes them."""
    others = [other for others in load_table(Languages).messages.values() for other in others]
    return [form[:_ENOUGH] for other in others for form in (other.encode(), _escape(other).encode())]


def _escape(text: str) -> str:
    return "".join(character if character.isascii() else f"\\u{ord(character):04x}" for character in text)


@cache
def _make_replacer() -> Replacer:
    return Replacer(
        {other: english for english, others in load_table(Languages).messages.items() for other in others}
    )


def translate(text: str) -> str:
    """Put English words in place of those of other languages that messages are known by.

    Example:
        >>> translate("bash: pg_config: Kommando nicht gefunden.")
        'bash: pg_config: command not found'
    """
    english = _make_replacer().replace(text)
    return text if english == text else _COLON.sub(": ", english)
