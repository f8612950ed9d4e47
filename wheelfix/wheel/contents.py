"""Lists the files that a wheel installs, so that wheels can be compared without installing them.

Hashes are RECORD's where it has them ("The .dist-info directory", binary distribution format), else size and
checksum of the archive's directory. Entry points become programs in ``bin`` that an installer writes.
"""

from __future__ import annotations

import configparser
import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from wheelfix.model.reading import WheelFile
from wheelfix.wheel.metadata import parse_filename

Read = Callable[[str], bytes]
"""Returns the content of a small member, by its path."""

MAX_INIT = 8192
"""Longest ``__init__.py`` that is checked for being a namespace declaration only, in bytes."""
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
        checksum: CRC-32 of a member; called if RECORD has no hash.

    Returns:
        Sorted by path. The ``.dist-info`` directory is left out: it differs between all distributions.
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
    """Whether a path is that of a package's ``__init__.py``."""
    return path.endswith("/__init__.py")


def is_namespace(source: bytes) -> bool:
    """Whether an ``__init__.py`` only makes a namespace: no code, or only the declaration.

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
    """Yield paths and hashes of a RECORD, unchanged; none if it is not a table."""
    try:
        rows = list(csv.reader(record.decode("utf-8", "replace").splitlines()))
    except csv.Error:
        return
    for row in rows:
        if len(row) >= 2:
            yield row[0], row[1]


def _list_scripts(path: str, read: Read) -> Iterator[WheelFile]:
    """Yield the programs of an ``entry_points.txt`` (the entry points specification)."""
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


_SUFFIX = ".dist-info"


def list_dist_infos(paths: Iterable[str]) -> list[str]:
    """List the ``*.dist-info`` directories with a METADATA at the top of a wheel, sorted.

    Args:
        paths: of its members.
    """
    ends = f"{_SUFFIX}/METADATA"
    return sorted(p.rpartition("/")[0] for p in paths if p.endswith(ends) and p.count("/") == 1)


def choose_dist_info(filename: str, infos: Sequence[str], read: Callable[[str], bytes | None]) -> str | None:
    """Choose a wheel's own directory: by its file name, else by what its RECORD lists.

    Args:
        filename: of the wheel.
        infos: the directories it has.
        read: the content of a member by its path, or None.

    Returns:
        None if there is none, or if several are possible.
    """
    found = list(infos)
    if len(found) > 1 and (parsed := parse_filename(filename)):
        named = [(info, _split(info)) for info in found]
        exact = [info for info, split in named if split == parsed[:2]]
        found = exact or [info for info, split in named if split and split[0] == parsed[0]] or found
    if len(found) > 1:
        # A wheel's RECORD lists itself and every file of the wheel, including other distributions in it.
        found = [info for info in found if _lists_all(info, infos, read)]
    return found[0] if len(found) == 1 else None


def _split(info: str) -> tuple[str, str] | None:
    """Split a directory's name into normalised name and version."""
    parsed = parse_filename(f"{info.removesuffix(_SUFFIX)}-py3-none-any.whl")
    return parsed[:2] if parsed else None


def _lists_all(info: str, infos: Iterable[str], read: Callable[[str], bytes | None]) -> bool:
    listed = {path for path, _ in parse_rows(read(f"{info}/RECORD") or b"")}
    return f"{info}/RECORD" in listed and all(f"{other}/METADATA" in listed for other in infos)
