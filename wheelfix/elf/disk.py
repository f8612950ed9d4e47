"""Reads ELF files on disk: those of an installed environment or an unpacked wheel.

Nothing is inflated, so one thread reads a thousand files in a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from wheelfix.elf.exports import read_symbols
from wheelfix.elf.file import open_file
from wheelfix.elf.reader import read_object
from wheelfix.elf.watch import read_hints
from wheelfix.model.elf import ElfObject, Symbols
from wheelfix.model.hints import ElfHints


def read_elf_at(path: str, disk: Path) -> tuple[ElfObject, ElfHints]:
    """Read what the loader sees of one ELF file on disk; of most, only a few windows are fetched.

    Args:
        path: POSIX path for the result and messages.
        disk: where the file is.

    Returns:
        The object, and its hints; of a file that uses dlopen, all that may be strings is read.

    Raises:
        ElfError: the file contradicts itself.
        InputError: the file cannot be read.
    """
    with open_file(path, disk) as reader:
        return read_object(path, reader), read_hints(path, reader)


def read_object_at(path: str, disk: Path) -> ElfObject:
    """Read one ELF file on disk without its hints; arguments and errors as for :func:`read_elf_at`."""
    with open_file(path, disk) as reader:
        return read_object(path, reader)


def read_elf_paths(
    files: Iterable[tuple[str, Path]], *, on_file: Callable[[int], None] | None = None
) -> tuple[tuple[ElfObject, ElfHints], ...]:
    """Read ELF files on disk.

    Args:
        files: path for the result, and place on disk.
        on_file: called with ``1`` after each file.

    Returns:
        One pair per file, sorted by path.

    Raises:
        ElfError: the first file, in path order, that contradicts itself.
        InputError: the first file, in path order, that cannot be read.
    """
    pairs = []
    for path, disk in sorted(files):
        pairs.append(read_elf_at(path, disk))
        if on_file:
            on_file(1)
    return tuple(pairs)


def read_symbols_at(path: str, disk: Path) -> Symbols:
    """Read the dynamic symbols of one ELF file on disk; arguments and errors as for :func:`read_elf_at`."""
    with open_file(path, disk) as reader:
        return read_symbols(path, reader)
