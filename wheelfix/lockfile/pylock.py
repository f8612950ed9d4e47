"""``pylock.toml`` (PEP 751), validated by :mod:`packaging.pylock`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.pylock import (
    Package,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockUnsupportedVersionError,
    PylockValidationError,
)

from wheelfix.errors import InputError
from wheelfix.lockfile.getters import Table, find_filename
from wheelfix.lockfile.markers import normalize_name
from wheelfix.model.lock import DependencySet, Lock, LockedFile, LockedPackage, LockKind, SourceKind


def parse_pylock(table: Table) -> Lock:
    """Read a parsed pylock.toml.

    Raises:
        InputError: it is none, or of a newer major version; names the path of what is wrong.
    """
    try:
        pylock = Pylock.from_dict(table.values)
    except PylockUnsupportedVersionError as error:
        raise table.fail("lock-version", f"is not supported ({error})") from None
    except PylockValidationError as error:
        where = f"{table.lock}: {error.context}" if error.context else table.lock
        raise InputError(
            where, error.message.splitlines()[0], "let the tool that wrote the lock write it again"
        ) from None
    return Lock(
        name=table.lock,
        kind=LockKind.PYLOCK,
        requires_python=str(pylock.requires_python or ""),
        environments=tuple(str(marker) for marker in pylock.environments or ()),
        packages=tuple(_make_package(table, number, p) for number, p in enumerate(pylock.packages)),
        extras=tuple(
            DependencySet(name=normalize_name(extra), dependencies=()) for extra in pylock.extras or ()
        ),
        groups=tuple(map(normalize_name, pylock.dependency_groups or ())),
        default_groups=tuple(map(normalize_name, pylock.default_groups or ())),
    )


def _make_package(table: Table, number: int, package: Package) -> LockedPackage:
    below = Table(table.lock, f"packages[{number}]", {})
    return LockedPackage(
        name=package.name,
        version=str(package.version) if package.version else None,
        source=_find_kind(package),
        wheels=tuple(_make_file(below, wheel) for wheel in package.wheels or ()),
        sdist=_make_file(below, package.sdist) if package.sdist else _make_archive(below, package),
        marker=str(package.marker or ""),
    )


def _find_kind(package: Package) -> SourceKind:
    if package.vcs:
        return SourceKind.VCS
    if package.directory:
        return SourceKind.LOCAL
    return SourceKind.ARCHIVE if package.archive else SourceKind.INDEX


def _make_file(table: Table, file: PackageWheel | PackageSdist) -> LockedFile:
    named = file.name or file.url or file.path or ""
    return LockedFile(
        filename=find_filename(table, "name", named),
        sha256=_find_sha256(file.hashes),
        url=file.url,
        path=file.path,
        size=file.size,
    )


def _make_archive(table: Table, package: Package) -> LockedFile | None:
    archive = package.archive
    if archive is None:
        return None
    return LockedFile(
        filename=find_filename(table, "archive", archive.url or archive.path or ""),
        sha256=_find_sha256(archive.hashes),
        url=archive.url,
        path=archive.path,
        size=archive.size,
    )


def _find_sha256(hashes: Mapping[str, str] | Sequence[str]) -> str | None:
    return hashes.get("sha256") if isinstance(hashes, Mapping) else None
