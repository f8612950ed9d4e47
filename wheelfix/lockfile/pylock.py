"""Reads ``pylock.toml`` (PEP 751), decoded and validated by :mod:`packaging.pylock`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from packaging.pylock import (
    Package,
    PackageArchive,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockUnsupportedVersionError,
    PylockValidationError,
)

from wheelfix.lockfile.checks import (
    check_sha256,
    find_filename,
)
from wheelfix.lockfile.project import Project
from wheelfix.model.base import Misfit, make_each, make_one
from wheelfix.model.lock import DependencySet, Lock, LockedFile, LockedPackage, SourceKind
from wheelfix.model.lock_formats import LockKind
from wheelfix.wheel.metadata import normalize_name, split_label


def parse_pylock(name: str, document: Mapping[str, Any], project: Project | None = None) -> Lock:
    """Convert the TOML of a pylock.toml.

    Args:
        name: of the file, for messages.
        document: the whole file.
        project: the pyproject.toml beside it, which adds nothing to this format.

    Raises:
        Misfit: it is not a pylock.toml, or of a newer major version.
    """
    try:
        lock = Pylock.from_dict(_name_variants(document))
    except PylockUnsupportedVersionError as error:
        raise Misfit("lock-version", f"is not supported ({error})") from None
    except PylockValidationError as error:
        raise Misfit(error.context or "", error.message.splitlines()[0]) from None
    return Lock(
        name=name,
        kind=LockKind.PYLOCK,
        requires_python=str(lock.requires_python or ""),
        environments=tuple(str(marker) for marker in lock.environments or ()),
        packages=make_each("packages", lock.packages, _make_package),
        extras=tuple(
            DependencySet(name=normalize_name(extra), dependencies=()) for extra in lock.extras or ()
        ),
        groups=tuple(map(normalize_name, lock.dependency_groups or ())),
        default_groups=tuple(map(normalize_name, lock.default_groups or ())),
    )


def _name_variants(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give wheel variants (PEP 825) the name without their label, which ``packaging`` does not know yet."""
    packages = document.get("packages")
    if not isinstance(packages, list):
        return document
    return {**document, "packages": [_name_wheels(package) for package in packages]}


def _name_wheels(package: Any) -> Any:
    wheels = package.get("wheels") if isinstance(package, dict) else None
    if not isinstance(wheels, list):
        return package
    named = [{**w, "name": split_label(name)[0]} if (name := _find_variant(w)) else w for w in wheels]
    return {**package, "wheels": named}


def _find_variant(wheel: Any) -> str | None:
    """Find the file name of a wheel variant; None for any other wheel, and for what is none."""
    for key in ("url", "path") if isinstance(wheel, dict) else ():
        with suppress(Misfit):
            text = wheel.get(key)
            if isinstance(text, str) and split_label(name := find_filename(text, key))[1]:
                return name
    return None


def _make_package(package: Package) -> LockedPackage:
    file = ("sdist", package.sdist) if package.sdist else ("archive", package.archive)
    return LockedPackage(
        name=package.name,
        version=str(package.version) if package.version else None,
        source=_find_kind(package),
        wheels=make_each("wheels", package.wheels or (), _make_file),
        sdist=make_one(file[0], file[1], _make_file) if file[1] else None,
        marker=str(package.marker or ""),
    )


def _find_kind(package: Package) -> SourceKind:
    if package.vcs:
        return SourceKind.VCS
    if package.directory:
        return SourceKind.LOCAL
    return SourceKind.ARCHIVE if package.archive else SourceKind.INDEX


def _make_file(file: PackageWheel | PackageSdist | PackageArchive) -> LockedFile:
    variant = _find_variant({"url": file.url, "path": file.path})
    name = variant or (None if isinstance(file, PackageArchive) else file.name)
    named = {"name": name, "url": file.url, "path": file.path}
    key, text = next(((key, text) for key, text in named.items() if text), ("", ""))
    digest = file.hashes.get("sha256")
    return LockedFile(
        filename=find_filename(text, key),
        sha256=check_sha256(f"sha256:{digest.lower()}", "hashes.sha256") if digest is not None else None,
        url=file.url,
        path=file.path,
        size=file.size,
    )
