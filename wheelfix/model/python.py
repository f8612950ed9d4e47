"""Interpreters of Python as answers name them: ``3.12``, ``3.14t`` without GIL, ``pypy3.11``."""

from __future__ import annotations

import re

from wheelfix.model.base import Struct

CPYTHON = "cpython"
PYPY = "pypy"
_TEXT = re.compile(r"(pypy)?3\.(\d{1,3})(?:\.(\d{1,3}))?(t?)")
_PYPY_RELEASE = "7.3"
"""Of PyPy since 2019: its ABI tag names it, and nixpkgs has no other for Python 3."""
_FIRST_WITHOUT_M = 8
_SHORT = {CPYTHON: "cp", PYPY: "pp"}
_NAMES = {CPYTHON: "CPython", PYPY: "PyPy"}


class Python(Struct):
    """One interpreter.

    Attributes:
        implementation: as ``sys.implementation.name`` has it.
        major, minor: of the language.
        patch: of its release; None if it is not known.
        threads: whether it is CPython without GIL.
    """

    minor: int
    major: int = 3
    patch: int | None = None
    implementation: str = CPYTHON
    threads: bool = False

    @property
    def text(self) -> str:
        """How answers name it, without the patch release."""
        prefix = PYPY if self.implementation == PYPY else ""
        return f"{prefix}{self.version}{'t' * self.threads}"

    @property
    def version(self) -> str:
        """Of the language, ``3.12``."""
        return f"{self.major}.{self.minor}"

    @property
    def full_version(self) -> str:
        """Of the language, with the patch release; 0 if that is not known."""
        return f"{self.version}.{self.patch or 0}"

    @property
    def name(self) -> str:
        """Of the implementation, as ``platform.python_implementation()`` has it."""
        return _NAMES[self.implementation]

    @property
    def file_tag(self) -> str:
        """What the names of its extension modules begin their ending with (SOABI, without the platform)."""
        own = f"{self.major}{self.minor}"
        if self.implementation == PYPY:
            return f"pypy{own}-pp{_PYPY_RELEASE.replace('.', '')}"
        return f"cpython-{own}{'t' * self.threads}"

    @property
    def library_directory(self) -> str:
        """Name of the directory below ``lib`` that has its site-packages: nixpkgs' ``libPrefix``."""
        return self.text if self.implementation == PYPY else f"python{self.text}"

    @property
    def implementation_version(self) -> str:
        """Of the implementation: for CPython that of the language."""
        return f"{_PYPY_RELEASE}.0" if self.implementation == PYPY else self.full_version

    @property
    def short(self) -> str:
        """The implementation in tags, ``cp`` or ``pp``."""
        return _SHORT[self.implementation]

    @property
    def tag(self) -> str:
        """The first part of the tags of its own wheels, ``cp312``, ``pp311``."""
        return f"{self.short}{self.major}{self.minor}"

    @property
    def abi(self) -> str:
        """The ABI tag of its extension modules: ``cp312``, ``cp314t``, ``pypy311_pp73``."""
        if self.implementation == PYPY:
            return f"pypy{self.major}{self.minor}_pp{_PYPY_RELEASE.replace('.', '')}"
        return f"cp{self.major}{self.minor}{'t' * self.threads}{'m' * (self.minor < _FIRST_WITHOUT_M)}"


def parse_python(text: str) -> Python | None:
    """Parse an interpreter as answers name it, with or without the patch release; None for other text.

    Example:
        >>> parse_python("3.14t").abi, parse_python("pypy3.11").abi
        ('cp314t', 'pypy311_pp73')
    """
    match = _TEXT.fullmatch(text)
    if match is None or (match[1] and match[4]):
        return None
    return Python(
        implementation=match[1] or CPYTHON,
        minor=int(match[2]),
        patch=int(match[3]) if match[3] else None,
        threads=bool(match[4]),
    )
