"""Makes a nix-index database of store paths on this machine."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from wheelfix.errors import InputError, describe
from wheelfix.index.frcode import Entry, Package
from wheelfix.index.names import split_name

_STORE_PATH = re.compile(r"(?P<hash>[0-9a-df-np-sv-z]{32})-(?P<name>[0-9a-zA-Z+\-._?=]+)")
_REMEDY = "give store paths, or a store"
_OUTPUTS = ("lib", "bin", "dev", "doc", "man", "data", "debug", "static", "devdoc", "info")


def find_store_paths(directories: Iterable[Path]) -> tuple[Path, ...]:
    """Find store paths: a directory may be a store path, contain some (a whole store), or be linked to one.

    Raises:
        InputError: a directory is none of these.
    """
    found: set[Path] = set()
    for directory in directories:
        real = directory.resolve()
        if _STORE_PATH.fullmatch(real.name):
            found.add(real)
            continue
        try:
            children = {Path(e.path) for e in os.scandir(real) if _STORE_PATH.fullmatch(e.name)}
        except OSError as error:
            raise InputError(str(directory), f"cannot be read ({describe(error)})", _REMEDY) from None
        if not children:
            raise InputError(str(directory), "is no store path and holds none", _REMEDY)
        found |= children
    return tuple(sorted(found))


def read_store_paths(paths: Iterable[Path], *, system: str) -> Iterator[tuple[Package, Iterator[Entry]]]:
    """Read store paths as packages of a database.

    A store path does not record the attribute it was built from, so its name is used as the attribute.

    Args:
        paths: from :func:`find_store_paths`.
        system: Nix system to record.
    """
    for path in paths:
        match = _STORE_PATH.fullmatch(path.name)
        if match is None:
            continue
        output = next((o for o in _OUTPUTS if match["name"].endswith(f"-{o}")), "out")
        package = Package(
            attr=split_name(match["name"], output)[0],
            output=output,
            name=match["name"],
            hash=match["hash"],
            store_dir=str(path.parent),
            toplevel=True,
            system=system,
        )
        yield package, iter_entries(path)


def iter_entries(root: Path) -> Iterator[Entry]:
    """Walk a store path, parents first, names sorted; links are not followed."""
    info = root.lstat()
    if not stat.S_ISDIR(info.st_mode):
        yield _make_entry(root, b"", info)
        return
    stack = [(os.fsencode(root), b"")]
    while stack:
        directory, path = stack.pop()
        children = sorted(os.scandir(directory), key=lambda e: e.name)
        yield Entry(kind="d", path=path, size=len(children))
        below = []
        for child in children:
            name = path + b"/" + child.name
            if child.is_dir(follow_symlinks=False):
                below.append((child.path, name))
            else:
                yield _make_entry(Path(os.fsdecode(child.path)), name, child.stat(follow_symlinks=False))
        stack += reversed(below)


def _make_entry(file: Path, path: bytes, info: os.stat_result) -> Entry:
    if stat.S_ISLNK(info.st_mode):
        return Entry(kind="s", path=path, target=os.fsencode(file.readlink()))
    return Entry(kind="x" if info.st_mode & 0o111 else "r", path=path, size=info.st_size)
