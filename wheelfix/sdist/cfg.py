"""Whether a dependency for some platforms is one for Linux: ``cfg(...)`` and target triples.

Grammar: the Rust reference, "Conditional compilation". What does not depend on the operating system (the
processor, flags of the compiler) is not known here, and a dependency that may be needed is taken to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_TOKEN = re.compile(r'\s*(?:([A-Za-z_]\w*)|"([^"]*)"|([(),=]))')
_MAX_LENGTH = 4000
_KNOWN = {"unix": True, "windows": False, "test": False}
_VALUES = {
    "target_os": {"linux"},
    "target_family": {"unix"},
    "target_vendor": {"unknown"},
    "target_env": {"gnu", "musl"},
}


def is_for_linux(target: str) -> bool:
    """Whether a dependency under ``[target.<target>]`` may be needed on Linux.

    Example:
        >>> is_for_linux('cfg(not(windows))'), is_for_linux('cfg(target_os = "macos")')
        (True, False)
    """
    text = target.strip()
    if not text:
        return True
    if not text.startswith("cfg("):
        return "-linux" in text
    if len(text) > _MAX_LENGTH:
        return True
    try:
        return _evaluate(_tokenize(text[len("cfg") :])) is not False
    except (StopIteration, ValueError, RecursionError):
        return True


def _tokenize(text: str) -> Iterator[str]:
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(text)
        yield match[1] or match[3] or f'"{match[2]}'
        position = match.end()


def _evaluate(tokens: Iterator[str]) -> bool | None:
    """The value of ``( predicate )``; None where it is not known."""
    if next(tokens) != "(":
        raise ValueError
    (value,) = _evaluate_all(tokens)
    return value


def _evaluate_all(tokens: Iterator[str]) -> list[bool | None]:
    """Predicates up to the closing parenthesis."""
    values: list[bool | None] = []
    name = ""
    for word in tokens:
        if word == ")":
            return values + ([_KNOWN.get(name)] if name else [])
        if word == ",":
            values += [_KNOWN.get(name)] if name else []
            name = ""
        elif word == "=":
            value = next(tokens).removeprefix('"')
            values.append(value in _VALUES[name] if name in _VALUES else None)
            name = ""
        elif word == "(":
            values.append(_combine(name, _evaluate_all(tokens)))
            name = ""
        else:
            name = word
    raise ValueError


def _combine(name: str, values: list[bool | None]) -> bool | None:
    if name == "not" and len(values) == 1:
        return None if values[0] is None else not values[0]
    if name == "any":
        return True if True in values else None if None in values else False
    if name == "all":
        return False if False in values else None if None in values else True
    return None
