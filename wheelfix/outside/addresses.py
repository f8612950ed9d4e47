"""URLs as people may see them: without what is secret in them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_LOGIN = re.compile(r"(?<=://)[^/?#\s]*@")


def strip_login(text: str) -> str:
    """A URL, or a text with URLs, without user and password.

    Example:
        >>> strip_login("https://me:secret@host.example/x")
        'https://host.example/x'
    """
    return _LOGIN.sub("", text)


def find_host(url: str) -> str:
    """The host of a URL, without path, user and password."""
    try:
        return urlsplit(url).hostname or "its URL"
    except ValueError:
        return "its URL"
