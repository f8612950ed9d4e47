"""Takes packages of a lock from conda: which of them its channels have, and what these need beside them.

A package keeps its version and its place in the lock; conda gives the files. What its libraries need is in
one prefix, without conda's Python, and without what the lock has itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from wheelfix.errors import InputError
from wheelfix.index.lookup import find_glibc
from wheelfix.lock.model import LockOptions, LockPlan, LockRequest
from wheelfix.lockfile.checks import check_version
from wheelfix.lockfile.select import find_rule, find_sources
from wheelfix.model.base import Misfit, Struct, replace
from wheelfix.model.conda import CondaPackage
from wheelfix.model.lock import Choice, ChoiceKind, LockedPackage
from wheelfix.model.python import parse_python
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, Level
from wheelfix.model.tables import Name, Table, load_table
from wheelfix.outside.places import find_cache
from wheelfix.outside.rattler import (
    Wanted,
    find_offers,
    find_subdir,
    find_unmet,
    keep_reachable,
    list_virtual,
    name_dependency,
    solve,
)
from wheelfix.override.dialects import TRAITS
from wheelfix.scan.findings import sort_findings
from wheelfix.scan.locked import Places, read_choices
from wheelfix.scan.scan import scan_readings
from wheelfix.wheel.metadata import normalize_name

DEFAULT_CHANNELS = ("conda-forge",)
_METADATA = re.compile(r"([A-Za-z0-9][\w.-]*?)-(\d[^-/]*)(?:-py3[^/]*)?\.(?:dist|egg)-info(?:/|$)")
"""A directory of a distribution's metadata, which is at the top of site-packages."""
_PYTHON = "python"


class CondaNames(Table):
    """Names of distributions at conda.

    Attributes:
        names: conda's, by normalised name.
    """

    FILE = "conda_names.toml"

    names: dict[Name, str]


class Provided(Struct):
    """What conda provides for a lock.

    Attributes:
        packages: of the prefix, sorted by name.
        readings: of them.
        views: readings of what the packages that were asked for install, by their names in the lock.
        findings: what is to be known of them.
    """

    packages: tuple[CondaPackage, ...] = ()
    readings: tuple[Reading, ...] = ()
    views: tuple[Reading, ...] = ()
    findings: tuple[Finding, ...] = ()


def ask_channels(request: LockRequest, options: LockOptions) -> LockRequest:
    """Find out which packages of a lock conda has in the locked version, if a rule asks for that.

    Raises:
        InputError: the dialect has no place for them, rattler is not installed, or a channel gives no answer.
    """
    rules = [rule for rule in request.rules if ChoiceKind.CONDA in rule.kinds]
    if not rules or request.lock.conda:
        return request
    traits = TRAITS[options.dialect]
    if not traits.replaces:
        problem = f"takes packages from conda: {traits.label} has no place for them"
        raise InputError(rules[0].where, problem, "write for uv2nix or pyproject-nix")
    python = parse_python(request.runtime.python)
    asked: dict[tuple[str, ...], dict[str, Wanted]] = {}
    for package in request.lock.packages:
        if _asks(package, request):
            wanted = Wanted(names=list_names(package.name), version=package.version or "")
            asked.setdefault(_list_channels(package, request), {})[package.name] = wanted
    offers: dict[str, str] = {}
    for channels, wanted_there in asked.items():
        offers |= find_offers(
            wanted_there,
            channels,
            subject=request.lock.name,
            subdir=find_subdir(options.scan.system),
            python=f"3.{python.minor}" if python else request.runtime.python,
            directory=find_cache().channels,
        )
    return replace(request, offers=offers)


def _asks(package: LockedPackage, request: LockRequest) -> bool:
    """Whether a package is taken from conda if that has it: nothing stronger in its rule has it."""
    kinds, _ = find_rule(package.name, request.rules)
    if ChoiceKind.CONDA not in kinds or not package.version:
        return False
    found, _ = find_sources([package], request.rules, request.runtime, as_nix=True)
    return not any(kinds.index(c.kind) < kinds.index(ChoiceKind.CONDA) for c in found)


def _list_channels(package: LockedPackage, request: LockRequest) -> tuple[str, ...]:
    from fnmatch import fnmatchcase

    for rule in request.rules:
        if rule.pattern == "default" or fnmatchcase(package.name, rule.pattern):
            return (rule.channel,) if rule.channel else request.channels or DEFAULT_CHANNELS
    return request.channels or DEFAULT_CHANNELS


def list_names(name: str) -> tuple[str, ...]:
    """List the names that a distribution may have at conda.

    Example:
        >>> list_names("torch"), list_names("ruamel-yaml")
        (('pytorch',), ('ruamel-yaml', 'ruamel_yaml', 'ruamel.yaml'))
    """
    if known := load_table(CondaNames).names.get(name):
        return (known,)
    return tuple(dict.fromkeys((name, name.replace("-", "_"), name.replace("-", "."))))


def read_provided(
    request: LockRequest, choices: Sequence[Choice], places: Places, options: LockOptions
) -> Provided:
    """Solve and read what conda provides for a lock.

    Args:
        request: the lock, with the rules and the target.
        choices: source of each package.
        places: where files are looked for and kept.
        options: further options.

    Raises:
        InputError: the packages cannot be had together, or one cannot be fetched or read.
    """
    chosen = {choice.conda: choice for choice in choices if choice.kind is ChoiceKind.CONDA}
    if not chosen:
        return Provided()
    python = parse_python(request.runtime.python)
    channels = dict.fromkeys(c for one in chosen.values() for c in _list_channels(one.package, request))
    specs = [f"{name} =={choice.package.version}" for name, choice in sorted(chosen.items())]
    solved = solve(
        [*specs, f"python 3.{python.minor}.*" if python else _PYTHON],
        tuple(channels),
        subject=request.lock.name,
        subdir=find_subdir(options.scan.system),
        virtual=list_virtual(options.scan.system, find_glibc(options.scan.index)),
        directory=find_cache().channels,
    )
    others = [package for package in solved.packages if package.name != _PYTHON]
    closure = keep_reachable(others, chosen)
    readings = {one.distribution.name: one for one in read_choices((), places, closure).conda}
    brings = {name: name_distributions([reading]) for name, reading in readings.items()}
    locked = {choice.package.name: choice.package for choice in choices}
    own = {name for name in brings if name not in chosen and not locked.keys().isdisjoint(brings[name])}
    kept = keep_reachable([package for package in closure if package.name not in own], chosen)
    if any(package.noarch == "python" for package in kept):  # these are linked for a Python
        kept = keep_reachable([p for p in solved.packages if p.name not in own], [*chosen, _PYTHON])
        more = [package for package in kept if package.name not in readings]
        readings |= {one.distribution.name: one for one in read_choices((), places, more).conda}
    views = tuple(_make_view(readings[name], choice.package) for name, choice in sorted(chosen.items()))
    return Provided(
        packages=kept,
        readings=tuple(readings[package.name] for package in kept),
        views=views,
        findings=(
            *solved.findings,
            *_tell_limits(chosen, solved.packages),
            *_tell_lacks(chosen, kept, brings, locked, solved.packages),
        ),
    )


def name_distributions(readings: Iterable[Reading]) -> Mapping[str, str]:
    """Say which distributions of PyPI conda's packages bring, by the metadata in them.

    Their own names do not tell: conda's ``matplotlib-base`` has matplotlib, and its ``pytorch`` has torch.

    Returns:
        Versions by normalised name.
    """
    found = {}
    for reading in readings:
        for path in sorted(reading.distribution.files):
            match = _METADATA.match(path)
            with suppress(Misfit):
                if match and check_version(match[2]):
                    found[normalize_name(match[1])] = match[2]
    return found


def add_provided(plan: LockPlan, provided: Provided, options: LockOptions) -> LockPlan:
    """Add what conda provides to the plan of an overlay.

    Raises:
        IndexProblem: the index is damaged.
    """
    if not provided.packages:
        return plan
    scans = scan_readings(provided.readings, options.scan)
    findings = sort_findings({*plan.findings, *provided.findings})
    return replace(plan, conda=provided.packages, conda_scans=scans, findings=findings)


def _make_view(reading: Reading, package: LockedPackage) -> Reading:
    """Make the reading of what a package of conda puts beside other packages: its site-packages alone."""
    own = reading.distribution
    distribution = replace(
        own,
        name=package.name,
        conda=None,
        requires=(),
        files=frozenset(path for path in own.files if not path.startswith("../")),
    )
    objects = tuple(one for one in reading.objects if not one.path.startswith("../"))
    return replace(reading, distribution=distribution, objects=objects, links=())


def _tell_limits(chosen: Mapping[str, Choice], packages: Sequence[CondaPackage]) -> tuple[Finding, ...]:
    known = {package.name: package for package in packages}
    python = known[_PYTHON].version if _PYTHON in known else "another Python"
    return tuple(
        Finding(
            level=Level.NOTE,
            subject=choice.package.label,
            message=(
                f"is conda's {name} {known[name].version} {known[name].build}, built for conda's Python "
                f"{python} and run by that of nixpkgs: its modules alone, without programs and activation"
            ),
        )
        for name, choice in sorted(chosen.items())
    )


def _tell_lacks(
    chosen: Mapping[str, Choice],
    kept: Sequence[CondaPackage],
    brings: Mapping[str, Mapping[str, str]],
    locked: Mapping[str, LockedPackage],
    packages: Sequence[CondaPackage],
) -> tuple[Finding, ...]:
    """Tell what conda's packages want of others that the lock has in another version, or not at all."""
    found = []
    known = {package.name: package for package in packages}
    for name, choice in sorted(chosen.items()):
        for spec in known[name].depends:
            other = name_dependency(spec)
            for distribution in sorted(brings.get(other, {})):
                message = _compare(spec, known[other], locked.get(distribution))
                if message and other not in chosen:
                    subject = f"{choice.package.label} of conda"
                    found.append(Finding(level=Level.WARNING, subject=subject, message=message))
    return tuple(found)


def _compare(spec: str, package: CondaPackage, locked: LockedPackage | None) -> str:
    if locked is None:
        return f"depends on {spec}, of which the lock has nothing: its modules are not in the environment"
    if locked.version and find_unmet(locked.name, [spec], [replace(package, version=locked.version)]):
        return f"depends on {spec}, and the lock has {locked.label}"
    return ""
