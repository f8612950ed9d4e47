"""The errors wheelfix raises on purpose, and the exit code each one ends with.

::

    WheelfixError          3
    ├── InputError         3   the thing to read is missing, broken or hostile
    │   ├── WheelError     3   not a wheel, or a damaged one
    │   └── ElfError       3   an ELF file that contradicts itself
    ├── IndexProblem       4   no usable index, or a corrupt one
    └── ApplyError         5   the result could not be written
        └── EditRefused    5   an ELF file that cannot be changed exactly as asked

Every error has a ``subject`` (what it is about), a ``problem`` (what is wrong) and a ``hint``
(what to do). The command line prints the first two on one line and the hint on a second one.
"Not found" and "ambiguous" are values, never exceptions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit


class WheelfixError(Exception):
    """Base class.

    Args:
        subject: the file, member or argument in question.
        problem: what is wrong with it, in one clause.
        hint: what the user can do about it, in the imperative.
    """

    exit_code = 3

    def __init__(self, subject: str, problem: str, hint: str = "") -> None:
        super().__init__(f"{subject}: {problem}")
        self.subject = subject
        self.problem = problem
        self.hint = hint

    def __reduce__(self) -> tuple[type[WheelfixError], tuple[str, str, str]]:
        """Pickle all three texts, so that an error from another process arrives complete."""
        return type(self), (self.subject, self.problem, self.hint)


class InputError(WheelfixError):
    """The input is missing, unreadable, broken or hostile."""


class WheelError(InputError):
    """Not a wheel, or a damaged one."""


class ElfError(InputError):
    """An ELF file that contradicts itself."""


class IndexProblem(WheelfixError):  # noqa: N818 - IndexError is a builtin, this reads better
    """No usable index, or a corrupt one."""

    exit_code = 4


class ApplyError(WheelfixError):
    """The result could not be written."""

    exit_code = 5


class EditRefused(ApplyError):  # noqa: N818 - says what happened
    """An ELF file cannot be changed exactly as asked; it is as it was."""


_SUGGESTED = 3


def suggest(wrong: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """Write the hint for a name that matches nothing.

    Args:
        wrong: the name, or a glob, in the spelling of ``known``.
        known: all existing names, in any order; of a mapping, the keys, and what to write for each.
        otherwise: the hint if none of them is near.
    """
    from wheelfix.near import find_near

    written = known if isinstance(known, Mapping) else {name: name for name in known}
    bare = wrong.rstrip("*")
    if bare != wrong:  # names that begin nearly so
        written = {name[: len(bare)]: text for name, text in sorted(written.items(), reverse=True)}
    near = dict.fromkeys(written[name] for name in find_near(bare, written, count=_SUGGESTED))
    return f"write {' or '.join(near)}" if near else otherwise


_LOGIN = re.compile(r"(?<=://)[^/?#\s]*@")
_TOKEN = re.compile(r"/t/[^/\s]+(?=/)")


def strip_login(text: str) -> str:
    """Remove user and password from a URL, or from all URLs in a text, for use in a message.

    Example:
        >>> strip_login("https://me:secret@host.example/x")
        'https://host.example/x'
    """
    return _LOGIN.sub("", text)


def strip_token(text: str) -> str:
    """Remove user, password and token from the address of a channel of conda, or of a package in one.

    Example:
        >>> strip_token("https://me:secret@host.example/t/tk-1234/private/noarch/x-1-0.conda")
        'https://host.example/private/noarch/x-1-0.conda'
    """
    return _TOKEN.sub("", strip_login(text))


def find_host(url: str) -> str:
    """The host of a URL, without path, user and password."""
    try:
        return urlsplit(url).hostname or "its URL"
    except ValueError:
        return "its URL"


def describe(error: OSError | ValueError | RuntimeError) -> str:
    """Write the system's error about a file or a connection as a clause inside a message.

    Example:
        >>> describe(FileNotFoundError(2, "No such file or directory"))
        'no such file or directory'
    """
    return (getattr(error, "strerror", None) or str(error)).lower()
