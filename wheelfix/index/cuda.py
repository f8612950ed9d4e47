"""Unfree packages that no nix-index database has: CUDA, MKL, Oracle's client.

The table is ``data/cuda.toml``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from wheelfix.model.index import Provider
from wheelfix.model.tables import Attr, InOrder, Row, Soname, Table, load_table

_UNFREE: Final = "unfree, or built from what is: in no nix-index database, known to wheelfix itself"
_SCORE: Final = 100
_STEP: Final = 10


class CudaSet(Row):
    """A set of CUDA packages.

    Attributes:
        version: of CUDA: the major, and the minor behind ``_`` where nixpkgs has several of that major.
        attr: of the set.
        note: what reports say of it.
    """

    version: str
    attr: Attr
    note: str


class Package(Row):
    """An unfree package.

    Attributes:
        output: the one with the libraries.
        directory: where in it they are.
        note: a remark that reports show.
    """

    output: str
    directory: str = "/lib"
    note: str = ""


class CudaPackage(Package):
    """A package of CUDA sets, with what it has by the version of the set."""

    sonames: dict[str, tuple[Soname, ...]]


class OtherPackage(Package):
    """A package outside of them, with what it has."""

    sonames: tuple[Soname, ...]


class Unfree(Table):
    """Unfree packages.

    Attributes:
        sets: CUDA sets, in the order in which they are preferred; the first one is nixpkgs' default.
        cuda: their packages, by the last part of the attribute.
        other: those outside of them, by attribute.
    """

    FILE = "cuda.toml"

    sets: InOrder[CudaSet]
    cuda: dict[Attr, CudaPackage]
    other: dict[Attr, OtherPackage]


def find_cuda(soname: str) -> tuple[Provider, ...]:
    """List the unfree nixpkgs attributes that supply a soname.

    Args:
        soname: as in DT_NEEDED.

    Returns:
        Best first: nixpkgs' default CUDA set, then CUDA 13, then CUDA 11, each only if it has that
        soname (``libnccl.so.2`` is in all, ``libcublas.so.13`` in one). Empty if none is known.

    Example:
        >>> [provider.attr for provider in find_cuda("libcublas.so.12")]
        ['cudaPackages.libcublas']
    """
    return _find_providers().get(soname, ())


def list_cuda_attrs() -> frozenset[str]:
    """Every unfree attribute that is known."""
    return frozenset(provider.attr for providers in _find_providers().values() for provider in providers)


def find_default_cuda() -> str:
    """Major of the CUDA that plain ``cudaPackages`` is of."""
    return load_table(Unfree).sets[0].version.partition("_")[0]


@cache
def _find_providers() -> dict[str, tuple[Provider, ...]]:
    rows: dict[str, list[Provider]] = {}
    for attr, package, soname, note in _list_rows(load_table(Unfree)):
        known = rows.setdefault(soname, [])
        known.append(
            Provider(
                attr=attr,
                output=package.output,
                path=f"{package.directory}/{soname}",
                store_path=None,
                score=_SCORE - _STEP * len(known),
                why=tuple(clause for clause in (note, package.note, _UNFREE) if clause),
            )
        )
    return {soname: tuple(providers) for soname, providers in rows.items()}


def _list_rows(table: Unfree) -> Iterator[tuple[str, Package, str, str]]:
    """(attribute, package, soname, what reports say of its set), best set first."""
    for one in table.sets:
        for name, package in table.cuda.items():
            for soname in package.sonames.get(one.version, ()):
                yield f"{one.attr}.{name}", package, soname, one.note
    for attr, other in table.other.items():
        for soname in other.sonames:
            yield attr, other, soname, ""
