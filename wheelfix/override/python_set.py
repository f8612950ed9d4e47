"""Finds what a Python package set of nixpkgs has for the requirements of a wheel.

nixpkgs checks the requirements of a wheel when it builds it: a distribution that is missing, or has another
version than is required, stops the build.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from wheelfix.model.base import replace
from wheelfix.model.index import Attribute, PythonPackage
from wheelfix.model.override import Override, PythonDependency
from wheelfix.model.scan import Finding, Level
from wheelfix.model.wheel import Distribution, Requirement
from wheelfix.scan.closure import find_closing
from wheelfix.wheel.metadata import admits, is_exact, rank_version

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
        *("dependencies", "disabled", "dist", "format", "meta", "pname", "src", "version"),
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
    return {name: found.attr if found and found.removed is None else name for name, found in known.items()}


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


def cut_circles(overrides: Sequence[Override]) -> list[Override]:
    """Mark the dependencies that close a circle among the packages of one file, which Nix cannot evaluate.

    Args:
        overrides: with the details of complete packages.

    Returns:
        The overrides in the same order.
    """
    names = {one.name for one in overrides}
    edges = {one.name: [d.name for d in list_left(one) if d.name in names] for one in overrides}
    closing = find_closing(edges)
    return [_cut(one, {target for name, target in closing if name == one.name}) for one in overrides]


def _cut(override: Override, targets: set[str]) -> Override:
    if not targets or override.details is None:
        return override
    dependencies = tuple(
        replace(one, circular=True) if one.name in targets else one for one in override.details.dependencies
    )
    return replace(override, details=replace(override.details, dependencies=dependencies))


def say_command(name: str, others: Iterable[str]) -> str:
    """Say how several packages are written together."""
    return f"`wheelfix override --dialect nixpkgs {' '.join((name, *others))}` writes them together"


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
    if override.details and override.details.present:
        yield Level.NOTE, f"is in nixpkgs already, as {override.details.present}"
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
