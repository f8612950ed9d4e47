"""Knows what nixpkgs has on one kind of machine and not on another, from the table ``data/machines.json``.

An index lists the files of one system. Attributes have the same names on every other, and a package that
cannot be built there is no answer. ``scripts/update_machines.py`` asks a nixpkgs which these are.
"""

from __future__ import annotations

from collections.abc import Container

from wheelfix.model.base import replace
from wheelfix.model.index import Attribute, Lookup, Provider
from wheelfix.model.system import name_machine, name_system
from wheelfix.model.tables import Attr, Row, Soname, Table, load_table

MUSL = "musl"


class Place(Row):
    """One kind of machine.

    Attributes:
        asked: number of attributes that nixpkgs was asked about.
        lacking: those of them that cannot be evaluated there, and can be on x86_64-linux.
    """

    asked: int
    lacking: frozenset[Attr]


class Machines(Table):
    """Table of what nixpkgs lacks on some machines.

    Attributes:
        release: of the nixpkgs that was asked, ``26.11``.
        places: by Nix system, followed by ``-musl`` for ``pkgsMusl``.
        only: machines that a library of a package is built for, where that is not all of the package's.
    """

    FILE = "machines.json"

    release: str
    places: dict[str, Place]
    only: dict[Soname, frozenset[str]]


def find_place(machine: str, *, musl: bool = False) -> str | None:
    """Name the package set for a machine: its Nix system, with ``-musl`` for that of musl.

    Args:
        machine: as in :class:`wheelfix.model.elf.ElfObject`.
        musl: whether what runs there is linked with musl.

    Returns:
        None for a machine that nixpkgs has no system for.
    """
    system = name_system(machine)
    return f"{system}-{MUSL}" if system and musl else system


def is_lacking(attr: str, place: str) -> bool:
    """Whether nixpkgs cannot evaluate an attribute for a place; False if it was not asked about that."""
    known = load_table(Machines).places.get(place)
    if known is None:
        return False
    return attr in known.lacking or attr.rpartition(".")[0] in known.lacking


def fit_place(lookup: Lookup, place: str, *, index: str) -> Lookup:
    """Leave out of an answer what nixpkgs lacks in a place, and the store paths of another one.

    Args:
        lookup: an answer of an index.
        place: from :func:`find_place`.
        index: Nix system of the index.
    """
    if place == index:
        return lookup
    only = load_table(Machines).only.get(lookup.soname)
    elsewhere = only is not None and name_machine(place.removesuffix(f"-{MUSL}")) not in only
    kept: list[Provider] = []
    lost: list[Attribute] = []
    for provider in lookup.providers:
        if elsewhere or is_lacking(provider.attr, place):
            lost.append(Attribute(attr=provider.attr, absent_on=place))
        else:
            kept.append(replace(provider, store_path=None))
    gone = {one.attr.rpartition(".")[2] for one in lost}
    for provider in [one for one in kept if _is_member(one.attr, gone)]:
        kept.remove(provider)
        lost.append(Attribute(attr=provider.attr, absent_on=place))
    rivals = tuple(p.attr for p in kept if p.attr in lookup.rivals)
    return replace(
        lookup,
        providers=tuple(kept),
        gone=(*lookup.gone, *lost),
        rivals=rivals if len(rivals) > 1 else (),
    )


def _is_member(attr: str, packages: Container[str]) -> bool:
    """Whether a Python set, which the table does not ask about, has one of these packages as a member.

    ``python314Packages.amdsmi`` is ``rocmPackages.amdsmi`` once more.
    """
    around, _, name = attr.rpartition(".")
    return around.startswith("python3") and name in packages
