"""Reports what an overlay for a lock leaves to its user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from wheelfix.model.classes import OPEN_CLASSES, NeedClass
from wheelfix.model.lock import Choice, ChoiceKind, LockedPackage, SourceKind
from wheelfix.model.reading import BuildSystem
from wheelfix.model.scan import Finding, Level, Need, WheelScan
from wheelfix.scan.sentences import (
    name_some,
    say_cause,
)
from wheelfix.wheel.metadata import split_label

_NAMED = 2


def tell_needs(scans: Iterable[WheelScan], locked: AbstractSet[str]) -> tuple[Finding, ...]:
    """Report needs that are unknown or ambiguous, and needs that a package outside the lock would fill.

    Args:
        scans: of the wheels.
        locked: names of the packages that the environment holds.
    """
    found = []
    for scan in scans:
        for need in scan.used:
            if need.machine == scan.machine and (told := _tell_need(need, locked)):
                level, message = told
                found.append(Finding(level=level, subject=f"{scan.name} {scan.version}", message=message))
    return tuple(found)


def tell_outside(scans: Iterable[WheelScan]) -> tuple[Finding, ...]:
    """Report what packages of conda need and no package of their environment has, but nixpkgs."""
    found = []
    for scan in scans:
        for need in scan.used:
            if need.need_class is NeedClass.PROVIDED and need.machine == scan.machine:
                message = (
                    f"{need.soname}, wanted by {name_some(need.wanted_by, _NAMED)}: no package of the "
                    f"environment has it; nixpkgs has, in {need.providers[0].attr}"
                )
                found.append(
                    Finding(level=Level.NOTE, subject=f"{scan.name} {scan.version}", message=message)
                )
    return tuple(found)


def tell_choices(choices: Iterable[Choice], builds: Mapping[str, BuildSystem]) -> tuple[Finding, ...]:
    """Report packages that are built from source, and wheels that pip would not have chosen."""
    return tuple(f for choice in choices if (f := _tell_choice(choice, builds.get(choice.package.name))))


def _tell_need(need: Need, locked: AbstractSet[str]) -> tuple[Level, str] | None:
    users = name_some(need.wanted_by, _NAMED)
    if need.need_class in OPEN_CLASSES:
        level = Level.WARNING if need.optional else Level.ERROR
        plugin = ", plugins alone" if need.optional else ""
        return level, f"{need.soname}, wanted by {users}{plugin}: {say_cause(need.cause)}"
    if need.need_class is NeedClass.SIBLING and need.distribution not in locked:
        message = f"{need.soname}, wanted by {users}: {need.distribution} has it and is not in the lock"
        return Level.WARNING, message
    return None


def _tell_choice(choice: Choice, build: BuildSystem | None) -> Finding | None:
    package = choice.package
    if choice.kind is ChoiceKind.SDIST:
        if build is None:
            what = "revision of a repository" if package.source is SourceKind.VCS else "source"
            message = f"is built from a {what}, whose build system is not known here"
        else:
            message = f"is built from source, with {', '.join(build.requires) or 'no build system'}"
            message += "; it compiles Rust (`wheelfix sdist` tells how)" if build.cargo else ""
        return Finding(level=Level.NOTE, subject=package.label, message=message)
    label = split_label(choice.file.filename)[1] if choice.file else ""
    if label:
        message = (
            f"is there as wheel variants alone, of which {label} was read (PEP 825): the package set has to "
        )
        message += "be told which wheel to take"
        return Finding(level=Level.WARNING, subject=package.label, message=message)
    if choice.passed_over and choice.file:
        message = (
            f"the package set takes {choice.passed_over} by itself: {choice.file.filename}, which pip takes, "
            "is fetched in its place"
        )
        return Finding(level=Level.NOTE, subject=package.label, message=message)
    if choice.rival and choice.file:
        message = f"the package set takes {choice.file.filename}, where pip takes {choice.rival}"
        level = Level.WARNING if choice.file.filename.endswith("-any.whl") else Level.NOTE
        return Finding(level=level, subject=package.label, message=message)
    return None


def tell_directories(packages: Iterable[LockedPackage]) -> tuple[Finding, ...]:
    """Report projects in directories, which a whole environment leaves out: nothing builds them there."""
    message = (
        "is a directory, and is not in the environment: add its sources to PYTHONPATH, or build a wheel of "
        "it with pip wheel and name that with --find-links"
    )
    return tuple(
        Finding(level=Level.WARNING, subject=package.label, message=message)
        for package in packages
        if package.source is SourceKind.LOCAL
    )
