"""Lines as they were before a terminal, a log, a mail or an issue tracker dressed them up."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator

# ECMA-48 control sequences, and the operating system commands terminals take for links and titles.
_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]")
_QUOTE = re.compile(r"(?:\s*[>|](?=\s|$)\s?)+")
_BUILD = re.compile(r"([A-Za-z0-9][\w.+-]*)> ")
_BREAKS = re.compile(r"\r\n?|\n|\\r\\n|\\n|\\\\n")
_ENTITY = re.compile(r"&(?:#\d+|#x[\da-fA-F]+|quot|lt|gt|amp|apos);")
_INTERNAL_JSON = "@nix {"
_MAX_TEXTS = 64


def clean_line(raw: bytes) -> Iterator[tuple[str, str | None]]:
    r"""Undress one line of a log.

    Terminal colours, quoting (``> ``), the prefix nix puts before the lines of a build (``numba> ``), HTML
    entities and the JSON of ``nix --log-format internal-json`` are taken off. A line that holds written-out
    line breaks (``\n`` in a JSON log) becomes several.

    Args:
        raw: the line, without its end.

    Yields:
        Text, and the name of the build that printed it, if a prefix says so.

    Example:
        >>> list(clean_line(b"       > numba> \x1b[31merror:\x1b[0m x"))
        [('error: x', 'numba')]
    """
    text = raw.decode("utf-8", "replace").lstrip("\ufeff").rstrip("\r\n")
    texts = list(_unpack_json(text)) if text.lstrip().startswith(_INTERNAL_JSON) else [text]
    for found in texts:
        for part in _BREAKS.split(found):
            yield _undress(part)


def _undress(text: str) -> tuple[str, str | None]:
    text = _ESCAPES.sub("", text)
    if "&" in text and _ENTITY.search(text):
        text = html.unescape(text)
    build = None
    if match := _QUOTE.match(text):
        text = text[match.end() :]
    if match := _BUILD.match(text):
        build, text = match[1], text[match.end() :]
    return text, build


def _unpack_json(text: str) -> Iterator[str]:
    """The texts of one line of nix's internal-json log format (``src/libutil/logging.cc``)."""
    try:
        event = json.loads(text.lstrip()[len(_INTERNAL_JSON) - 1 :])
    except (ValueError, RecursionError):
        yield text
        return
    if not isinstance(event, dict):
        return
    fields = event.get("fields")
    values = [event.get("msg"), event.get("text"), *(fields if isinstance(fields, list) else [])]
    yield from (value for value in values[:_MAX_TEXTS] if isinstance(value, str))
