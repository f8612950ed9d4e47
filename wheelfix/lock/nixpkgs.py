"""Plans what a Python package set of nixpkgs has to be changed in, so that it conforms to a lock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from wheelfix.lock.model import LockRequest, SourcePackage
from wheelfix.lockfile.select import find_rule, make_distribution
from wheelfix.model.base import replace
from wheelfix.model.index import PythonPackage
from wheelfix.model.lock import Choice, ChoiceKind, LockedPackage, ProviderRule
from wheelfix.model.override import Form, Override
from wheelfix.model.reading import BuildSystem, Reading
from wheelfix.model.scan import Finding, Level
from wheelfix.model.wheel import Distribution, Requirement
from wheelfix.override.builds import find_real_attr
from wheelfix.override.python_set import (
    PythonSet,
    cut_circles,
    find_circles,
    find_dependencies,
    mark_circular,
    name_beside,
    spread_extras,
)
from wheelfix.scan.locked import LockReadings
from wheelfix.scan.sentences import name_some
from wheelfix.sdist.model import CargoPlan
from wheelfix.wheel.metadata import rank_version

_NAMED: Final = 3
_PYPI: Final = re.compile(
    r"/packages/(?:[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{60}|(?:source|(?:cp|pp|py)\d[\w.]*|\d\.\d+)/\w/[\w.-]+)/[^/]+"
)
"""Paths of PyPI's files, and of its mirrors: by digest (BLAKE2), or as of old by kind and name."""
_OWN: Final = "nixpkgs builds every package with it"
_FROM_SOURCE: Final = frozenset({"build", "packaging", "pyproject-hooks", "tomli", "wheel"})
"""Distributions whose ``src`` nixpkgs builds once more for its own builds, before any package is built.

A wheel cannot be that ``src``, and the hook that unpacks wheels needs ``wheel``: nixpkgs 26.11pre of
2026-07-14, ``pkgs/development/python-modules/bootstrap`` and ``pkgs/development/interpreters/python/hooks``.
"""
_UNCHANGED: Final = frozenset({"flit-core", "installer"})
"""Distributions of that kind whose source distribution is not laid out as nixpkgs' source is."""
_RESERVED: Final = frozenset({"bootstrap", "disabled", "lib", "packages", "pkgs", "python", "stdenv"})
"""Names in a package set that are no packages, and that all the others use."""


def settle_kinds(
    packages: Iterable[LockedPackage], rules: Sequence[ProviderRule], known: PythonSet
) -> tuple[tuple[ProviderRule, ...], tuple[Finding, ...]]:
    """Settle for each package which kinds of source it may be taken from.

    Where a rule names other kinds after ``nixpkgs``, nixpkgs' own package is taken if it has the lock's
    version. What nixpkgs itself builds packages with is never a wheel.

    Args:
        packages: of the environment.
        rules: the user's, strongest first.
        known: what nixpkgs has.

    Returns:
        The rules, strongest first, and findings about what the user did not ask for.
    """
    packages, settled, told = tuple(packages), list[ProviderRule](), list[Finding]()
    known.ask_distributions([package.name for package in packages])
    for package in packages:
        name, (kinds, attr) = package.name, find_rule(package.name, rules)
        left, message = kinds, ""
        if kinds[0] is ChoiceKind.NIXPKGS and len(kinds) > 1 and not _has_version(package, known):
            left = tuple(kind for kind in kinds if kind is not ChoiceKind.NIXPKGS)
        if name in _RESERVED:
            left, message = (ChoiceKind.NIXPKGS,), "is the name of something else in nixpkgs, which stays"
        elif name in _UNCHANGED and left[0] is not ChoiceKind.NIXPKGS:
            left, message = (ChoiceKind.NIXPKGS,), f"stays as nixpkgs has it: {_OWN}"
        elif name in _FROM_SOURCE and left[0] is ChoiceKind.WHEEL:
            left = (ChoiceKind.SDIST, ChoiceKind.NIXPKGS)
            message = "" if package.sdist or package.hashes else f"has no sdist: {_OWN}, so its own one stays"
        if left != kinds:
            rule = ProviderRule(pattern=name, kinds=left, attr=attr, where=name, shared=True)
            settled.append(rule)
        if message:
            level = Level.ERROR if name in _RESERVED else Level.WARNING
            told.append(Finding(level=level, subject=package.label, message=message))
    return (*settled, *rules), tuple(told)


def _has_version(package: LockedPackage, known: PythonSet) -> bool:
    found = _find(package.name, known)
    return bool(found and _is_same(found.version, package.version))


def _find(name: str, known: PythonSet) -> PythonPackage | None:
    found = known.find_python(name)
    return found if found and found.removed is None else None


def _is_same(first: str | None, second: str | None) -> bool:
    return first == second or bool(first and second and rank_version(first) == rank_version(second))


def find_address(choice: Choice) -> str:
    """Return where a file is, if it is not one of PyPI, whose addresses nixpkgs makes itself; else nothing.

    A URL with a login is not copied into code.
    """
    url = urlsplit(choice.file.url or "") if choice.file else urlsplit("")
    usual = _PYPI.search(url.path) or url.scheme not in {"http", "https"} or "@" in url.netloc
    return "" if usual or not choice.file else choice.file.url or ""


def list_named(
    choices: Iterable[Choice], rules: Sequence[ProviderRule]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """List packages in whose place the user wants an attribute of nixpkgs that a rule names, by name."""
    return tuple(
        (choice.package.name, choice.attr)
        for choice in choices
        if choice.kind is ChoiceKind.NIXPKGS and find_rule(choice.package.name, rules)[1]
    )


def name_members(
    request: LockRequest, choices: Iterable[Choice], found: LockReadings, known: PythonSet
) -> dict[str, str]:
    """Name the packages that are written: attributes by names of distributions."""
    made = [reading.distribution for reading in found.wheels]
    made += [_make_distribution(choice, request, build) for choice, build in _list_built(choices, found)]
    return name_beside(made, known)


def _list_built(choices: Iterable[Choice], found: LockReadings) -> Iterator[tuple[Choice, BuildSystem]]:
    for choice in choices:
        build = found.builds.get(choice.package.name)
        if choice.kind is ChoiceKind.SDIST and build and build.project and _find_digest(choice, build):
            yield choice, build


def _find_digest(choice: Choice, build: BuildSystem) -> bytes | None:
    stated = choice.file.sha256 if choice.file else None
    return bytes.fromhex(stated) if stated else build.sha256


def _make_distribution(choice: Choice, request: LockRequest, build: BuildSystem) -> Distribution:
    """Make the metadata of what is built: its requirements are the lock's, if that has edges."""
    made = make_distribution(choice.package, request.runtime)
    if request.lock.roots is not None or build.project is None:
        return made
    names = build.project.run_time
    requires = tuple(Requirement(name=name, extras=(), active=True, text=name) for name in names)
    return replace(made, requires=requires)


def plan_packages(
    request: LockRequest,
    choices: Iterable[Choice],
    found: LockReadings,
    rust: Mapping[str, CargoPlan],
    known: PythonSet,
) -> tuple[SourcePackage, ...]:
    """Plan the packages that are made of source distributions.

    Args:
        request: the lock.
        choices: source of each package.
        found: what source distributions say of themselves.
        rust: plans of builds with cargo, by name.
        known: what nixpkgs has.
    """
    choices = tuple(choices)
    beside = name_members(request, choices, found, known)
    built = tuple(_list_built(choices, found))
    known.ask_distributions({name for _, build in built for name in build.requires})
    packages = []
    for choice, build in built:
        name, version = choice.package.name, choice.package.version or ""
        recipe = _find(name, known)
        fits = recipe is not None and _is_same(recipe.version, version)
        cargo = None if fits else rust.get(name)
        systems = {one: beside.get(one) or _find_attr(one, known) for one in build.requires}
        made = _make_distribution(choice, request, build)
        digest, project = _find_digest(choice, build), build.project
        assert digest is not None
        assert project is not None
        packages.append(
            SourcePackage(
                name=name,
                version=version,
                attr=beside[name],
                filename=choice.file.filename if choice.file else build.filename,
                sha256=digest,
                url=find_address(choice),
                project=project,
                recipe=(recipe.version or "") if recipe and not cargo else "",
                fits=fits,
                build_systems=tuple(sorted(attr for attr in systems.values() if attr)),
                absent=tuple(sorted(one for one, attr in systems.items() if not attr)),
                dependencies=find_dependencies(made, (), known, beside),
                rust=cargo,
            )
        )
    return tuple(packages)


def _find_attr(name: str, known: PythonSet) -> str:
    found = _find(name, known)
    return found.attr if found else ""


def settle_dependencies(
    overrides: Sequence[Override], packages: Sequence[SourcePackage], wheels: Iterable[Reading]
) -> tuple[tuple[Override, ...], tuple[SourcePackage, ...]]:
    """Put what extras bring in their place, and leave out what closes a circle."""
    beside = {one.name: one.details.attr for one in overrides if one.details}
    beside |= {one.name: one.attr for one in packages}
    known = {reading.distribution.name: reading.distribution for reading in wheels}
    spread = [
        replace(
            one,
            details=replace(
                one.details, dependencies=spread_extras(one.name, one.details.dependencies, known, beside)
            ),
        )
        if one.details
        else one
        for one in overrides
    ]
    built = [
        replace(one, dependencies=spread_extras(one.name, one.dependencies, known, beside))
        for one in packages
    ]
    others = {one.name: [d.name for d in one.dependencies] for one in built}
    closing = find_circles(spread, others)
    cut = (replace(one, dependencies=mark_circular(one.name, one.dependencies, closing)) for one in built)
    return tuple(cut_circles(spread, others)), tuple(cut)


def tell_set(
    choices: Iterable[Choice], packages: Iterable[SourcePackage], known: PythonSet, form: Form
) -> tuple[Finding, ...]:
    """Report what a set has otherwise than the lock, what builds may stop at, and what is built anew."""
    packages = tuple(packages)
    made = {one.name for one in packages}
    found = [
        Finding(level=level, subject=choice.package.label, message=message)
        for choice in choices
        for level, message in _say_difference(choice, made, known)
    ]
    for one in packages:
        if one.absent and not one.rust:
            message = f"is built with {', '.join(one.absent)}, which nixpkgs has not got: package that, too"
            found.append(Finding(level=Level.WARNING, subject=one.name, message=message))
    if form is Form.OVERLAY and (changed := [one.name for one in packages if one.name in _FROM_SOURCE]):
        message = (
            f"{'are' if len(changed) > 1 else 'is'} what nixpkgs builds every Python package with: an "
            "overlay has them all built again, and the programs that are written in that Python; "
            f"`--as {Form.OVERRIDES}` leaves the rest of nixpkgs as it is"
        )
        found.append(Finding(level=Level.NOTE, subject=", ".join(changed), message=message))
    return tuple(found)


def tell_own(lock: str, overrides: Iterable[Override]) -> tuple[Finding, ...]:
    """Report how many of the complete packages nixpkgs has already."""
    present = [one.name for one in overrides if one.details and one.details.present]
    if not present:
        return ()
    several = f"{name_some(present, _NAMED)}, which {'are' if len(present) > 1 else 'is'} in nixpkgs already"
    forms = f"`--as {Form.OVERLAY}` or `--as {Form.OVERRIDES}`"
    message = f"has {several}: {forms} keeps what others read of nixpkgs' own"
    return (Finding(level=Level.NOTE, subject=lock, message=message),)


def _say_difference(choice: Choice, made: Iterable[str], known: PythonSet) -> Iterator[tuple[Level, str]]:
    name = choice.package.name
    own = _find(name, known)
    if choice.kind is ChoiceKind.NIXPKGS:
        guessed = len(choice.attr) > 1 and choice.attr[-1] == name
        if own is None and guessed and name not in _RESERVED:
            yield Level.ERROR, "is not in nixpkgs: take it from a wheel or sdist"
    elif choice.kind is ChoiceKind.SDIST and name not in made:
        instead = "nixpkgs' own stays" if own else "it is left out"
        yield Level.ERROR, f"has no file that nixpkgs could fetch: {instead}"
    real = find_real_attr(name)
    if real and choice.kind is not ChoiceKind.NIXPKGS:
        message = f"is {real} in nixpkgs, which stays as it is: an environment with both has its files twice"
        yield Level.NOTE, message
