"""Finds what a Python package set of nixpkgs has for the requirements of a wheel.

nixpkgs checks the requirements of a wheel when it builds it: a distribution that is missing, or has another
version than is required, stops the build.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from wheelfix.model.base import replace
from wheelfix.model.index import Attribute, PythonPackage
from wheelfix.model.override import Override, PythonDependency
from wheelfix.model.scan import Finding, Level
from wheelfix.model.wheel import Distribution, Requirement
from wheelfix.scan.closure import find_closing
from wheelfix.wheel.metadata import admits, is_exact, normalize_name, rank_version

_TAKEN = frozenset(
    {
        *(
            "abort",
            "builtins",
            "derivation",
            "false",
            "import",
            "map",
            "null",
            "placeholder",
            "throw",
            "true",
        ),
        *("buildPythonPackage", "fetchPypi", "fetchurl", "lib", "pkgs", "python", "pythonPackages", "stdenv"),
        *("dependencies", "disabled", "dist", "format", "meta", "passthru", "pname", "pyproject", "src"),
        *("build-system", "optional-dependencies", "version"),
    }
)
"""Names that mean something else in a package: Nix' own, its arguments, its attributes."""
_SPELLED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class PythonSet(Protocol):
    """What nixpkgs has, as :class:`~wheelfix.index.attributes.AttributeTable` tells it."""

    def ask(self, attrs: Iterable[str] = (), python: Iterable[str] = ()) -> None:
        """Prepare the answers about many names at once."""

    def ask_distributions(self, names: Iterable[str]) -> None:
        """Prepare the answers about many distributions at once."""

    def find(self, attr: str) -> Attribute | None:
        """Find an attribute below ``pkgs``."""

    def find_python(self, name: str) -> PythonPackage | None:
        """Find a Python package by the normalised name of its distribution."""

    def find_python_attr(self, attr: str) -> PythonPackage | None:
        """Find a Python package by its attribute."""


def name_beside(wheels: Iterable[Distribution], packages: PythonSet | None) -> dict[str, str]:
    """Name the packages of one file: by nixpkgs' attributes, which an overlay then replaces, or as they are.

    All that they require is asked about at once, because another nixpkgs than the usual one evaluates for it.

    Returns:
        The attributes by names of distributions.
    """
    wheels = tuple(wheels)
    names = {wheel.name for wheel in wheels}
    if packages:
        asked = names.union(r.name for wheel in wheels for r in wheel.requires if r.active)
        packages.ask(asked)
        packages.ask_distributions(asked)
    known = {name: packages.find_python(name) if packages else None for name in names}
    named = {name: one.attr if one and one.removed is None else name for name, one in known.items()}
    # Two distributions may lead to one attribute, of which the one that is called so has it.
    taken = {normalize_name(attr) for attr in named.values()} & names
    return {
        name: name if normalize_name(attr) != name and normalize_name(attr) in taken else attr
        for name, attr in named.items()
    }


def prepare_shadowed(overrides: Iterable[Override], packages: PythonSet | None) -> None:
    """Prepare the answers of :func:`find_shadowed` about all inputs of some packages at once."""
    if packages:
        inputs = (one.attr for override in overrides for one in override.written)
        packages.ask(python={attr.partition(".")[0] for attr in inputs})


def find_shadowed(names: Iterable[str], packages: PythonSet | None) -> frozenset[str]:
    """Find the names that mean a Python package in the set, or what is left of one, and not ``pkgs``' own."""
    asked = tuple(names)
    if packages:
        packages.ask(python=asked)
    return frozenset(name for name in asked if packages and packages.find_python_attr(name))


def find_present(name: str, packages: PythonSet | None) -> str:
    """Return attribute and version of what nixpkgs has of a distribution; empty if it has nothing."""
    found = packages.find_python(name) if packages else None
    if found is None or found.removed is not None:
        return ""
    return f"python3Packages.{found.attr} {found.version or ''}".rstrip()


def find_dependencies(
    wheel: Distribution, siblings: Iterable[str], packages: PythonSet | None, beside: Mapping[str, str]
) -> tuple[PythonDependency, ...]:
    """Find the packages for what a wheel requires.

    Args:
        wheel: its metadata; only its active requirements count.
        siblings: distributions whose libraries it links, which its metadata may not name.
        packages: what nixpkgs has; None takes every distribution for there under its own name.
        beside: packages of the same file: attributes by names of distributions.

    Returns:
        One per distribution, sorted by name.
    """
    required: dict[str, list[Requirement]] = {name: [] for name in siblings}
    for requirement in wheel.requires:
        if requirement.active and requirement.name != wheel.name:
            required.setdefault(requirement.name, []).append(requirement)
    return tuple(_find_one(name, lines, packages, beside) for name, lines in sorted(required.items()))


def _find_one(
    name: str, lines: list[Requirement], packages: PythonSet | None, beside: Mapping[str, str]
) -> PythonDependency:
    spelled = _SPELLED.match(lines[0].text) if lines else None
    dependency = PythonDependency(
        name=name,
        attr=beside.get(name, name),
        spelled=spelled[0] if spelled else name,
        extras=tuple(sorted({extra for line in lines for extra in line.extras})),
    )
    if name in _TAKEN:
        return replace(dependency, attr=None, taken=True)
    if name in beside or packages is None:
        return dependency
    found = packages.find_python(name)
    if found is None or found.removed is not None:
        taken = packages.find_python_attr(name) or packages.find(name)
        return replace(dependency, attr=None, taken=taken is not None)
    refused = [line.text for line in lines if not _fits(line.text, found.version)]
    return replace(
        dependency,
        attr=found.attr,
        refused=f"{refused[0].partition(';')[0].strip()}: nixpkgs has {found.version}" if refused else "",
        pinned=any(map(is_exact, refused)),
        unfree=found.unfree,
        insecure=found.insecure,
        broken=found.broken,
    )


def _fits(requirement: str, version: str | None) -> bool:
    """Whether a version meets a requirement, or cannot be compared: nixpkgs has ``0-unstable-2026-01-01``."""
    return not version or admits(requirement, version) or not rank_version(version)[0]


def spread_extras(
    name: str,
    dependencies: Sequence[PythonDependency],
    wheels: Mapping[str, Distribution],
    beside: Mapping[str, str],
) -> tuple[PythonDependency, ...]:
    """Put what extras bring in their place, where the package with the extras is in the same file.

    Args:
        name: of the package.
        dependencies: what it requires.
        wheels: the metadata of the packages of the file that say what their extras bring, by name.
        beside: packages of the same file: attributes by names of distributions. What an extra brings and is
            not there, is not for this target.

    Returns:
        The dependencies, sorted by name.
    """
    found = {one.name: replace(one, extras=()) if one.name in wheels else one for one in dependencies}
    asked = [(one.name, extra) for one in dependencies for extra in one.extras if one.name in wheels]
    seen = set(asked)
    while asked:
        brought, extra = asked.pop()
        for line in wheels[brought].requires:
            if extra not in line.under:
                continue
            if line.name in beside and line.name != name and line.name not in _TAKEN:
                new = PythonDependency(name=line.name, spelled=line.name, attr=beside[line.name])
                found.setdefault(line.name, new)
            more = {(line.name, one) for one in line.extras if line.name in wheels} - seen
            seen |= more
            asked += sorted(more)
    return tuple(found[one] for one in sorted(found))


def find_circles(
    overrides: Sequence[Override], others: Mapping[str, Iterable[str]]
) -> frozenset[tuple[str, str]]:
    """Find the dependencies that close a circle among the packages of one file.

    Args:
        overrides: with the details of complete packages.
        others: the rest of the file: names of what each requires.

    Returns:
        Pairs of names: a package, and what it requires.
    """
    edges = {one.name: [d.name for d in list_left(one)] for one in overrides}
    edges |= {name: list(required) for name, required in others.items()}
    names = edges.keys()
    return frozenset(
        find_closing({name: [r for r in several if r in names] for name, several in edges.items()})
    )


def cut_circles(
    overrides: Sequence[Override], others: Mapping[str, Iterable[str]] = MappingProxyType({})
) -> list[Override]:
    """Mark the dependencies that close a circle, which Nix cannot evaluate; arguments as above.

    Returns:
        The overrides in the same order.
    """
    closing = find_circles(overrides, others)
    return [_cut(override, closing) for override in overrides]


def _cut(override: Override, closing: Collection[tuple[str, str]]) -> Override:
    if override.details is None:
        return override
    dependencies = mark_circular(override.name, override.details.dependencies, closing)
    return replace(override, details=replace(override.details, dependencies=dependencies))


def mark_circular(
    name: str, dependencies: Iterable[PythonDependency], closing: Collection[tuple[str, str]]
) -> tuple[PythonDependency, ...]:
    """Return the dependencies of a package, of which those that close a circle are marked."""
    return tuple(replace(one, circular=True) if (name, one.name) in closing else one for one in dependencies)


def say_command(name: str, others: Iterable[str]) -> str:
    """Say how several packages are written together."""
    return f"`wheelfix override --dialect nixpkgs {' '.join((name, *others))}` writes them together"


def tell_present(overrides: Iterable[Override]) -> tuple[Finding, ...]:
    """Report complete packages that nixpkgs has already."""
    return tuple(
        Finding(
            level=Level.NOTE, subject=one.name, message=f"is in nixpkgs already, as {one.details.present}"
        )
        for one in overrides
        if one.details and one.details.present
    )


def tell_dependencies(overrides: Iterable[Override]) -> tuple[Finding, ...]:
    """Report what complete packages require and nixpkgs has not got, does not build, or has otherwise.

    Args:
        overrides: with details of complete packages; those without say nothing.
    """
    return tuple(
        Finding(level=level, subject=one.name, message=message)
        for one in overrides
        for level, message in _say_dependencies(one)
    )


def _say_dependencies(override: Override) -> Iterator[tuple[Level, str]]:
    dependencies = list_left(override)
    for one in list_circular(override):
        yield (
            Level.WARNING,
            f"requires {one.name}, which requires it: an environment has to name both",
        )
    if missing := [one.name for one in dependencies if one.attr is None]:
        what = f"requires {', '.join(missing)}, which nixpkgs has not got: package what is missing, too"
        yield Level.WARNING, f"{what}; {say_command(override.name, missing)}"
    for one in dependencies:
        if one.broken:
            yield (
                Level.WARNING,
                f"requires {one.name}, marked as broken in nixpkgs: this does not evaluate there",
            )
        if one.permissions:
            settings = " and ".join(one.permissions)
            yield Level.WARNING, f"requires {one.name}, which nixpkgs refuses without {settings}"
        if one.refused:
            yield (
                Level.WARNING if one.pinned else Level.NOTE,
                f"requires {one.refused}; pythonRelaxDeps accepts that"
                + (
                    f". If only that version works, {say_command(override.name, [one.name])}"
                    if one.pinned
                    else ""
                ),
            )


def list_circular(override: Override) -> tuple[PythonDependency, ...]:
    """List the dependencies of a complete package that cannot be among its inputs."""
    return tuple(one for one in (override.details.dependencies if override.details else ()) if one.circular)


def list_left(override: Override) -> tuple[PythonDependency, ...]:
    """List the dependencies that a complete package needs: all that are not stripped, or are searched."""
    if override.details is None:
        return ()
    stripped = {one.name for one in override.strip.stripped} if override.strip else set()
    gone = stripped - {one.distribution for one in override.searches}
    return tuple(d for d in override.details.dependencies if d.name not in gone and not d.circular)
