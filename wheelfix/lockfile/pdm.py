"""Reads ``pdm.lock``, version 4 (pdm's ``src/pdm/project/lockfile/pdmlock.py``).

The lock says of each package in which groups it is and under which marker, if it has the strategy
``inherit_metadata``, which is pdm's default. A package with extras has a second entry, which adds nothing but
edges to others. Groups are the project's extras and dependency groups alike; pdm installs all that are
locked.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from wheelfix.errors import InputError
from wheelfix.lockfile.checks import check_name, check_sha256, check_version, find_filename
from wheelfix.lockfile.project import Project
from wheelfix.model.base import Misfit, Struct, convert, field, make_each
from wheelfix.model.lock import Lock, LockedFile, LockedPackage, SourceKind
from wheelfix.model.lock_formats import LockKind
from wheelfix.wheel.metadata import normalize_name

_MAJOR = "4"
_INHERIT = "inherit_metadata"
_RELOCK = "run `pdm lock --update-reuse -S inherit_metadata`, which keeps the versions"
_SYSTEMS = {
    "linux": "linux",
    "manylinux": "linux",
    "musllinux": "linux",
    "alpine": "linux",
    "macos": "darwin",
    "windows": "win32",
}
"""Starts of pdm's names of platforms, and Python's names of their systems."""
DEFAULT = "default"
"""The group of what the project itself requires."""


class _Version(Struct):
    """The version of the format."""

    lock_version: str


class _Head(Struct):
    """Version of the format, read first: in another version the rest may have any form."""

    metadata: _Version


class _Target(Struct):
    """One environment that the lock is for."""

    requires_python: str = ""
    platform: str = ""


class _Metadata(Struct):
    """What was locked, and how."""

    groups: tuple[str, ...] = ()
    strategy: tuple[str, ...] = ()
    targets: tuple[_Target, ...] = ()


class _File(Struct):
    """A wheel or a source distribution: by name, or by URL with the strategy ``static_urls``."""

    file: str | None = None
    url: str | None = None
    hash: str | None = None


class _Package(Struct):
    """One ``[[package]]``."""

    name: str
    version: str | None = None
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    marker: str = ""
    files: tuple[_File, ...] = ()
    url: str | None = None
    path: str | None = None
    editable: bool = False
    git: str | None = None
    hg: str | None = None
    svn: str | None = None
    bzr: str | None = None


class _Document(Struct):
    """The whole file."""

    metadata: _Metadata = field(default_factory=_Metadata)
    package: tuple[_Package, ...] = ()


def parse_pdm(name: str, document: Mapping[str, Any], project: Project | None = None) -> Lock:
    """Convert the TOML of a pdm.lock.

    Args:
        name: of the file, for messages.
        document: the whole file.
        project: the pyproject.toml beside it, which adds nothing to this format.

    Raises:
        Misfit: it is not a pdm.lock, or of another major version.
        InputError: its packages have no groups and markers, which are then in the requirements alone.
    """
    version = convert(document, _Head).metadata.lock_version
    if version.partition(".")[0] != _MAJOR:
        raise Misfit("metadata.lock_version", f"is {version!r}; wheelfix reads version {_MAJOR}")
    lock = convert(document, _Document)
    if _INHERIT not in lock.metadata.strategy:
        raise InputError(name, f"was locked without {_INHERIT}: its packages have no markers", _RELOCK)
    packages = make_each("package", lock.package, _make_package)
    whole = {made.label for made, one in zip(packages, lock.package, strict=True) if not one.extras}
    return Lock(
        name=name,
        kind=LockKind.PDM,
        requires_python=_find_python(lock.metadata.targets),
        environments=_find_environments(lock.metadata.targets),
        packages=tuple(
            made
            for made, one in zip(packages, lock.package, strict=True)
            if not one.extras or made.label not in whole
        ),
        groups=tuple(sorted(map(normalize_name, lock.metadata.groups))),
        default_groups=tuple(sorted(map(normalize_name, lock.metadata.groups))) or (DEFAULT,),
    )


def _find_python(targets: tuple[_Target, ...]) -> str:
    """Return what the one target is for; several targets have no specifier in common."""
    return targets[0].requires_python if len(targets) == 1 else ""


def _find_environments(targets: tuple[_Target, ...]) -> tuple[str, ...]:
    """Return markers of the systems that the lock is for; none if one target is for any."""
    systems = {_find_system(target.platform) for target in targets}
    return () if "" in systems else tuple(f"sys_platform == '{system}'" for system in sorted(systems))


def _find_system(platform: str) -> str:
    return next((system for start, system in _SYSTEMS.items() if platform.startswith(start)), "")


def _make_package(package: _Package) -> LockedPackage:
    kind = _find_kind(package)
    made = make_each("files", package.files, partial(_make_file, package))
    return LockedPackage(
        name=check_name(package.name),
        version=check_version(package.version),
        source=kind,
        wheels=tuple(file for file in made if file.filename.endswith(".whl")),
        sdist=next((f for f in made if f.filename.endswith((".tar.gz", ".zip", ".tar.bz2"))), None),
        marker=package.marker,
        in_groups=tuple(sorted(map(normalize_name, package.groups))),
    )


def _find_kind(package: _Package) -> SourceKind:
    if package.git or package.hg or package.svn or package.bzr:
        return SourceKind.VCS
    if package.url or (package.path and package.files):
        return SourceKind.ARCHIVE
    return SourceKind.LOCAL if package.path else SourceKind.INDEX


def _make_file(package: _Package, file: _File) -> LockedFile:
    key, text = ("file", file.file) if file.file else ("url", file.url or "")
    # A package named by URL or path has one file, whose place is that of the package.
    url, path = file.url or package.url, package.path if not file.url else None
    return LockedFile(filename=find_filename(text, key), sha256=check_sha256(file.hash), url=url, path=path)
