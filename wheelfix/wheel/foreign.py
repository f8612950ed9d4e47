"""Recognises files that Linux does not load: for other systems, or only named like shared libraries.

Formats and platforms of other systems are in ``data/foreign.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from wheelfix.model.scan import Finding, Level
from wheelfix.model.tables import Row, Table, load_table

_LIBRARY = re.compile(r"\.so(?:\.\d[\w-]*)*\Z")
_SHOWN: Final = 3
"""Members of one kind that a message names; a wheel for another system has hundreds."""
_FAT: Final = bytes.fromhex("cafebabe")
_FIRST_JAVA: Final = 45
"""A Java class file begins like a Mach-O file of several architectures; its version, 45 for Java 1.0, stands
where the other has the number of architectures."""
_DOS: Final = b"MZ"
"""First bytes of a Windows program; a text may begin like this too, but has no NUL behind it."""
NO_ELF: Final = "no ELF file"
"""Description of a file of unknown format."""
_SCRIPT = re.compile(rb"(?:/\*|INPUT\b|GROUP\b|OUTPUT_FORMAT\b)")
_LINK = re.compile(rb"[\w.+/-]*\.so[\w.+-]*")


class Format(Row):
    """A format of libraries and programs.

    Attributes:
        system: the operating system.
        magics: first bytes of its files, in hexadecimal.
    """

    system: str
    magics: frozenset[str]


class OtherSystems(Table):
    """Table of the files and platforms of other systems.

    Attributes:
        formats: by name.
        platforms: the system, by the first part of the platform tags of its wheels.
    """

    FILE = "foreign.toml"

    formats: dict[str, Format]
    platforms: dict[str, str]


def is_named_like_library(path: str) -> bool:
    """Whether a path ends like the path of a shared library.

    Example:
        >>> is_named_like_library("a/libx.so.1.2"), is_named_like_library("a/libx.so.txt")
        (True, False)
    """
    return _LIBRARY.search(path) is not None


def tell_pretenders(found: Iterable[tuple[str, bytes]]) -> tuple[Finding, ...]:
    """Report members that are named like shared libraries without being ELF files.

    Args:
        found: their paths and first bytes.

    Returns:
        Warnings, grouped by the true format and sorted by path.
    """
    kinds: dict[str, list[str]] = {}
    for path, head in found:
        kinds.setdefault(describe_head(head), []).append(path)
    findings = []
    for kind, paths in sorted(kinds.items()):
        paths.sort()
        shown = paths if len(paths) <= _SHOWN else paths[:1]
        more = len(paths) - len(shown)
        also = f"; so are {more} other members" if more else ""
        findings += [
            Finding(
                level=Level.WARNING,
                subject=path,
                message=f"is named like a shared library and is {kind}, which the loader refuses{also}",
            )
            for path in shown
        ]
    return tuple(findings)


def find_format(head: bytes) -> str | None:
    """Recognise a library or program for another system, ``Mach-O`` or ``PE``, by its first 8 bytes.

    Example:
        >>> find_format(bytes.fromhex("cafebabe 00000002")), find_format(bytes.fromhex("cafebabe 00000034"))
        ('Mach-O', None)
    """
    magics = _find_magics()
    if not head.startswith(tuple(magics)):
        return None
    if head.startswith(_FAT) and int.from_bytes(head[4:8], "big") >= _FIRST_JAVA:
        return None
    if head.startswith(_DOS) and 0 not in head[2:8]:
        return None
    return next(name for magic, name in magics.items() if head.startswith(magic))


@cache
def _find_magics() -> Mapping[bytes, str]:
    formats = load_table(OtherSystems).formats.items()
    return {bytes.fromhex(magic): name for name, one in formats for magic in one.magics}


def is_launcher(path: str) -> bool:
    """Whether a path is that of a launcher for Windows: wheels for all systems carry some for scripts."""
    return path.lower().endswith(".exe")


def find_system(tags: Iterable[str]) -> str | None:
    """Return the system that a wheel with these tags is for, if wheelfix does not read wheels for it.

    Example:
        >>> find_system(["cp312-cp312-macosx_11_0_arm64"]), find_system(["py3-none-any"])
        ('macOS', None)
    """
    platforms = {tag.rpartition("-")[2] for tag in tags}
    known = load_table(OtherSystems).platforms.items()
    found = [next((name for start, name in known if p.startswith(start)), None) for p in sorted(platforms)]
    return found[0] if found and all(found) else None


def is_for_any(tags: Iterable[str]) -> bool:
    """Whether a wheel with these tags is installed on every system."""
    return any(tag.endswith("-any") for tag in tags)


def say_formats(formats: Iterable[str]) -> str:
    """Name the formats for other systems, as the end of a sentence."""
    known = load_table(OtherSystems).formats
    named = " and ".join(f"{name} files ({known[name].system})" for name in formats)
    return f"holds {named}, no ELF files"


def describe_head(head: bytes) -> str:
    """Describe a file that is not an ELF file by its first bytes, with an article."""
    if not head:
        return "an empty file"
    if found := find_format(head):
        return f"a library of {load_table(OtherSystems).formats[found].system} ({found})"
    if head[:8] == b"!<arch>\n":
        return "an archive of object files (ar)"
    if _SCRIPT.match(head.lstrip()):
        return "a linker script"
    if _LINK.fullmatch(head):
        return "a symbolic link stored as text"
    return NO_ELF
