"""Tells which distributions carry a library, and where they install it.

The table is ``data/siblings.json``, made by ``scripts/collect_siblings.py`` from the member lists of real
wheels: to add a distribution, add its name there.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache

from wheelfix.model.base import Struct, field
from wheelfix.model.scan import Carrier
from wheelfix.model.tables import Name, SonamePattern, Table, load_table

_WILD = re.compile(r"[*?\[]")


class Siblings(Table):
    """Libraries of distributions, by distribution and directory.

    Attributes:
        distributions: names that the loader looks for, by distribution and by directory relative to
            site-packages; ``../..`` is ``lib`` of the prefix, which the data scheme of a wheel fills. A
            pattern (``libarrow.so.*``) stands for a version that changes with every release.
    """

    FILE = "siblings.json"

    distributions: dict[Name, dict[str, tuple[SonamePattern, ...]]]


class _Found(Struct):
    names: dict[str, list[Carrier]] = field(default_factory=dict)
    patterns: list[tuple[str, str, Carrier]] = field(default_factory=list)
    directories: dict[str, list[str]] = field(default_factory=dict)


@cache
def _find_carriers() -> _Found:
    found = _Found()
    for distribution, directories in load_table(Siblings).distributions.items():
        for directory, sonames in directories.items():
            found.directories.setdefault(directory, []).append(distribution)
            for soname in sonames:
                exact = not any(sign in soname for sign in "*?[")
                carrier = Carrier(distribution=distribution, directory=directory, exact=exact)
                if exact:
                    found.names.setdefault(soname, []).append(carrier)
                else:
                    found.patterns.append((_WILD.split(soname, maxsplit=1)[0], soname, carrier))
    return found


def find_distributions(soname: str) -> tuple[Carrier, ...]:
    """List the distributions known to carry a library.

    Args:
        soname: as in DT_NEEDED.

    Returns:
        Exact matches first, then by distribution and directory; a pattern that matches is left out if the
        same distribution has the exact name in the same directory. Empty if none is known.

    Example:
        >>> [carrier.distribution for carrier in find_distributions("libcublas.so.12")]
        ['nvidia-cublas-cu12']
    """
    table = _find_carriers()
    found = list(table.names.get(soname, ()))
    places = {(carrier.distribution, carrier.directory) for carrier in found}
    for start, pattern, carrier in table.patterns:
        place = carrier.distribution, carrier.directory
        # The same library in a release that had no version in the name.
        bare = soname.endswith(".so") and pattern == f"{soname}.*"
        # Compiling a regular expression for each pattern would dominate the time of a lookup.
        matches = bare or (soname.startswith(start) and fnmatchcase(soname, pattern))
        if place not in places and matches:
            places.add(place)
            found.append(carrier)
    return tuple(sorted(found, key=lambda c: (not c.exact, c.distribution, c.directory)))


def find_by_directory(directory: str) -> tuple[str, ...]:
    """List the distributions known to install libraries into a directory.

    Args:
        directory: relative to site-packages, with ``/``: ``nvidia/cublas/lib``; ``../..`` is ``lib`` of
            the prefix.

    Returns:
        Normalised names (PEP 503), sorted. CUDA 13 puts nearly everything into ``nvidia/cu13/lib``.
    """
    return tuple(sorted(_find_carriers().directories.get(directory, ())))


def list_libraries(distribution: str) -> tuple[tuple[str, str], ...]:
    """List the libraries that a distribution is known to install for others.

    Args:
        distribution: normalised name (PEP 503).

    Returns:
        (directory relative to site-packages, soname or pattern), in the table's order.
    """
    found = load_table(Siblings).distributions.get(distribution, {})
    return tuple((directory, soname) for directory, sonames in found.items() for soname in sonames)
