"""Chooses the version of CPython that a command is for, where the user names none.

What names one version decides, in this order: the environment, ``.python-version`` as pyenv and uv write it.
Else what names a range does: the lock, then ``requires-python`` of the pyproject.toml. Of a range, 3.12 is
taken if it is in it, as most wheels are built for it, else the version of the range that is nearest to 3.12.
A file beside a lock that names what the lock does not allow is told and ignored, as no tool could install it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.lockfile.read import read_project
from wheelfix.model.base import Struct
from wheelfix.model.python import parse_python
from wheelfix.model.scan import Finding, Level
from wheelfix.wheel.environment import find_site
from wheelfix.wheel.metadata import DEFAULT_PYTHON, list_minors
from wheelfix.wheel.tree import read_regular

NEWEST_PYTHON = 16
"""Minor version of the newest Python 3 that wheels are built for, or will be soon."""
_FIRST_THREADS = 13
_FILES = (".python-version", ".python-versions")
_MAX = 64 << 10
_SHOWN = 60
_PYPY = range(9, 12)
"""Minor versions of Python 3 that PyPy has wheels for."""
_HINT = "name a version such as 3.12, 3.14t or pypy3.11"
_WRITTEN = re.compile(
    r"(?:(?:cpython|python)[-@]?|cp|(pypy[-@]?|pp))?3(?:\.(\d{1,3})|(\d{2}))(\.\d{1,3})?"
    r"(?:(?:a|b|rc)\d{1,3})?(t|\+freethreaded)?(?:[-/].*)?"
)
"""``3.12``, ``3.12.4``, ``3.13t``, ``cpython-3.12.4-linux-x86_64-gnu``, ``python3.12``, ``cp312``,
``pypy3.11``, ``pypy3.11-7.3.19``, ``pypy@3.11``, ``pp311``: as pyenv, uv, and tags of wheels write it."""
_SITE = re.compile(r"(?:python)?((?:pypy)?3\.\d{1,3}t?)")
_DEFAULT_MINOR = int(DEFAULT_PYTHON.partition(".")[2])


class ChosenPython(Struct):
    """An interpreter, and why it was chosen.

    Attributes:
        version: ``3.12``, ``3.14t``, ``pypy3.11``.
        findings: files that were ignored, and a note if the version was found and is not the default.
    """

    version: str
    findings: tuple[Finding, ...] = ()


class _Range(Struct):
    """A range of versions that a file allows.

    Attributes:
        minors: of Python 3, ascending.
        text: as it is written.
        file: name of the file.
    """

    minors: tuple[int, ...]
    text: str
    file: str


def check_python(text: str, subject: str) -> str:
    """Return the interpreter that a text names, as answers write it; with a patch release if it names one.

    Args:
        text: ``3.12``, ``3.12.8``, ``3.14t``, ``cp314t``, ``pypy3.11``, ``pp311``.
        subject: what named it, for messages.

    Raises:
        InputError: it is no version of CPython or PyPy, or not an existing one.
    """
    match = _WRITTEN.fullmatch(text)
    if match is None or (match[1] and match[5]):
        raise InputError(subject, "is no version of Python 3", _HINT)
    minor, threads = int(match[2] or match[3]), "t" if match[5] else ""
    if match[1]:
        if minor not in _PYPY:
            hint = f"the newest one that wheelfix knows is pypy3.{_PYPY[-1]}"
            raise InputError(subject, "is no version of PyPy that has wheels", hint)
        return f"pypy3.{minor}"
    if minor > NEWEST_PYTHON:
        hint = f"the newest one that wheelfix knows is 3.{NEWEST_PYTHON}{threads}"
        raise InputError(subject, "is no version of Python that there is", hint)
    if threads and minor < _FIRST_THREADS:
        hint = f"write 3.{minor}, or 3.{_FIRST_THREADS}t"
        raise InputError(subject, f"has no build without GIL before 3.{_FIRST_THREADS}", hint)
    return f"3.{minor}{match[4] or ''}{threads}"


def find_python(asked: str | None, directory: Path, *, required: str = "", file: str = "") -> ChosenPython:
    """Choose the version of CPython for what is in a directory.

    Args:
        asked: version that the user named, which is taken, or None.
        directory: of the lock or the list of requirements, else the user's working directory.
        required: version specifiers that a lock states, or a project that is named; empty for none.
        file: its name, for messages.
    """
    if asked:
        return ChosenPython(version=asked)
    findings: list[Finding] = []
    allowed = _find_range(directory, required, file, findings)
    named = _find_named(directory, findings)
    if named and allowed and _find_minor(named[0]) not in allowed.minors:
        message = f"names Python {named[0]}, which {allowed.file} does not allow ({allowed.text}): ignored"
        findings.append(Finding(level=Level.WARNING, subject=named[1], message=message))
        named = None
    if named:
        return _choose(named[0], f"{named[1]} names it", findings)
    if allowed:
        return _choose(f"3.{_find_nearest(allowed)}", f"{allowed.file} allows {allowed.text}", findings)
    return ChosenPython(version=DEFAULT_PYTHON, findings=tuple(findings))


def find_installed_python(asked: str | None, environment: Path) -> ChosenPython:
    """Choose the version of CPython of an environment: that which its site-packages belongs to.

    Args:
        asked: version that the user named, which is taken, or None.
        environment: a virtual environment, or another prefix; what is none has the default version.
    """
    try:
        parent = Path(find_site(environment)[1]).parent.name
    except InputError:
        parent = ""  # its reader tells what is wrong with it
    match = _SITE.fullmatch(parent)
    if asked or match is None:
        return ChosenPython(version=asked or DEFAULT_PYTHON)
    return _choose(match[1], f"it is that of {environment.name or environment}", [])


def _choose(version: str, reason: str, findings: list[Finding]) -> ChosenPython:
    if version != DEFAULT_PYTHON:
        message = f"is what answers are for: {reason}; --python names another"
        findings.append(Finding(level=Level.NOTE, subject=f"Python {version}", message=message))
    return ChosenPython(version=version, findings=tuple(findings))


def _find_minor(version: str) -> int:
    known = parse_python(version)
    assert known
    return known.minor


def _find_nearest(allowed: _Range) -> int:
    """Return the default version, else the first one above it, else the last one below."""
    return min(allowed.minors, key=lambda minor: (minor < _DEFAULT_MINOR, abs(minor - _DEFAULT_MINOR)))


def _find_range(directory: Path, required: str, file: str, findings: list[Finding]) -> _Range | None:
    if required:
        return _make_range(required, file, [])  # whoever reads that file refuses what is no specifier
    try:
        project = read_project(directory)
    except InputError as error:
        told = Finding(level=Level.WARNING, subject=error.subject, message=f"{error.problem}: ignored")
        findings.append(told)
        return None
    return _make_range(project.requires_python, project.file, findings) if project else None


def _make_range(text: str, file: str, findings: list[Finding]) -> _Range | None:
    if not text:
        return None
    known = list_minors(text)
    minors = tuple(minor for minor in known or () if minor <= NEWEST_PYTHON)
    if minors:
        return _Range(minors=minors, text=text, file=file)
    why = "no version specifiers" if known is None else "for no Python that wheelfix knows"
    message = f"requires Python {text[:_SHOWN]!r}, which is {why}: ignored"
    findings.append(Finding(level=Level.WARNING, subject=file, message=message))
    return None


def _find_named(directory: Path, findings: list[Finding]) -> tuple[str, str] | None:
    """Find the version that a file of pyenv or uv names, and the name of the file."""
    for name in _FILES:
        if os.path.lexists(directory / name):
            version = _read_named(directory, name, findings)
            return (version, name) if version else None
    return None


def _read_named(directory: Path, name: str, findings: list[Finding]) -> str | None:
    def ignore(message: str) -> None:
        told = Finding(level=Level.WARNING, subject=name, message=f"{message}: ignored")
        findings.append(told)

    top = os.path.realpath(directory)
    data = read_regular(os.path.join(top, name), root=top, limit=_MAX)  # noqa: PTH118
    if data is None:
        ignore("cannot be read, or is no file of a few lines")
        return None
    try:
        lines = [line.partition("#")[0].strip() for line in data.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        ignore("is no text in UTF-8")
        return None
    text = next((line for line in lines if line and line != "system"), "")
    if not text or text == "3":
        return None
    written = text.rpartition("/")[2] if text.startswith("/") else text
    if not _WRITTEN.fullmatch(written):
        ignore(f"names {text[:_SHOWN]!r}, which is no version of CPython 3 or PyPy")
        return None
    try:
        version = check_python(written, name)
    except InputError as error:
        ignore(f"names {text[:_SHOWN]!r}, which {error.problem}")
        return None
    known = parse_python(version)
    return known.text if known else None
