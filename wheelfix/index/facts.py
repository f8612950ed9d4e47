"""All that the index and the tables know about the sonames of a wheel, gathered once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from wheelfix.index.driver import find_driver
from wheelfix.index.libc import find_libc
from wheelfix.index.lookup import find_providers
from wheelfix.index.siblings import find_by_directory, find_distributions
from wheelfix.index.table import SonameTable
from wheelfix.model.scan import SonameFacts


def find_facts(
    table: SonameTable, wanted: Iterable[tuple[str, str]]
) -> Mapping[tuple[str, str], SonameFacts]:
    """Ask every table about every soname.

    Args:
        table: the soname table.
        wanted: pairs of soname and machine type.

    Returns:
        The facts by the same pairs. Attributes are those of the table's system: nixpkgs names its packages
        alike on every machine type.
    """
    pairs = tuple(wanted)
    sonames = sorted({soname for soname, _ in pairs})
    lookups = dict(zip(sonames, find_providers(table, sonames), strict=True))
    return {
        (soname, machine): SonameFacts(
            soname=soname,
            machine=machine,
            lookup=lookups[soname],
            libc=find_libc(soname, machine),
            driver=find_driver(soname),
            carriers=find_distributions(soname),
        )
        for soname, machine in pairs
    }


def find_fillers(directories: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Distributions known to fill a directory, by directory relative to site-packages."""
    return {d: names for d in directories if (names := find_by_directory(d))}
