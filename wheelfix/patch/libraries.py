"""Finds libraries in directories by file name, as a loader does."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from wheelfix.elf.disk import read_elf_at, read_symbols_at
from wheelfix.errors import ElfError, InputError, WheelfixError
from wheelfix.index.names import find_series
from wheelfix.model.base import replace
from wheelfix.model.elf import ElfObject, Library
from wheelfix.outside.places import find_store
from wheelfix.patch.model import Group
from wheelfix.patch.openings import is_version, list_names
from wheelfix.patch.runpaths import Reachable
from wheelfix.pysource.shim import ShimTable

_GLIBC = ("libc.so.6", "ld-linux", "libm.so.6")
_MUSL = ("libc.so", "libc.musl-", "ld-musl-")
_GLIBC_VERSION = re.compile(r"GLIBC_(\d{1,3}(?:\.\d{1,3}){1,2})")


def find_places(directories: Iterable[Path]) -> tuple[Path, ...]:
    """List the directories that may hold libraries: each given one, with its ``lib`` and ``lib64``.

    Args:
        directories: store paths, prefixes, or directories of libraries. Links are resolved, so that run paths
            do not depend on a link such as ``result``.

    Raises:
        InputError: one of them is not a directory.
    """
    places: dict[Path, None] = {}
    for directory in directories:
        if not os.path.isdir(directory):  # noqa: PTH112 - a user's path may be too long as well
            hint = "give a directory of libraries or a store path"
            raise InputError(str(directory), "is no directory", hint)
        for place in (directory, directory / "lib", directory / "lib64"):
            if os.path.isdir(place):  # noqa: PTH112
                places[place.resolve()] = None
    return tuple(places)


def find_libraries(places: Iterable[Path], names: Collection[str]) -> tuple[Library, ...]:
    """Find libraries by file name.

    Args:
        places: directories; their subdirectories are not searched.
        names: file names, as in DT_NEEDED.

    Returns:
        In the order of the places, then by name. Files that are not libraries are skipped, as by a loader.
    """
    found = []
    for place in places:
        for name in sorted(names):
            # Not Path.is_file, which may raise an error for a name that is longer than the system allows.
            if "/" not in name and os.path.isfile(place / name):  # noqa: PTH113
                with suppress(ElfError, InputError):
                    obj, _ = read_elf_at(str(place / name), place / name)
                    if obj.dynamic:
                        versions = [name for one in obj.versions for name in one.versions]
                        found.append(
                            Library(
                                name=name,
                                directory=str(place),
                                machine=obj.machine,
                                musl=_find_libc(obj),
                                glibc=_find_newest(versions),
                            )
                        )
    return tuple(found)


def _find_newest(versions: Iterable[str]) -> tuple[int, ...]:
    """Find the newest version of glibc among names of symbol versions."""
    found = (_GLIBC_VERSION.fullmatch(name) for name in versions)
    return max((tuple(map(int, match[1].split("."))) for match in found if match), default=())


def find_glibc(python: Path) -> tuple[int, ...]:
    """Find the version of glibc that an interpreter runs with.

    Args:
        python: the interpreter.

    Returns:
        Empty if it cannot be told: there is no C library beside its program loader, as with nix-ld.
    """
    with suppress(WheelfixError, OSError, ValueError, RuntimeError):
        obj, _ = read_elf_at(str(python), python.resolve())
        libc = Path(obj.interpreter or "").resolve().with_name("libc.so.6")
        if obj.interpreter and libc.is_file():
            return _find_newest(read_symbols_at(str(libc), libc).versions)
    return ()


def drop_absent(table: ShimTable) -> ShimTable:
    """Return the table of a shim without libraries that are not there."""
    there = {
        name: path
        for name, path in table.libraries.items()
        if path.startswith("/") and "\0" not in path and os.path.isfile(path)  # noqa: PTH113 - of any length
    }
    return replace(table, libraries=there)


def find_versions(places: Iterable[Path], names: Collection[str]) -> set[str]:
    """Find the names of the versions of libraries whose names have none: ``libx.so.1`` for ``libx.so``."""
    wanted = {name for name in names if name.endswith(".so")}
    found: set[str] = set()
    for place in places if wanted else ():
        with suppress(OSError):
            files = os.listdir(place)  # noqa: PTH208 - the names alone, of thousands of files
            found |= {f for f in files if (name := find_series(f)) in wanted and is_version(f, name)}
    return found


def _find_libc(obj: ElfObject) -> bool | None:
    names = (*obj.needed, obj.soname or obj.name)
    if any(name.startswith(_MUSL[1:]) or name == _MUSL[0] for name in names):
        return True
    return False if any(name.startswith(_GLIBC) for name in names) else None


def find_reachable(
    groups: Sequence[Group], directories: Iterable[Path], *, python: Path | None, driver: bool
) -> Reachable:
    """Find the libraries outside of some distributions that their ELF files may need.

    Args:
        groups: the distributions.
        directories: those that the user gave.
        python: interpreter of the environment; its program loader is used for programs if it is in a store.
        driver: as in :class:`wheelfix.patch.runpaths.Reachable`.

    Raises:
        InputError: a given path is not a directory.
    """
    objects = [obj for group in groups for obj in group.objects if obj.dynamic]
    names = {soname for obj in objects for soname in obj.needed}
    opened = {file for group in groups for opening in group.openings for _, file in list_names(opening)}
    loaders = {obj.interpreter.rpartition("/")[2] for obj in objects if obj.interpreter}
    places = find_places(directories)
    named = sorted({d for obj in objects for d in _list_directories(obj)})
    known = {str(place) for place in places}
    store = f"{find_store()}/"
    inside = [d for d in named if d.startswith(store) or d in known]
    # Not Path.is_dir, which may raise an error for a path that is longer than the system allows.
    alive = [d for d in inside if os.path.isdir(d)]  # noqa: PTH112
    return Reachable(
        libraries=find_libraries(places, names | opened | find_versions(places, opened)),
        present=find_libraries(map(Path, alive), names | opened | loaders),
        dead=frozenset(inside) - frozenset(alive),
        interpreters=(*find_libraries(places, loaders), *_find_loader(python, store)),
        driver=driver,
        glibc=find_glibc(python) if python and places else (),
    )


def _list_directories(obj: ElfObject) -> Iterator[str]:
    yield from (entry for entry in (*obj.rpath, *obj.runpath) if entry.startswith("/"))
    if obj.interpreter:
        yield obj.interpreter.rpartition("/")[0]


def _find_loader(python: Path | None, store: str) -> Iterator[Library]:
    if python is None or not os.path.isfile(python):  # noqa: PTH113
        return
    with suppress(WheelfixError):
        obj, _ = read_elf_at(str(python), python.resolve())
        if obj.interpreter and obj.interpreter.startswith(store):
            directory, _, name = obj.interpreter.rpartition("/")
            yield Library(name=name, directory=directory, machine=obj.machine, musl="ld-musl" in name)
