"""Unfree packages, which no nix-index database lists: CUDA, MKL, Oracle's client.

The table is ``data/cuda.toml``.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

from wheelfix.model.base import replace
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
        note: remark for reports.
    """

    version: str
    attr: Attr
    note: str


class Package(Row):
    """An unfree package.

    Attributes:
        output: the one with the libraries.
        directory: the directory with the libraries in it.
        note: remark for reports.
    """

    output: str
    directory: str = "/lib"
    note: str = ""


class CudaPackage(Package):
    """A package of CUDA sets, with its libraries by the version of the set."""

    sonames: dict[str, tuple[Soname, ...]]


class OtherPackage(Package):
    """A package outside the CUDA sets, with its libraries."""

    sonames: tuple[Soname, ...]


class Unfree(Table):
    """Unfree packages.

    Attributes:
        sets: CUDA sets, in order of preference; the first one is nixpkgs' default.
        cuda: packages of the sets, by the last part of the attribute.
        other: packages outside the sets, by attribute.
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
        Best first: nixpkgs' default CUDA set, then the others, each only if it has that soname
        (``libnccl.so.2`` is in all, ``libcublas.so.13`` in one). Empty if none is
        known. Whether nixpkgs has the set still is not asked.

    Example:
        >>> [provider.attr for provider in find_cuda("libcublas.so.12")]
        ['cudaPackages.libcublas']
    """
    return _find_providers().get(soname, ())


def find_nearest_cuda(soname: str) -> tuple[str, ...]:
    """List the other majors of a CUDA library that are known, oldest first."""
    stem = soname.partition(".so.")[0]
    known = (other for other in _find_providers() if other.partition(".so.")[0] == stem)
    return tuple(sorted(other for other in known if other != soname))


def list_cuda_attrs() -> frozenset[str]:
    """Return all known unfree attributes."""
    return frozenset(provider.attr for providers in _find_providers().values() for provider in providers)


def list_cuda_sonames() -> tuple[str, ...]:
    """Return the sonames of all known unfree packages."""
    return tuple(_find_providers())


def find_default_cuda() -> str:
    """Return the CUDA major of plain ``cudaPackages``."""
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
    _add_links(rows)
    return {soname: tuple(providers) for soname, providers in rows.items()}


def _add_links(rows: dict[str, list[Provider]]) -> None:
    """Add the links without a version, which linkers use, and programs that open a library by such a name."""
    for soname, providers in list(rows.items()):
        bare = f"{soname.partition('.so')[0]}.so"
        if bare == soname:
            continue
        links = rows.setdefault(bare, [])
        for one in providers:
            if all(link.attr != one.attr for link in links):
                links.append(replace(one, path=f"{one.path.rpartition('/')[0]}/{bare}"))


def _list_rows(table: Unfree) -> Iterator[tuple[str, Package, str, str]]:
    """Yield (attribute, package, soname, remark on its set), best set first."""
    for one in table.sets:
        for name, package in table.cuda.items():
            for soname in package.sonames.get(one.version, ()):
                yield f"{one.attr}.{name}", package, soname, one.note
    for attr, other in table.other.items():
        for soname in other.sonames:
            yield attr, other, soname, ""
