"""What a wheel installs, file by file, so that two wheels can be compared without installing them.

Hashes are RECORD's where it has them ("The .dist-info directory", binary distribution format), else size and
checksum of the archive's directory. Entry points become programs in ``bin`` that an installer writes.
"""

from __future__ import annotations

import configparser
import csv
import re
from collections.abc import Callable, Iterator, Mapping

from wheelfix.model.reading import WheelFile

Read = Callable[[str], bytes]
"""The content of a small member, by its path."""

MAX_INIT = 8192
"""Longest ``__init__.py`` that may be nothing but the declaration of a namespace, in bytes."""
_MAX_POINTS = 1 << 20
"""Longest ``entry_points.txt`` read, in bytes: it is a table of names."""
_DECLARES = re.compile(rb"\b(?:extend_path|declare_namespace)\s*\(")
_DECLARATION = re.compile(
    rb"(?:__import__\(['\"](?:pkg_resources|pkgutil)['\"]\)|from pkgutil import extend_path|import \w+|"
    rb"__path__\s*=[^\n]*|try:|except[^\n]*:|pkg_resources\.declare_namespace\([^\n]*\)|"
    rb"from pkg_resources import declare_namespace|declare_namespace\([^\n]*\)|pass)[^\n]*"
)


def read_contents(
    info: str, sizes: Mapping[str, int], read: Read, checksum: Callable[[str], int]
) -> tuple[WheelFile, ...]:
    """List what a wheel installs.

    Args:
        info: the wheel's own ``*.dist-info`` directory.
        sizes: of all members in bytes, by path.
        read: reads small members.
        checksum: CRC-32 of a member; asked for where RECORD has no hash.

    Returns:
        Sorted by path. The ``.dist-info`` directory is left out: its name tells distributions apart.
    """
    listed, programs = f"{info}/RECORD", f"{info}/entry_points.txt"
    record = dict(parse_rows(read(listed))) if listed in sizes else {}
    found = []
    for path, size in sizes.items():
        if path.partition("/")[0].endswith(".dist-info"):
            continue
        found.append(
            WheelFile(
                path=path,
                digest=record.get(path) or f"crc32={checksum(path):08x}.{size}",
                namespace=size <= MAX_INIT and is_init(path) and is_namespace(read(path)),
            )
        )
    if sizes.get(programs, _MAX_POINTS + 1) <= _MAX_POINTS:
        found += _list_scripts(programs, read)
    return tuple(sorted(found, key=lambda file: file.path))


def is_init(path: str) -> bool:
    """Whether a path is that of a package's own source."""
    return path.endswith("/__init__.py")


def is_namespace(source: bytes) -> bool:
    """Whether an ``__init__.py`` only makes a namespace: no code, or nothing but its declaration.

    Example:
        >>> is_namespace(b"# Copyright"), is_namespace(b"import os")
        (True, False)
    """
    lines = [line.strip() for line in source.splitlines()]
    code = [line for line in lines if line and not line.startswith(b"#")]
    if not code:
        return True
    return bool(_DECLARES.search(source)) and all(_DECLARATION.fullmatch(line) for line in code)


def parse_rows(record: bytes) -> Iterator[tuple[str, str]]:
    """Paths and hashes of a RECORD, as it writes them; none of one that is no table."""
    try:
        rows = list(csv.reader(record.decode("utf-8", "replace").splitlines()))
    except csv.Error:
        return
    for row in rows:
        if len(row) >= 2:
            yield row[0], row[1]


def _list_scripts(path: str, read: Read) -> Iterator[WheelFile]:
    """Programs of an ``entry_points.txt`` (the entry points specification)."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(read(path).decode("utf-8", "replace"))
    except configparser.Error:
        return
    for section in ("console_scripts", "gui_scripts"):
        if parser.has_section(section):
            for name, target in parser.items(section):
                yield WheelFile(path=f"scripts.data/scripts/{name}", digest=f"entry={target}")
