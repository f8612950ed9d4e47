"""Finds ELF files in a directory tree by their first bytes, without leaving the tree.

Only regular files are opened. Symbolic links are followed if they end inside the tree; a linked directory is
entered once, and only if it is not reached without the link, so that the walk ends.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from wheelfix.model.base import Struct
from wheelfix.wheel.foreign import find_format, is_launcher

MIN_ELF = 52
"""Size of the smallest ELF header (32 bits), in bytes; a shorter file is not an ELF file."""

SKIPPED = (".py", ".pyi", ".pyc", ".h", ".hpp", ".txt", ".json")
"""Suffixes that are not opened: half of the files of an environment, and never loaded by a loader."""

OWN = ".wheelfix"
"""Directory of files that wheelfix replaced, at the top of an environment; not part of the installation."""

MAX_PROJECT = 200_000
"""Limit of files and directories examined per project; that of torch, built in place, has 40 000."""

PASSED_OVER = frozenset(
    {".git", ".hg", ".mypy_cache", ".nox", ".tox", ".venv", "__pycache__", "node_modules"}
)
"""Directories of a project that do not belong to it; the same holds for any with a pyvenv.cfg."""

_HEAD = 8
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW


class ElfFile(Struct):
    """One ELF file on disk.

    Attributes:
        path: POSIX path relative to site-packages (``../../../bin/ninja`` for a program), or to the directory
            that was given; bytes that are not UTF-8 are escaped.
        disk: path on disk, all symbolic links resolved, so that two paths of one file have the same.
        size: in bytes.
    """

    path: str
    disk: Path
    size: int


@dataclass(slots=True, kw_only=True)
class Tree:
    """The result of a walk, by POSIX path relative to the walked directory, in the system's spelling.

    Attributes:
        elf_files: the ELF files.
        linked: directories that were entered through a symbolic link.
        foreign: formats of libraries for other systems (``Mach-O``, ``PE``).
        outside: symbolic links to existing files or directories outside the tree.
        unreadable: files and directories that the system refused to open.
    """

    elf_files: dict[str, ElfFile] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)
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
        # Links come last: a directory is listed under its own path if it has one.
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


class ProjectFiles(Struct):
    """The files of a project's directory; paths are relative to it.

    Attributes:
        elf_files: sorted by path.
        sources: Python sources, sorted, in the system's spelling.
        complete: whether all files were examined.
    """

    elf_files: tuple[ElfFile, ...]
    sources: tuple[str, ...]
    complete: bool


def walk_project(top: str, *, magic: bytes, limit: int = MAX_PROJECT) -> ProjectFiles:
    """Find the ELF files and Python sources of a project; no symbolic link below its directory is followed.

    Args:
        top: the directory, without symbolic links in its path.
        magic: the first bytes of an ELF file.
        limit: how many files and directories are examined.
    """
    tree, sources, pending, left = Tree(), list[str](), [""], limit
    while pending and left >= 0:
        directory = pending.pop()
        try:
            entries = sorted(os.scandir(f"{top}/{directory}"), key=lambda e: e.name)
        except OSError:
            continue
        if directory and any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        left -= len(entries)
        for entry in entries if left >= 0 else ():
            path = f"{directory}/{entry.name}" if directory else entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in PASSED_OVER:
                    pending.append(path)
            elif entry.is_file(follow_symlinks=False):
                if entry.name.endswith(".py"):
                    sources += [path] if escape_path(path) == path else []
                elif not entry.name.endswith(SKIPPED):
                    _add(tree, path, entry.path, top, magic)
    return ProjectFiles(
        elf_files=tuple(file for _, file in sorted(tree.elf_files.items())),
        sources=tuple(sorted(sources)),
        complete=left >= 0,
    )


def find_elf_file(path: str, disk: str, *, root: str, magic: bytes) -> ElfFile | None:
    """Examine one file, through symbolic links that stay inside ``root``.

    Args:
        path: path for the result.
        disk: path on disk.
        root: directory that must not be left.
        magic: the first bytes of an ELF file.

    Returns:
        None for anything but an ELF file.

    Raises:
        OSError: it cannot be opened.
    """
    return look_at_file(path, disk, root, magic)[0]


def look_at_file(path: str, disk: str, root: str, magic: bytes) -> tuple[ElfFile | None, bytes]:
    """Examine one file, as :func:`find_elf_file` does.

    Returns:
        An ELF file, or the first bytes of another file.

    Raises:
        OSError: it cannot be opened.
    """
    real = resolve_inside(disk, root)
    if real is None or not stat.S_ISREG(os.lstat(real).st_mode):
        return None, b""
    fd = os.open(real, _OPEN)
    try:
        head = os.read(fd, _HEAD)
        if not head.startswith(magic) or (size := os.fstat(fd).st_size) < MIN_ELF:
            return None, head
    finally:
        os.close(fd)
    return ElfFile(path=escape_path(path), disk=Path(real), size=size), head


def resolve_inside(disk: str, root: str) -> str | None:
    """Resolve every symbolic link of a path; None if it ends outside ``root``."""
    real = os.path.realpath(disk)
    return real if real == root or real.startswith(root.rstrip("/") + "/") else None


def read_regular(disk: str, *, root: str, limit: int) -> bytes | None:
    """Read a small file of the tree.

    Returns:
        None if there is no such regular file inside ``root``, or if it is longer than ``limit`` bytes.
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
        return  # a broken or cyclic link
    if resolve_inside(disk, root) is None:
        tree.outside.append(path)
    elif stat.S_ISDIR(mode):
        links.append(path)
    elif stat.S_ISREG(mode) and not path.endswith(SKIPPED):
        _add(tree, path, disk, root, magic)


def _add(tree: Tree, path: str, disk: str, root: str, magic: bytes) -> None:
    try:
        file, head = look_at_file(path, disk, root, magic)
    except OSError:
        tree.unreadable.append(path)
        return
    if file:
        tree.elf_files[path] = file
    elif not is_launcher(path) and (name := find_format(head)):
        tree.foreign[path] = name


def escape_path(path: str) -> str:
    r"""Spell a file name so that it can be printed: bytes that are not UTF-8 become ``\xNN``."""
    return path if path.isascii() else os.fsencode(path).decode("utf-8", "backslashreplace")
