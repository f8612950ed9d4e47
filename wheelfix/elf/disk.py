"""ELF files on disk: an installed environment, an unpacked wheel.

Nothing is inflated, so one thread reads a thousand files in a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from wheelfix.elf.file import open_file
from wheelfix.elf.reader import read_object
from wheelfix.model.elf import ElfObject


def read_elf_at(path: str, disk: Path) -> ElfObject:
    """Read what the loader would see of one ELF file on disk; at most a few windows of it are fetched.

    Args:
        path: POSIX path for the result and messages.
        disk: where the file is.

    Raises:
        ElfError: the file contradicts itself.
        InputError: the file cannot be read.
    """
    with open_file(path, disk) as reader:
        return read_object(path, reader)


def read_elf_paths(
    files: Iterable[tuple[str, Path]], *, on_file: Callable[[int], None] | None = None
) -> tuple[ElfObject, ...]:
    """Read ELF files on disk.

    Args:
        files: path for the result, and place on disk.
        on_file: told ``1`` after each file.

    Returns:
        One object per file, sorted by path.

    Raises:
        ElfError: the first file, in path order, that contradicts itself.
        InputError: the first file, in path order, that cannot be read.
    """
    objects = []
    for path, disk in sorted(files):
        objects.append(read_elf_at(path, disk))
        if on_file:
            on_file(1)
    return tuple(objects)
