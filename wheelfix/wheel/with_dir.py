"""The libraries that sibling distributions really carry: a directory of wheels, or an environment.

File names in a wheel's list of members are not enough: a library answers a need by its DT_SONAME too, and
only on its own machine type. How ELF files are read, and where members are installed, the caller says.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheelfix.model.elf import ElfObject
from wheelfix.model.wheel import Distribution
from wheelfix.wheel.environment import Installed, find_wheels, read_environment

Package = tuple[Distribution, Sequence[ElfObject]]
"""A distribution and its ELF files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A library that a distribution at hand carries.

    Attributes:
        distribution: normalised name (PEP 503).
        version: as its metadata writes it.
        path: member path, or path relative to site-packages.
        directory: where it is installed, relative to site-packages; ``../..`` is ``lib`` of the prefix.
        machine: as in :class:`wheelfix.model.elf.ElfObject`.
        named: its file name is the wanted name, so that a run path to ``directory`` finds it.
        soname: its DT_SONAME is the wanted name, so that it answers once it is loaded.
    """

    distribution: str
    version: str
    path: str
    directory: str
    machine: str
    named: bool
    soname: bool


def iter_packages(
    directory: Path,
    *,
    magic: bytes,
    read_wheel: Callable[[Path], Package],
    read_installed: Callable[[Installed], Sequence[ElfObject]],
) -> Iterator[Package]:
    """Read the wheels of a directory; without any in it, the distributions installed there.

    Args:
        directory: what ``--with`` names.
        magic: the first bytes of an ELF file.
        read_wheel: reads a wheel.
        read_installed: reads the ELF files of an installed distribution.

    Raises:
        InputError: the directory or something in it cannot be read.
    """
    if wheels := find_wheels(directory):
        yield from map(read_wheel, wheels)
        return
    for installed in read_environment(directory, magic).distributions:
        if installed.distribution:
            yield installed.distribution, read_installed(installed)


def find_carried(
    packages: Iterable[Package], *, install_path: Callable[[str], str], site: str
) -> Mapping[str, tuple[Carried, ...]]:
    """Map every name that a library answers to, its soname and its file name, to who carries it.

    Args:
        packages: distributions with their ELF files.
        install_path: maps a member path to the installed path relative to the prefix.
        site: site-packages relative to the prefix, as ``install_path`` has it.

    Returns:
        Per name: libraries that have it as file name and soname first, then those that have it as file name,
        then by distribution and path. Programs and files that are not linked dynamically are left out.
    """
    found: dict[str, set[Carried]] = {}
    for distribution, objects in packages:
        for obj in objects:
            if obj.executable or not obj.dynamic:
                continue
            directory = posixpath.relpath(posixpath.dirname(install_path(obj.path)) or ".", site)
            for name in {obj.name, obj.soname} - {None, ""}:
                carried = Carried(
                    distribution=distribution.name,
                    version=distribution.version,
                    path=obj.path,
                    directory=directory,
                    machine=obj.machine,
                    named=obj.name == name,
                    soname=obj.soname == name,
                )
                found.setdefault(str(name), set()).add(carried)
    return {name: tuple(sorted(found[name], key=_rank)) for name in sorted(found)}


def find_claimed(
    carried: Mapping[str, tuple[Carried, ...]], soname: str, *, machine: str, distribution: str | None = None
) -> Carried | None:
    """The library that bears out a claim: ``distribution`` (None: anybody) carries ``soname``."""
    return next(
        (
            c
            for c in carried.get(soname, ())
            if c.machine == machine and distribution in {None, c.distribution}
        ),
        None,
    )


def _rank(carried: Carried) -> tuple[bool, bool, str, str, str, str]:
    return (
        not (carried.named and carried.soname),
        not carried.named,
        carried.distribution,
        carried.path,
        carried.version,
        carried.machine,
    )
