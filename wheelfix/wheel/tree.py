"""Finding ELF files in a directory tree by their first bytes, without ever leaving the tree.

Only regular files are opened. Symbolic links are followed where they end inside the tree; a linked
directory is entered once and only if it is not reached without the link, so loops and mazes end.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

MIN_ELF = 52
"""Size of the smallest ELF header (32 bits), in bytes: nothing shorter is an ELF file."""

SKIPPED = (".py", ".pyi", ".pyc", ".h", ".hpp", ".txt", ".json")
"""Suffixes that are not opened: half of the files of an environment, and no loader is given one of these."""

OWN = ".wheelfix"
"""Where wheelfix keeps what it replaced: at the top of an environment, and no part of what is installed."""

_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfFile:
    """One ELF file on disk.

    Attributes:
        path: POSIX path relative to site-packages (``../../../bin/ninja`` for a program), or to the directory
            that was given; bytes that are no UTF-8 are escaped.
        disk: where it is, all symbolic links resolved: two paths of one file have the same.
        size: in bytes.
    """

    path: str
    disk: Path
    size: int


@dataclass(slots=True, kw_only=True)
class Tree:
    """What a walk found, by POSIX path relative to the walked directory as the system spells it.

    Attributes:
        elf_files: what was looked for.
        linked: directories that were entered through a symbolic link.
        outside: symbolic links to existing files or directories out of the tree.
        unreadable: files and directories that the system refused to open.
    """

    elf_files: dict[str, ElfFile] = field(default_factory=dict)
    linked: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


def walk_tree(top: str, *, root: str, magic: bytes) -> Tree:
    """Find the ELF files below a directory.

    Args:
        top: the directory to walk, without symbolic links in its path.
        root: ``top`` or a directory above it; links may lead anywhere inside.
        magic: the first bytes of an ELF file.
    """
    tree = Tree()
    seen: set[tuple[int, int]] = set()
    pending, links = [""], list[str]()
    while pending or links:
        # Links come last: a directory has its own name wherever it has one.
        linked = not pending
        directory = pending.pop() if pending else links.pop(0)
        try:
            info = os.stat(f"{top}/{directory}")  # noqa: PTH116 - Path objects take longer than the calls
            if (info.st_dev, info.st_ino) in seen:
                continue
            seen.add((info.st_dev, info.st_ino))
            entries = sorted(os.scandir(f"{top}/{directory}"), key=lambda e: e.name)
        except OSError:
            tree.unreadable.append(directory or ".")
            continue
        if linked:
            tree.linked.append(directory)
        for entry in entries:
            if entry.name == OWN and not directory and top == root and entry.is_dir(follow_symlinks=False):
                continue
            path = f"{directory}/{entry.name}" if directory else entry.name
            if entry.is_dir(follow_symlinks=False):
                pending.append(path)
            elif entry.is_symlink():
                _follow(tree, links, path, entry.path, root, magic)
            elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(SKIPPED):
                _add(tree, path, entry.path, root, magic)
    return tree


def find_elf_file(path: str, disk: str, *, root: str, magic: bytes) -> ElfFile | None:
    """Look at one file, through symbolic links as long as they stay inside ``root``.

    Args:
        path: how the result calls it.
        disk: where to look.
        root: the directory that is not left.
        magic: the first bytes of an ELF file.

    Returns:
        None for anything but an ELF file.

    Raises:
        OSError: it cannot be opened.
    """
    real = resolve_inside(disk, root)
    if real is None or not stat.S_ISREG(os.lstat(real).st_mode):
        return None
    fd = os.open(real, _OPEN)
    try:
        if os.read(fd, len(magic)) != magic or (size := os.fstat(fd).st_size) < MIN_ELF:
            return None
    finally:
        os.close(fd)
    return ElfFile(path=escape_path(path), disk=Path(real), size=size)


def resolve_inside(disk: str, root: str) -> str | None:
    """Resolve every symbolic link of a path; None if it ends outside ``root``."""
    real = os.path.realpath(disk)
    return real if real == root or real.startswith(root.rstrip("/") + "/") else None


def read_regular(disk: str, *, root: str, limit: int) -> bytes | None:
    """Read a small file of the tree.

    Returns:
        None if there is no such regular file inside ``root``, or it is longer than ``limit`` bytes.
    """
    real = resolve_inside(disk, root)
    if real is None:
        return None
    try:
        if not stat.S_ISREG(os.lstat(real).st_mode):
            return None
        with open(os.open(real, _OPEN), "rb") as file:  # noqa: PTH123
            data = file.read(limit + 1)
    except (OSError, ValueError):
        return None
    return data if len(data) <= limit else None


def _follow(tree: Tree, links: list[str], path: str, disk: str, root: str, magic: bytes) -> None:
    try:
        mode = os.stat(disk).st_mode  # noqa: PTH116
    except OSError:
        return  # leads nowhere, or in a circle: no file
    if resolve_inside(disk, root) is None:
        tree.outside.append(path)
    elif stat.S_ISDIR(mode):
        links.append(path)
    elif stat.S_ISREG(mode) and not path.endswith(SKIPPED):
        _add(tree, path, disk, root, magic)


def _add(tree: Tree, path: str, disk: str, root: str, magic: bytes) -> None:
    try:
        file = find_elf_file(path, disk, root=root, magic=magic)
    except OSError:
        tree.unreadable.append(path)
        return
    if file:
        tree.elf_files[path] = file


def escape_path(path: str) -> str:
    r"""Spell a file name so that it can be printed: bytes that are no UTF-8 become ``\xNN``."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")
