"""Small nix-index databases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wheelfix.index.database import encode_database
from wheelfix.index.frcode import Entry, Package

LETTERS = "0123456789abcdfghijklmnpqrsvwxyz"


def package(
    attr: str, *, name: str = "", output: str = "out", toplevel: bool = True, system: str = "x86_64-linux"
) -> Package:
    digest = "".join(LETTERS[(sum(map(ord, attr + output)) * (i + 7)) % 32] for i in range(32))
    return Package(
        attr=attr,
        output=output,
        name=name or f"{attr.rpartition('.')[2]}-1.0",
        hash=digest,
        toplevel=toplevel,
        system=system,
    )


def entries(files: Mapping[str, str | int]) -> list[Entry]:
    """Entries of a package: paths to sizes, or to targets of links; directories come by themselves."""
    found: dict[bytes, Entry] = {}
    for path, value in sorted(files.items()):
        parts = path.strip("/").split("/")
        for depth in range(len(parts)):
            directory = ("/" + "/".join(parts[:depth])).rstrip("/").encode()
            found.setdefault(directory, Entry(kind="d", path=directory, size=1))
        target = value.encode() if isinstance(value, str) else None
        kind = "s" if target is not None else "x"
        size = 0 if isinstance(value, str) else value
        found[path.encode()] = Entry(kind=kind, path=path.encode(), size=size, target=target)
    return [found[path] for path in sorted(found)]


def write_database(path: Path, packages: Mapping[Package, Mapping[str, str | int]]) -> Path:
    path.write_bytes(encode_database((p, entries(files)) for p, files in packages.items()))
    return path
