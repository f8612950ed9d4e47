"""What distributions at hand carry: a library answers to its file name and its DT_SONAME, on its machine."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from wheelfix.model.at_hand import AtHand, Carried
from wheelfix.model.elf import ElfObject
from wheelfix.model.scan import Carrier
from wheelfix.model.wheel import Distribution
from wheelfix.scan.layout import SITE, find_install_path
from wheelfix.wheel.metadata import rank_version


def find_carried(packages: Iterable[tuple[Distribution, Sequence[ElfObject]]]) -> AtHand:
    """Map every name that a library answers to, its soname and its file name, to who carries it.

    Args:
        packages: distributions with their ELF files; those without a name carry nothing.

    Returns:
        Per name: libraries that have it as file name and soname first, then those that have it as file name,
        then by distribution and path. Programs and files that are not linked dynamically are left out. Of
        several versions of one distribution the newest counts, in whatever order they are given.
    """
    packages = tuple(packages)
    found: dict[str, set[Carried]] = {}
    versions: dict[str, str] = {}
    for distribution, _ in packages:
        known = versions.get(distribution.name, distribution.version)
        versions[distribution.name] = max(known, distribution.version, key=rank_version)
    versions.pop("", None)
    for distribution, objects in packages:
        if versions.get(distribution.name) != distribution.version:
            continue
        for obj in objects:
            if not obj.is_library:
                continue
            directory = posixpath.relpath(posixpath.dirname(find_install_path(obj.path)) or ".", SITE)
            for name in filter(None, {obj.name, obj.soname}):
                carried = Carried(
                    distribution=distribution.name,
                    version=distribution.version,
                    path=obj.path,
                    directory=directory,
                    machine=obj.machine,
                    named=obj.name == name,
                    soname=obj.soname == name,
                )
                found.setdefault(name, set()).add(carried)
    libraries = {name: tuple(sorted(found[name], key=_rank)) for name in sorted(found)}
    return AtHand(versions=versions, libraries=libraries)


def find_claimed(
    at_hand: AtHand, soname: str, *, machine: str, distribution: str | None = None
) -> Carried | None:
    """The library that bears out a claim: ``distribution`` (None: anybody) carries ``soname``."""
    return next(
        (
            c
            for c in at_hand.libraries.get(soname, ())
            if c.machine == machine and distribution in {None, c.distribution}
        ),
        None,
    )


def correct_carriers(
    carriers: Iterable[Carrier], at_hand: AtHand, soname: str, *, machine: str
) -> tuple[Carrier, ...]:
    """Replace what tables say of distributions at hand by what these really carry."""
    seen = [
        Carrier(distribution=c.distribution, directory=c.directory, exact=True)
        for c in at_hand.libraries.get(soname, ())
        if c.machine == machine
    ]
    return (*dict.fromkeys(seen), *(c for c in carriers if c.distribution not in at_hand.versions))


def _rank(carried: Carried) -> tuple[bool, bool, str, str, str, str]:
    return (
        not (carried.named and carried.soname),
        not carried.named,
        carried.distribution,
        carried.path,
        carried.version,
        carried.machine,
    )
