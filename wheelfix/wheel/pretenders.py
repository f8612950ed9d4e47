"""Members that are named like shared libraries and are none that Linux loads: said, never passed over."""

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
        kinds.setdefault(_describe(head), []).append(path)
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


def _describe(head: bytes) -> str:
    if not head:
        return "an empty file"
    if head[:4] in _MACH_O:
        return "a library of macOS (Mach-O)"
    if head[:2] == b"MZ":
        return "a library of Windows (PE)"
    if head[:8] == b"!<arch>\n":
        return "an archive of object files (ar)"
    if _SCRIPT.match(head.lstrip()):
        return "a linker script"
    if _LINK.fullmatch(head):
        return "a symbolic link stored as text"
    return "no ELF file"
