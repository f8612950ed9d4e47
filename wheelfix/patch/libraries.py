"""Libraries in directories, found by file name as a loader would."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from wheelfix.elf.disk import read_elf_at
from wheelfix.errors import ElfError, InputError
from wheelfix.model.elf import ElfObject
from wheelfix.patch.model import Library

_GLIBC = ("libc.so.6", "ld-linux", "libm.so.6")
_MUSL = ("libc.so", "libc.musl-", "ld-musl-")


def find_places(directories: Iterable[Path]) -> tuple[Path, ...]:
    """List where the libraries of some directories may be: in each itself, in its ``lib`` and ``lib64``.

    Args:
        directories: store paths, prefixes, or directories of libraries; links to them are resolved, so that
            what is written into a file does not depend on a link such as ``result``.

    Raises:
        InputError: one of them is no directory.
    """
    places: dict[Path, None] = {}
    for directory in directories:
        if not os.path.isdir(directory):  # noqa: PTH112 - the same of what a user gives
            hint = "give a directory of libraries or a store path"
            raise InputError(str(directory), "is no directory", hint)
        for place in (directory, directory / "lib", directory / "lib64"):
            if os.path.isdir(place):  # noqa: PTH112
                places[place.resolve()] = None
    return tuple(places)


def find_libraries(places: Iterable[Path], names: Collection[str]) -> tuple[Library, ...]:
    """Find libraries by file name.

    Args:
        places: directories, each searched by itself alone.
        names: file names, as in DT_NEEDED.

    Returns:
        In the order of the places, then by name; what is no library is left out, as a loader would.
    """
    found = []
    for place in places:
        for name in sorted(names):
            # Not Path.is_file: a name in an ELF file may be longer than any file's.
            if "/" not in name and os.path.isfile(place / name):  # noqa: PTH113
                with suppress(ElfError, InputError):
                    obj, _ = read_elf_at(str(place / name), place / name)
                    if obj.dynamic:
                        musl = _find_libc(obj)
                        found.append(Library(name=name, directory=str(place), machine=obj.machine, musl=musl))
    return tuple(found)


def _find_libc(obj: ElfObject) -> bool | None:
    names = (*obj.needed, obj.soname or obj.name)
    if any(name.startswith(_MUSL[1:]) or name == _MUSL[0] for name in names):
        return True
    return False if any(name.startswith(_GLIBC) for name in names) else None
