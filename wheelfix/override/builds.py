"""Finds nixpkgs' build of a distribution: the attribute, and what an adapter has to know of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from wheelfix.errors import InputError
from wheelfix.index.table import SonameTable
from wheelfix.model.index import PythonPackage
from wheelfix.model.lock import name_packages
from wheelfix.model.override import NixpkgsBuild
from wheelfix.model.scan import Finding, Level
from wheelfix.model.tables import Attr, Name, Table, load_table
from wheelfix.override.prebuilt import find_package

FindBuild = Callable[[str], NixpkgsBuild | None]
"""Finds nixpkgs' build of a distribution by its normalised name; None if nixpkgs is not known to have one."""

DEFAULT_SET = ("python3Packages",)
"""Package set of nixpkgs' default Python."""
_EDITION = re.compile(r"-(?:gpu|cpu|headless|binary|cuda|cuda\d+x?|cu\d+|rocm(?:-\d+)*)$")


class Builds(Table):
    """Distributions that nixpkgs has under another attribute of its package sets than their own name.

    Attributes:
        hollow: the attribute of the own name holds metadata alone, and propagates the one given.
        named: the files are in the package of another name.
    """

    FILE = "builds.toml"

    hollow: dict[Name, Attr]
    named: dict[Name, Attr]


def make_finder(
    index: SonameTable, packages: tuple[str, ...] = DEFAULT_SET, names: Iterable[str] = ()
) -> FindBuild:
    """Make a function that finds builds in one Python package set.

    Args:
        index: with the data about nixpkgs' attributes.
        packages: attribute path of the package set.
        names: distributions that will be asked for: a nixpkgs that the user named is evaluated once for all.
    """
    attributes = index.attributes
    candidates = {candidate for name in names for candidate in _list_names(name)}
    attributes.ask(python={attr for one in candidates for attr in (one, one.replace("-", "_"))})

    @cache
    def find_build(name: str) -> NixpkgsBuild | None:
        for candidate in _list_names(name):
            package = attributes.find_python(candidate)
            if package and package.removed is None:
                return _describe(packages, package)
        return None

    return find_build


def find_no_build(_: str) -> NixpkgsBuild | None:
    """Find nothing: stands for :func:`make_finder` where nothing is known of nixpkgs."""
    return None


def find_real_attr(name: str) -> str | None:
    """Return the attribute below a package set whose build has a distribution's files, if it is another one.

    Example:
        >>> find_real_attr("opencv-python"), find_real_attr("numpy")
        ('opencv4', None)
    """
    table = load_table(Builds)
    return table.hollow.get(name) or table.named.get(name)


def choose_build(
    attr: tuple[str, ...] | None,
    name: str,
    python: str,
    index: SonameTable,
    names: Iterable[str] = (),
) -> tuple[NixpkgsBuild, FindBuild, tuple[Finding, ...]]:
    """Choose the build that replaces a distribution.

    Args:
        attr: what the user named, or None.
        name: of the distribution, normalised.
        python: version of the package set.
        index: with the data about nixpkgs' attributes.
        names: of all distributions whose builds may be asked for.

    Returns:
        The build, how to find others of the same package set, and what to know of the choice.

    Raises:
        InputError: no build is named, and nixpkgs is not known to have one.
    """
    packages = name_packages(python)
    if attr and len(attr) > 1:
        packages = attr[:-1]
    finder = make_finder(index, packages, names)
    known = finder(name)
    if attr is None:
        if known is None:
            hint = "name the attribute of its build with --from, or keep the wheel: see `wheelfix override`"
            raise InputError(name, "is not known to be among nixpkgs' Python packages", hint)
        return known, finder, ()
    real = load_table(Builds).hollow.get(attr[-1])
    if real is None:
        package = find_package(attr, index)
        return (_describe(packages, package) if package else NixpkgsBuild(attr=attr)), finder, ()
    message = f"holds metadata alone: {'.'.join((*packages, real))}, which it propagates, has the files"
    told = Finding(level=Level.NOTE, subject=".".join(attr), message=message)
    return (known or NixpkgsBuild(attr=(*packages, real))), finder, (told,)


def _list_names(name: str) -> Iterator[str]:
    """Yield names under which nixpkgs may have a distribution, the most exact first."""
    yield find_real_attr(name) or name
    bare = name
    while (shorter := _EDITION.sub("", bare)) != bare:
        bare = shorter
        yield find_real_attr(bare) or bare


def _describe(packages: tuple[str, ...], known: PythonPackage) -> NixpkgsBuild:
    return NixpkgsBuild(
        attr=(*packages, known.attr),
        version=known.version or "",
        dependencies=frozenset(known.dependencies),
        unfree=known.unfree,
        insecure=known.insecure,
        broken=known.broken,
    )
