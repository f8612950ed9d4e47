"""All that the index and the tables know about the sonames of a wheel, gathered once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from wheelfix.errors import InputError
from wheelfix.index.driver import find_driver
from wheelfix.index.libc import find_libc
from wheelfix.index.lookup import find_providers
from wheelfix.index.releases import NEWEST
from wheelfix.index.siblings import find_by_directory, find_distributions
from wheelfix.index.table import SonameTable
from wheelfix.model.locate import Located
from wheelfix.model.scan import SonameFacts


def find_facts(
    table: SonameTable,
    wanted: Iterable[tuple[str, str]],
    *,
    release: tuple[int, int] = NEWEST,
    carriers: bool = True,
) -> Mapping[tuple[str, str], SonameFacts]:
    """Ask every table about every soname.

    Args:
        table: the soname table.
        wanted: pairs of soname and machine type.
        release: of the user's nixpkgs, for the names of attributes.
        carriers: also ask which distributions carry them.

    Returns:
        The facts by the same pairs. Attributes are those of the table's system: nixpkgs names its packages
        alike on every machine type.
    """
    pairs = tuple(wanted)
    sonames = sorted({soname for soname, _ in pairs})
    lookups = dict(zip(sonames, find_providers(table, sonames, release=release), strict=True))
    return {
        (soname, machine): SonameFacts(
            soname=soname,
            machine=machine,
            lookup=lookups[soname],
            libc=find_libc(soname, machine),
            driver=find_driver(soname),
            carriers=find_distributions(soname) if carriers else (),
        )
        for soname, machine in pairs
    }


def is_libc(soname: str, machine: str) -> bool:
    """Tell whether the C library of a machine owns a soname."""
    return find_libc(soname, machine) is not None


def find_fillers(directories: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Distributions known to fill a directory, by directory relative to site-packages."""
    return {d: names for d in directories if (names := find_by_directory(d))}


def expand_names(table: SonameTable, names: Iterable[str], *, regex: bool = False) -> tuple[str, ...]:
    """Sonames that names stand for: patterns are looked up, paths cut down to their last part.

    Args:
        table: where patterns are looked up.
        names: sonames, paths, globs, or regular expressions.
        regex: which of both the patterns are.

    Raises:
        InputError: no regular expression.
    """
    found: dict[str, None] = {}
    for name in names:
        last = name if regex else name.rpartition("/")[2]
        if regex or set("*?[") & set(last):
            try:
                found |= dict.fromkeys(table.find_names(last, regex=regex))
            except re.error as error:
                raise InputError(
                    name, f"is no regular expression ({error})", "quote it, or leave --regex out"
                ) from None
        else:
            found[last] = None
    return tuple(found)


def add_all(table: SonameTable, located: Located) -> Located:
    """Append every package that has the file and is no provider."""
    known = {(p.attr, p.output) for p in located.providers}
    rest = tuple(p for p in table.find_all(located.soname) if (p.attr, p.output) not in known)
    return replace(located, providers=(*located.providers, *rest))
