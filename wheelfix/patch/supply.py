"""What run paths may lead to: libraries in directories that the user names, or that files name already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from wheelfix.elf.disk import read_elf_at
from wheelfix.errors import WheelfixError
from wheelfix.model.elf import ElfObject
from wheelfix.patch.libraries import find_libraries, find_places
from wheelfix.patch.model import Group, Library
from wheelfix.patch.runpaths import Supply


def find_store() -> str:
    """The directory of the Nix store: that of NIX_STORE_DIR, as Nix has it, or ``/nix/store``."""
    return os.environ.get("NIX_STORE_DIR", "").rstrip("/") or "/nix/store"


def find_supply(
    groups: Sequence[Group], directories: Iterable[Path], *, python: Path | None, driver: bool
) -> Supply:
    """Look for everything the ELF files of some distributions may want outside of them.

    Args:
        groups: the distributions.
        directories: as the user gave them.
        python: interpreter of the environment: its program loader serves programs, too, if it is in a store.
        driver: as in :class:`wheelfix.patch.runpaths.Supply`.

    Raises:
        InputError: a directory is none.
    """
    objects = [obj for group in groups for obj in group.objects if obj.dynamic]
    names = {soname for obj in objects for soname in obj.needed}
    loaders = {obj.interpreter.rpartition("/")[2] for obj in objects if obj.interpreter}
    places = find_places(directories)
    named = sorted({d for obj in objects for d in _list_directories(obj)})
    known = {str(place) for place in places}
    store = f"{find_store()}/"
    inside = [d for d in named if d.startswith(store) or d in known]
    # Not Path.is_dir: an entry in an ELF file may be longer than any path.
    alive = [d for d in inside if os.path.isdir(d)]  # noqa: PTH112
    return Supply(
        libraries=find_libraries(places, names),
        present=find_libraries(map(Path, alive), names | loaders),
        dead=frozenset(inside) - frozenset(alive),
        interpreters=(*find_libraries(places, loaders), *_find_loader(python, store)),
        driver=driver,
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
