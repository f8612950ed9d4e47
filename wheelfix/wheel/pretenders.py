"""Files that Linux does not load: named like shared libraries and none, or made for other systems."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from wheelfix.model.scan import Finding, Level

_LIBRARY = re.compile(r"\.so(?:\.\d[\w-]*)*\Z")
_SHOWN: Final = 3
"""Members of one kind that are named one by one: a wheel for another system has hundreds."""
_MACH_O = frozenset(
    bytes.fromhex(magic) for magic in ("feedface", "feedfacf", "cefaedfe", "cffaedfe", "cafebabe", "cafebabf")
)
_FAT: Final = bytes.fromhex("cafebabe")
_FIRST_JAVA: Final = 45
"""A class file begins as a Mach-O file of several architectures does; its version, 45 for Java 1.0, stands
where the other has the number of them."""
NO_ELF: Final = "no ELF file"
"""What a file is of which nothing else is known."""
_SYSTEMS: Final = {"Mach-O": "macOS", "PE": "Windows"}
_PLATFORMS: Final = (
    ("macosx_", "macOS"),
    ("win", "Windows"),
    ("ios_", "iOS"),
    ("android_", "Android"),
    ("emscripten_", "WebAssembly"),
    ("wasi_", "WebAssembly"),
    ("pyodide_", "WebAssembly"),
    ("pyemscripten_", "WebAssembly"),
)
_SCRIPT = re.compile(rb"(?:/\*|INPUT\b|GROUP\b|OUTPUT_FORMAT\b)")
_LINK = re.compile(rb"[\w.+/-]*\.so[\w.+-]*")


def is_named_like_library(path: str) -> bool:
    """Whether a path ends like that of a shared library.

    Example:
        >>> is_named_like_library("a/libx.so.1.2"), is_named_like_library("a/libx.so.txt")
        (True, False)
    """
    return _LIBRARY.search(path) is not None


def tell_pretenders(found: Iterable[tuple[str, bytes]]) -> tuple[Finding, ...]:
    """Say which members are named like shared libraries without being ELF files.

    Args:
        found: their paths and first bytes.

    Returns:
        Warnings, sorted by path within what they turned out to be.
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
    """The format of a library or program for another system, ``Mach-O`` or ``PE``, by its first 8 bytes.

    Example:
        >>> find_format(bytes.fromhex("cafebabe 00000002")), find_format(bytes.fromhex("cafebabe 00000034"))
        ('Mach-O', None)
    """
    if head[:4] in _MACH_O and not (head[:4] == _FAT and int.from_bytes(head[4:8], "big") >= _FIRST_JAVA):
        return "Mach-O"
    return "PE" if head[:2] == b"MZ" and 0 in head[2:8] else None  # text may begin with these two letters


def is_launcher(path: str) -> bool:
    """Whether a path is that of a program for Windows: wheels for all systems carry some for scripts."""
    return path.lower().endswith(".exe")


def find_system(tags: Iterable[str]) -> str | None:
    """The system that a wheel with these tags is for, if it is none that wheelfix reads wheels of.

    Example:
        >>> find_system(["cp312-cp312-macosx_11_0_arm64"]), find_system(["py3-none-any"])
        ('macOS', None)
    """
    platforms = {tag.rpartition("-")[2] for tag in tags}
    found = [
        next((name for start, name in _PLATFORMS if p.startswith(start)), None) for p in sorted(platforms)
    ]
    return found[0] if found and all(found) else None


def is_for_any(tags: Iterable[str]) -> bool:
    """Whether a wheel with these tags is installed on every system."""
    return any(tag.endswith("-any") for tag in tags)


def say_formats(formats: Iterable[str]) -> str:
    """Which files for other systems there are, and no others, as the end of a sentence."""
    named = " and ".join(f"{name} files ({_SYSTEMS[name]})" for name in formats)
    return f"holds {named}, no ELF files"


def describe_head(head: bytes) -> str:
    """What a file that is no ELF file is by its first bytes, with an article."""
    if not head:
        return "an empty file"
    if found := find_format(head):
        return f"a library of {_SYSTEMS[found]} ({found})"
    if head[:8] == b"!<arch>\n":
        return "an archive of object files (ar)"
    if _SCRIPT.match(head.lstrip()):
        return "a linker script"
    if _LINK.fullmatch(head):
        return "a symbolic link stored as text"
    return NO_ELF
