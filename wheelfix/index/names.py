"""Splits names of store paths, sonames and attributes."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

_NAME = re.compile(r"(?P<pname>.+?)-(?P<version>\d[^/]*|unstable-[^/]*)", re.DOTALL)
_SONAME = re.compile(r"(?P<stem>.+?)(?:-\d+(?:[._]\d+)*)?\.so(?P<major>(?:\.[^/]*)?)", re.DOTALL)


@lru_cache(maxsize=1 << 16)
def split_name(name: str, output: str) -> tuple[str, str | None]:
    """Split the name of a store path into pname and version, as ``builtins.parseDrvName`` does.

    Args:
        name: the part behind the hash (``util-linux-2.41.3-lib``).
        output: the output it is of; its name is appended to all but ``out``.

    Example:
        >>> split_name("util-linux-2.41.3-lib", "lib")
        ('util-linux', '2.41.3')
    """
    if output != "out":
        name = name.removesuffix(f"-{output}")
    match = _NAME.fullmatch(name)
    return (match["pname"], match["version"]) if match else (name, None)


@lru_cache(maxsize=1 << 16)
def find_stem(soname: str) -> str:
    """Return the stem of a soname: without ``lib``, version and extension.

    Example:
        >>> find_stem("libglib-2.0.so.0"), find_stem("libQt5Core.so.5"), find_stem("libdb-5.3.so")
        ('glib', 'Qt5Core', 'db')
    """
    match = _SONAME.match(soname)
    stem = match["stem"] if match else soname
    return stem.removeprefix("lib") or stem


def find_series(soname: str) -> str:
    """Return the part that all majors of a library share: the name up to ``.so``.

    Example:
        >>> find_series("libffi.so.7")
        'libffi.so'
    """
    head, mark, _ = soname.partition(".so")
    return head + mark


def drop_longer(names: Collection[str], beside: Collection[str] = ()) -> list[str]:
    """Leave out the file names that are more exact than a soname, and keep the order of the rest.

    Args:
        names: of libraries.
        beside: further sonames.

    Example:
        >>> drop_longer(["libffi.so", "libffi.so.8", "libffi.so.8.1.4"])
        ['libffi.so', 'libffi.so.8']
    """
    known = {*names, *beside}

    def is_longer(name: str) -> bool:
        while (name := name.rpartition(".")[0]) and not name.endswith(".so"):
            if name in known:
                return True
        return False

    return [name for name in names if not is_longer(name)]


@lru_cache(maxsize=1 << 16)
def squeeze(text: str) -> str:
    """Reduce a name to its letters and digits in lower case, for comparisons."""
    return re.sub(r"[^a-z0-9+]", "", text.lower())


def measure_distance(one: str, other: str) -> tuple[int, ...]:
    """Return a sort key for "nearest major": the distance between the versions behind ``.so``."""
    mine, theirs = ([int(n) for n in re.findall(r"\d+", s.partition(".so")[2])] or [0] for s in (one, other))
    width = max(len(mine), len(theirs))
    pairs = zip(mine + [0] * (width - len(mine)), theirs + [0] * (width - len(theirs)), strict=True)
    return tuple(abs(a - b) for a, b in pairs)
