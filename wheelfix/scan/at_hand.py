"""Decides which distributions can be installed beside each distribution, and which libraries they carry.

A library answers to its file name and its DT_SONAME, on its machine. Of several versions of a distribution,
one is at hand: the one that the metadata requires, or else the newest, independent of the order of input.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from wheelfix.model.at_hand import AtHand, LibraryAtHand
from wheelfix.model.base import replace
from wheelfix.model.elf import ElfObject
from wheelfix.model.scan import Carrier
from wheelfix.model.wheel import Distribution
from wheelfix.scan.layout import SITE, expand_entry, find_install_path

if TYPE_CHECKING:
    from wheelfix.model.reading import Reading

_PYTHON = "python"
"""The package of conda with the interpreter, and the beginning of its programs' names."""
_MAX_STEPS = 40
_ANY = (0, 10_000)
"""First and last minor version of Python 3."""


def assign_at_hand(
    shared: Sequence[Reading], users: Sequence[tuple[Distribution, Sequence[Reading]]]
) -> tuple[AtHand, ...]:
    """Find the distributions at hand of each distribution: those that can be installed beside it.

    Args:
        shared: readings that are at hand of every distribution whose tags they fit.
        users: distributions, each with the readings that are at hand of it alone.

    Returns:
        In the order of ``users``; the same object for those with the same distributions at hand.
    """
    pools: dict[frozenset[int], dict[str, dict[str, list[Reading]]]] = {}
    strangers: dict[tuple[str, ...], frozenset[int]] = {}
    made: dict[tuple[object, ...], AtHand] = {}
    found = []
    for user, own in users:
        if user.tags not in strangers:
            strangers[user.tags] = _find_strangers(user.tags, shared)
        out = strangers[user.tags]
        if out not in pools:
            pools[out] = _group(reading for reading in shared if id(reading) not in out)
        mine = _merge(pools[out], _group(own)) if own else pools[out]
        chosen = {name: _choose(user, name, versions) for name, versions in mine.items() if len(versions) > 1}
        key = (out, *sorted(chosen.items()), *(id(reading) for reading in own))
        if key not in made:
            made[key] = carry(
                reading
                for name, versions in mine.items()
                for reading in versions[chosen.get(name, next(iter(versions)))]
            )
        found.append(made[key])
    return tuple(found)


def _find_strangers(tags: Sequence[str], readings: Iterable[Reading]) -> frozenset[int]:
    """Return the identities of the readings that cannot be installed beside a wheel with some tags."""
    known: dict[tuple[str, ...], bool] = {}
    found = set()
    for reading in readings:
        other = reading.distribution.tags
        if other not in known:
            known[other] = fit_together(tags, other)
        if not known[other]:
            found.add(id(reading))
    return frozenset(found)


def fit_together(one: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether wheels with these tags can be installed beside each other; a wheel without tags fits any.

    Args:
        one: expanded compatibility tags.
        other: the same, of the other wheel.
    """
    if not one or not other:
        return True
    (pythons, platforms), (more, others) = _sum_up(one), _sum_up(other)
    meets = any(
        a[1][0] <= b[1][1] and b[1][0] <= a[1][1] and (a[0] == b[0] or "py" in {a[0], b[0]})
        for a in pythons
        for b in more
    )
    return meets and ("any" in platforms | others or not platforms.isdisjoint(others))


def _sum_up(tags: Iterable[str]) -> tuple[set[tuple[str, tuple[int, int]]], set[str]]:
    """Return interpreters with ranges of minor versions, and platforms without the C library's version.

    An interpreter is ``cp``, ``cpt`` for those without GIL alone, ``pp``, or ``py`` for any.
    """
    pythons, platforms = set(), set()
    for tag in tags:
        python, abi, platform = tag.split("-", 2)
        match = re.fullmatch(r"[a-z]+3(\d{1,4})", python)
        minor = int(match[1]) if match else None
        kind = python[:2] if python.startswith(("cp", "pp")) and abi != "none" else "py"
        if kind == "cp" and re.fullmatch(r"cp\d+t|abi3t", abi):
            kind = "cpt"
        if minor is None:
            pythons.add((kind, _ANY))
        else:
            exact = kind != "py" and not abi.startswith("abi3")
            pythons.add((kind, (minor, minor if exact else _ANY[1])))
        platforms.add(re.sub(r"^(?:many)?linux(?:_\d+_\d+|\d+)?_|(?<=^musllinux_)\d+_\d+_", "", platform))
    return pythons, platforms


def _group(readings: Iterable[Reading]) -> dict[str, dict[str, list[Reading]]]:
    """Readings by normalised name and by version; those without a name carry nothing."""
    found: dict[str, dict[str, list[Reading]]] = {}
    for reading in readings:
        wheel = reading.distribution
        if wheel.name:
            found.setdefault(wheel.name, {}).setdefault(wheel.version, []).append(reading)
    return found


def _merge(
    pool: Mapping[str, Mapping[str, list[Reading]]], own: Mapping[str, Mapping[str, list[Reading]]]
) -> dict[str, dict[str, list[Reading]]]:
    found = {name: dict(versions) for name, versions in pool.items()}
    for name, versions in own.items():
        for version, readings in versions.items():
            known = found.setdefault(name, {})
            known[version] = [*known.get(version, ()), *readings]
    return found


def _choose(user: Distribution, name: str, versions: Iterable[str]) -> str:
    """Choose the version of a distribution that is installed beside another, as far as its metadata tells."""
    from wheelfix.wheel.metadata import admits, rank_version

    if name == user.name:
        return user.version
    # What packages of conda depend on is written in another language than that of requirements.
    texts = [r.text for r in user.requires if r.active and r.name == name]
    wishes = [] if user.conda else texts
    return max(versions, key=lambda version: (all(admits(w, version) for w in wishes), rank_version(version)))


def carry(readings: Iterable[Reading]) -> AtHand:
    """Find the libraries that distributions at hand carry, by :func:`find_carried`, from their readings."""
    readings = tuple(readings)
    links = [(reading.distribution, reading.links) for reading in readings if reading.links]
    return find_carried(((one.distribution, one.objects) for one in readings), links)


def find_carried(
    packages: Iterable[tuple[Distribution, Sequence[ElfObject]]],
    links: Iterable[tuple[Distribution, Sequence[tuple[str, str]]]] = (),
) -> AtHand:
    """Map every name of a library, its soname and its file name, to the distributions that carry it.

    Args:
        packages: distributions with their ELF files; those without a name carry nothing.
        links: packages of conda, with links that lead to files of other packages, each with its target: one
            carries the library under the name of its link.

    Returns:
        Per name: libraries that have it as file name and soname first, then those that have it as file name,
        then by distribution and path. Programs and files that are not linked dynamically are left out. Of
        several versions of one distribution the newest counts, in whatever order they are given.
    """
    packages = tuple(packages)
    found: dict[str, set[LibraryAtHand]] = {}
    versions: dict[str, str] = {}
    for distribution, _ in packages:
        known = versions.setdefault(distribution.name, distribution.version)
        if known != distribution.version:
            # The module that parses versions takes half as long to import as a whole `wheelfix locate`.
            from wheelfix.wheel.metadata import rank_version

            versions[distribution.name] = max(known, distribution.version, key=rank_version)
    versions.pop("", None)
    linked = _follow_links(packages, links)
    for distribution, objects in (*packages, *linked):
        if versions.get(distribution.name) != distribution.version:
            continue
        for obj in objects:
            if not obj.is_library:
                continue
            directory = posixpath.relpath(posixpath.dirname(find_install_path(obj.path)) or ".", SITE)
            for name in filter(None, {obj.name, obj.soname}):
                carried = LibraryAtHand(
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
    return AtHand(
        versions=versions,
        libraries=libraries,
        conda=frozenset(one.name for one, _ in packages if one.conda),
        inherited=_find_inherited(packages),
    )


def _follow_links(
    packages: Sequence[tuple[Distribution, Sequence[ElfObject]]],
    links: Iterable[tuple[Distribution, Sequence[tuple[str, str]]]],
) -> list[tuple[Distribution, list[ElfObject]]]:
    """Return the libraries that packages of conda carry as links to files of other packages."""
    links = tuple(links)
    if not links:
        return []
    targets = {path: target for _, own in links for path, target in own}
    files = {obj.path: obj for distribution, objects in packages if distribution.conda for obj in objects}
    found = []
    for distribution, own in links:
        ends = ((path, _follow_link(path, targets)) for path, _ in own)
        found.append((distribution, [replace(files[end], path=path) for path, end in ends if end in files]))
    return found


def _follow_link(path: str, targets: Mapping[str, str]) -> str:
    for _ in range(_MAX_STEPS):
        if path not in targets:
            break
        path = targets[path]
    return path


def _find_inherited(packages: Iterable[tuple[Distribution, Sequence[ElfObject]]]) -> dict[str, str]:
    """Find where the DT_RPATH of conda's Python leads: it counts for what is loaded without DT_RUNPATH."""
    for distribution, objects in packages:
        if distribution.conda and distribution.name == _PYTHON:
            for obj in objects:
                path = find_install_path(obj.path)
                if path.startswith(f"bin/{_PYTHON}") and obj.rpath and not obj.runpath:
                    origin = posixpath.dirname(path)
                    expanded = (
                        (directory, text)
                        for text in obj.rpath
                        for directory in expand_entry(text, origin=origin, machine=obj.machine)
                    )
                    return dict(expanded)
    return {}


def find_claimed(
    at_hand: AtHand, soname: str, *, machine: str, distribution: str | None = None
) -> LibraryAtHand | None:
    """Find a library that confirms that ``distribution`` (None: any) carries ``soname``."""
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
    """Replace the table's entries about distributions at hand by what these really carry.

    A copy whose file has another name, as the private one in ``x.libs``, counts only if nobody has the file.
    """
    mine = [c for c in at_hand.libraries.get(soname, ()) if c.machine == machine]
    seen = [
        Carrier(distribution=c.distribution, directory=c.directory, exact=True)
        for c in [c for c in mine if c.named] or mine
    ]
    return (*dict.fromkeys(seen), *(c for c in carriers if c.distribution not in at_hand.versions))


def _rank(carried: LibraryAtHand) -> tuple[bool, bool, str, str, str, str]:
    return (
        not (carried.named and carried.soname),
        not carried.named,
        carried.distribution,
        carried.path,
        carried.version,
        carried.machine,
    )
