"""Any file of any package, straight from a nix-index database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from wheelfix.index.database import iter_blocks
from wheelfix.index.frcode import parse_entry
from wheelfix.model.locate import FileHit


def find_files(
    database: Path,
    pattern: str,
    *,
    regex: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[FileHit]:
    """Search the paths of all packages.

    Args:
        database: a nix-index database.
        pattern: a path (``/bin/ldconfig``), a file name, or a glob of either; a regular expression for paths.
        regex: which of both it is.
        progress: told compressed bytes read and in all.

    Raises:
        IndexProblem: the database is unreadable or corrupt.
        re.error: no regular expression.
    """
    search = re.compile((pattern if regex else _translate(pattern)).encode(), re.DOTALL).search
    # Front coding tears names apart, so no search of the raw bytes is exact: every block is decoded, and
    # paths without the longest plain part of the pattern are dropped as early as can be.
    literal = b"" if regex else max(re.split(r"[*?]", pattern), key=len).encode()
    for block in iter_blocks(database, progress=progress):
        hits = [(meta, path) for meta, path in block.decode(having=literal) if search(path)]
        if not hits:
            continue
        package = block.read_package()
        for meta, path in hits:
            entry = parse_entry(meta, path, subject=block.subject, offset=block.offset)
            yield FileHit(
                attr=package.attr,
                output=package.output,
                store_path=f"{package.store_dir}/{package.hash}-{package.name}",
                kind=entry.kind,
                path=entry.path.decode("utf-8", "backslashreplace"),
                size=entry.size,
                toplevel=package.toplevel,
            )


def _translate(pattern: str) -> str:
    """A glob over whole paths if it starts with a slash, else over file names; ``*`` stays in a directory."""
    body = "".join({"*": "[^/]*", "?": "[^/]"}.get(c, re.escape(c)) for c in pattern.lstrip("/"))
    return rf"\A/{body}\Z" if pattern.startswith("/") else rf"(?:\A|/){body}\Z"
