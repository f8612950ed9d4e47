"""Small nix-index databases, made on the spot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from wheelfix.index.database import encode_database
from wheelfix.index.frcode import Entry, Package, encode_package

HASHES = "0123456789abcdfghijklmnpqrsvwxyz"


def make_hash(number: int) -> str:
    """A store hash: 32 letters, different for each number."""
    return "".join(HASHES[number >> shift & 31] for shift in range(155, -5, -5))


def make_package(attr: str, number: int, **facts: object) -> Package:
    """A package of version 1.0; ``facts`` replace what is made up."""
    output = str(facts.get("output", "out"))
    name = f"{attr.rpartition('.')[2]}-1.0" + ("" if output == "out" else f"-{output}")
    defaults: dict[str, object] = {
        "attr": attr,
        "output": output,
        "name": name,
        "hash": make_hash(number),
        "system": "x86_64-linux",
    }
    return Package(**{**defaults, **facts})  # type: ignore[arg-type]


def make_entries(files: Mapping[str, str] | Iterable[str]) -> list[Entry]:
    """Entries as nix-index orders them: parents first, then children from Z to A.

    Args:
        files: paths, or paths with what they link to (empty: a file).
    """
    targets = dict(files) if isinstance(files, Mapping) else dict.fromkeys(files, "")
    tree: dict[str, set[str]] = {"": set()}
    for path in targets:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            tree.setdefault("/".join(parts[:depth]), set()).add("/".join(parts[: depth + 1]))
    entries = []
    stack = [""]
    while stack:
        path = stack.pop()
        children = sorted(tree.get(path, ()))
        stack += children
        raw = path.encode("utf-8", "surrogateescape")
        if path not in targets:
            entries.append(Entry(kind="d", path=raw, size=len(children)))
        elif targets[path]:
            entries.append(Entry(kind="s", path=raw, target=targets[path].encode()))
        else:
            entries.append(Entry(kind="x", path=raw, size=1000))
    return entries


def encode_frcode(packages: Iterable[tuple[Package, Iterable[Entry]]]) -> bytes:
    """The inflated stream of a database."""
    return b"".join(encode_package(package, entries) for package, entries in packages)


def write_database(path: Path, packages: Iterable[tuple[Package, Iterable[Entry]]]) -> Path:
    """Write a database, with the directories above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_database(packages))
    return path
