"""Compares the versions of CUDA's libraries that a wheel wants with those of nixpkgs that it is linked to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from wheelfix.model.classes import NeedClass
from wheelfix.model.override import Override, VersionGap
from wheelfix.model.scan import Finding, Level, Need
from wheelfix.model.wheel import Distribution
from wheelfix.wheel.metadata import find_wanted_version

_NUMBERS = re.compile(r"\d+(?:\.\d+)*")


def find_gaps(
    needs: Iterable[Need], wheel: Distribution, versions: Mapping[str, str]
) -> tuple[VersionGap, ...]:
    """Find the libraries that nixpkgs has in another version than a wheel wants.

    Args:
        needs: those that other wheels would bring, and nixpkgs brings in their place.
        wheel: its requirements pin versions.
        versions: of the distributions in the environment, by name; they go before requirements.

    Returns:
        One gap per attribute, sorted.
    """
    found: dict[str, VersionGap] = {}
    for need in needs:
        name, provider = need.distribution, next(iter(need.providers), None)
        if need.need_class is not NeedClass.SIBLING or not name or not provider or not provider.version:
            continue
        wanted, exact = (versions[name], True) if name in versions else _read_requirements(wheel, name)
        ours, theirs = _split(provider.version), _split(wanted)
        size = min(len(ours), len(theirs))
        if size and (ours[:size] < theirs[:size] or (exact and ours[:size] != theirs[:size])):
            gap = VersionGap(
                distribution=name,
                wanted=wanted,
                attr=provider.attr,
                version=provider.version,
                older=ours[:size] < theirs[:size],
            )
            found.setdefault(provider.attr, gap)
    return tuple(found[attr] for attr in sorted(found))


def _read_requirements(wheel: Distribution, name: str) -> tuple[str, bool]:
    """Return the version that a wheel requires of a distribution, and whether it is exact."""
    texts = (r.text for r in wheel.requires if r.active and r.name == name)
    return next((found for text in texts if (found := find_wanted_version(text))), ("", False))


def _split(version: str) -> tuple[int, ...]:
    """Split a version into numbers; nixpkgs' ``2.30.7-1`` is 2.30.7."""
    match = _NUMBERS.match(version)
    return tuple(int(number) for number in match[0].split(".")) if match else ()


def say_gap(gap: VersionGap) -> str:
    """Write a gap as a predicate of the wheel."""
    return f"wants {gap.distribution} {gap.wanted}, and nixpkgs has {gap.attr} {gap.version}"


def tell_gaps(overrides: Iterable[Override]) -> tuple[Finding, ...]:
    """Tell the gaps of overrides: an older library may lack what the wheel calls; newer ones are one note."""
    found = []
    for override in overrides:
        subject = f"{override.name} {override.version}"
        for gap in override.gaps:
            if gap.older:
                message = f"{say_gap(gap)}, which is older"
                found.append(Finding(level=Level.WARNING, subject=subject, message=message))
        newer = [f"{g.distribution} {g.wanted} ({g.version})" for g in override.gaps if not g.older]
        if newer:
            message = f"wants {', '.join(newer)}; in brackets what nixpkgs has, which is newer"
            found.append(Finding(level=Level.NOTE, subject=subject, message=message))
    return tuple(found)
