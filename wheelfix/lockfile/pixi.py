"""Reads ``pixi.lock``, versions 1 to 7, by pixi's own library. The door to rattler's ``LockFile``.

``rattler`` (the extra ``wheelfix[conda]``) knows which fields each version leaves out, and derives them.
It reads files by their path, and gives environments and platforms in no order: here they are sorted.

An environment of pixi is a group. One version of a package from PyPI may be locked as another file for each
platform and environment: environments with the same files of it share one :class:`LockedPackage`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from wheelfix.errors import InputError
from wheelfix.lockfile.checks import (
    HINT,
    check_conda_name,
    check_conda_version,
    check_name,
    check_site_packages,
    check_spec,
    check_subdir,
    check_url,
    check_version,
    find_filename,
    tell_extra,
)
from wheelfix.lockfile.locations import Location, parse_location, split_files
from wheelfix.lockfile.yaml import parse_yaml
from wheelfix.model.base import Misfit, Struct, make_one, replace
from wheelfix.model.conda import CondaPackage, CondaPlatform
from wheelfix.model.lock import Lock, LockedDependency, LockedPackage
from wheelfix.model.lock_formats import LockKind
from wheelfix.wheel.metadata import normalize_name

if TYPE_CHECKING:
    from rattler import LockFile
    from rattler.lock import CondaLockedPackage, PypiLockedPackage
    from rattler.lock import LockedPackage as RattlerPackage

DEFAULT_ENVIRONMENT = "default"
NEWEST = 7
"""Newest version of the format that is known here; rattler may know a newer one."""

_VERSION = re.compile(r"^version\s*:\s*[\"']?(\d{1,9})\b", re.MULTILINE)
_DYNAMIC = "<dynamic>"
"""What rattler writes for a version that only a build tells."""
_PANIC = "PanicException"
_SHOWN = 300


class _Place(Struct):
    """Where a package from PyPI is locked."""

    environment: str
    platform: str


class _Locked(Struct):
    """A package from PyPI as one environment and platform have it."""

    name: str
    version: str | None
    location: Location
    dependencies: tuple[LockedDependency, ...]


def read_pixi(path: Path, text: str) -> Lock:
    """Read a pixi.lock.

    Args:
        path: the file.
        text: its contents.

    Raises:
        InputError: the extra is not installed; or the lock is damaged, or newer than what is installed reads.
    """
    lock = _read_file(path, text)
    environments = sorted(lock.environments(), key=lambda pair: (pair[0] != DEFAULT_ENVIRONMENT, pair[0]))
    conda: dict[CondaPackage, set[str]] = {}
    pypi: dict[_Place, list[_Locked]] = {}
    platforms: dict[tuple[str, str], set[str]] = {}
    channels: dict[str, None] = {}
    try:
        for written, environment in environments:
            group = normalize_name(written)
            channels.update(dict.fromkeys(map(str, environment.channels())))
            for platform in sorted(environment.platforms(), key=str):
                name = platform.name
                platforms.setdefault((name, str(platform.subdir)), set()).add(group)
                for package in environment.packages(platform) or ():
                    place = ("environments", written, name, package.name)
                    made = make_one(place, package, partial(_make_locked, name))
                    if isinstance(made, CondaPackage):
                        conda.setdefault(made, set()).add(group)
                    else:
                        pypi.setdefault(_Place(environment=group, platform=name), []).append(made)
    except Misfit as misfit:
        raise misfit.tell(path.name, HINT) from None
    return Lock(
        name=path.name,
        kind=LockKind.PIXI,
        packages=_merge(pypi, tuple(sorted(name for name, _ in platforms))),
        groups=tuple(normalize_name(written) for written, _ in environments),
        default_groups=(DEFAULT_ENVIRONMENT,),
        conda=tuple(
            _group(package, groups)
            for package, groups in sorted(conda.items(), key=lambda pair: _rank(pair[0]))
        ),
        channels=tuple(channels),
        platforms=tuple(
            CondaPlatform(name=name, subdir=subdir, in_groups=tuple(sorted(groups)))
            for (name, subdir), groups in sorted(platforms.items())
        ),
    )


def _read_file(path: Path, text: str) -> LockFile:
    """Have rattler read the file.

    Raises:
        InputError: it cannot; a document that is no YAML is told apart from one that is, and that rattler
            does not understand.
    """
    try:
        from rattler import LockFile
    except ImportError:
        raise tell_extra(path.name) from None
    try:
        # An absolute path: what a requirement says of a directory beside the lock is resolved by it.
        return LockFile.from_path(path.absolute())
    except BaseException as error:
        # A panic of Rust is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != _PANIC:
            raise
        said = " ".join(str(error).split())[:_SHOWN]
    match = _VERSION.search(text)
    if match and int(match[1]) > NEWEST:
        problem = f"has version {match[1]} of the format, which py-rattler here does not read"
        raise InputError(path.name, problem, "run `pip install --upgrade py-rattler`")
    parse_yaml(path.name, text)
    raise InputError(path.name, f"is no lock that py-rattler reads ({said})", HINT)


def _make_locked(platform: str, package: RattlerPackage) -> CondaPackage | _Locked:
    from rattler.lock import CondaLockedPackage, PypiLockedPackage

    if isinstance(package, PypiLockedPackage):
        return _make_pypi(package)
    assert isinstance(package, CondaLockedPackage)
    return _make_conda(package, platform)


def _make_conda(package: CondaLockedPackage, platform: str) -> CondaPackage:
    from rattler.lock import CondaLockedSourcePackage

    record, location = package.package_record, package.location
    name = check_conda_name(package.name)
    version = check_conda_version(str(record.version)) if record else ""
    build = str(record.build) if record else ""
    if isinstance(package, CondaLockedSourcePackage):  # pixi builds it: the lock has no file of it
        return CondaPackage(
            name=name,
            version=version,
            build=build,
            subdir=record.subdir if record else "",
            platform=platform,
            filename="",
            source=location or ".",
            depends=tuple(map(check_spec, record.depends)) if record else (),
        )
    assert record
    is_url = "://" in location
    return CondaPackage(
        name=name,
        version=version,
        build=check_conda_version(build, "build"),
        subdir=check_subdir(record.subdir),
        platform=platform,
        url=location if is_url else "",
        path=None if is_url else location,
        filename=find_filename(check_url(location, "conda"), "conda"),
        sha256=record.sha256.hex() if record.sha256 else None,
        md5=record.md5.hex() if record.md5 else None,
        size=record.size,
        depends=tuple(map(check_spec, record.depends)),
        noarch="python" if record.noarch.python else "generic" if record.noarch.generic else "",
        site_packages=check_site_packages(record.python_site_packages_path or ""),
    )


def _make_pypi(package: PypiLockedPackage) -> _Locked:
    hashes = package._package.hashes  # the attribute `hashes` fails for a package that has none
    digest = hashes.sha256.hex() if hashes and hashes.sha256 else None
    return _Locked(
        name=check_name(package.name),
        version=None if package.version == _DYNAMIC else check_version(package.version),
        location=parse_location(check_url(package.location, "pypi"), "pypi", digest),
        dependencies=_make_dependencies(package.requires_dist),
    )


def _make_dependencies(requirements: Iterable[str]) -> tuple[LockedDependency, ...]:
    """Make edges; without those of extras, as the lock does not say which extras were asked for."""
    found = []
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:  # what uv takes and `packaging` does not: such edges choose nothing
            continue
        marker = str(requirement.marker or "")
        if not re.search(r"\bextra\b", marker):
            found.append(
                LockedDependency(
                    name=normalize_name(requirement.name),
                    marker=marker,
                    extras=tuple(sorted(map(normalize_name, requirement.extras))),
                )
            )
    return tuple(found)


def _merge(locked: dict[_Place, list[_Locked]], platforms: tuple[str, ...]) -> tuple[LockedPackage, ...]:
    """Merge what is the same version of a package: all its files, of all platforms.

    Environments that have different files of it for one platform have entries of their own.
    """
    versions: dict[tuple[str, str, str, str], dict[str, dict[str, _Locked]]] = {}
    for place, packages in locked.items():
        for one in packages:
            key = (one.name, one.version or "", one.location.kind, one.location.origin)
            versions.setdefault(key, {}).setdefault(place.environment, {})[place.platform] = one
    found = []
    for _, environments in sorted(versions.items(), key=lambda pair: pair[0]):
        alike: dict[tuple[tuple[str, _Locked], ...], list[str]] = {}
        for environment, by_platform in environments.items():
            alike.setdefault(tuple(sorted(by_platform.items(), key=lambda p: p[0])), []).append(environment)
        found += [_make_package(has, groups, platforms) for has, groups in alike.items()]
    return tuple(found)


def _make_package(
    has: tuple[tuple[str, _Locked], ...], environments: Iterable[str], platforms: tuple[str, ...]
) -> LockedPackage:
    one = has[0][1]
    names = tuple(platform for platform, _ in has)
    wheels, sdist = split_files(locked.location.file for _, locked in has if locked.location.file)
    dependencies = dict.fromkeys(edge for _, locked in has for edge in locked.dependencies)
    return LockedPackage(
        name=one.name,
        version=one.version,
        source=one.location.kind,
        origin=one.location.origin,
        wheels=wheels,
        sdist=sdist,
        dependencies=tuple(dependencies),
        in_groups=tuple(sorted(environments)),
        platforms=() if names == platforms else names,
    )


def _rank(package: CondaPackage) -> tuple[str, ...]:
    return package.name, package.platform, package.filename, package.source, package.version, package.build


def _group(package: CondaPackage, groups: Iterable[str]) -> CondaPackage:
    return replace(package, in_groups=tuple(sorted(groups)))
