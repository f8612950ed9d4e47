"""Finds which dependency of a package of conda has a library, where the dependency was not read.

A table has packages that are called otherwise than their libraries; it alone counts for a library that it
has. For others, strongest first: a name that fits (``libcurl.so.4`` and ``libcurl``), with the major some
have (``libxml2.so.16`` and ``libxml2-16``), and the nixpkgs attribute that has the library, if the
dependency is called like it (``libgdal.so.36`` and ``gdal``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from wheelfix.model.index import Provider
from wheelfix.model.tables import InOrder, Table, load_table

_SONAME = re.compile(r"(?:lib)?(.+?)\.so(?:\.(\w+)[\w.]*)?")
_FORMS = ("{}", "lib{}", "xorg-lib{}", "cuda-{}")
"""What packages are called whose library has a name."""
_ASKED = 3
"""Providers whose names count: those that come later have a copy of a library of others."""
_DIGITS = re.compile(r"[-._]?\d[\d.]*$")


class CondaLibraries(Table):
    """Table of the packages of conda that have a library, where its name does not tell.

    Attributes:
        packages: names of packages, by the name of a library without ``lib`` and ``.so``.
        prefixes: the same, by the beginning of such a name, for families of libraries.
    """

    FILE = "conda.toml"

    packages: dict[str, InOrder[str]]
    prefixes: dict[str, InOrder[str]]


def find_dependency(soname: str, names: Sequence[str], providers: Sequence[Provider] = ()) -> str | None:
    """Find the package, among some, that is known to have a library, or is called like it.

    Args:
        soname: of the library.
        names: of packages, as conda has them.
        providers: who has it in nixpkgs, best first.

    Example:
        >>> find_dependency("libz.so.1", ["libzlib", "python"]), find_dependency("libssl.so.3", ["openssl"])
        ('libzlib', 'openssl')
    """
    match = _SONAME.fullmatch(soname)
    if match is None or not names:
        return None
    stem, table = match[1], load_table(CondaLibraries)
    listed = table.packages.get(stem)
    if listed is None:
        begun = [start for start in table.prefixes if stem.startswith(start)]
        listed = table.prefixes[max(begun, key=len)] if begun else ()
    if listed:
        return next((name for name in listed if name in names), None)
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(_fold(name), name)
    called = [f"{stem}{match[2] or ''}", stem, _DIGITS.sub("", stem), *_list_attributes(providers)]
    wanted = (_fold(form.format(one)) for one in called for form in _FORMS)
    return next((folded[one] for one in wanted if one in folded), None)


def _list_attributes(providers: Sequence[Provider]) -> Iterable[str]:
    for provider in providers[:_ASKED]:
        last = provider.attr.rpartition(".")[2]
        yield last
        yield _DIGITS.sub("", last)


def _fold(name: str) -> str:
    return re.sub(r"[-_.]+", "", name.lower())
