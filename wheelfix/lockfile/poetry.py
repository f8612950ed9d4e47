"""Reads ``poetry.lock``, versions 1 and 2 (poetry's ``src/poetry/packages/locker.py``).

The lock does not record what the project itself requires. If the project's pyproject.toml was read, its
dependencies are the roots; else every package that no other one requires is. Version 1 has the files of all
packages under ``metadata.files``; version 2 has ``files`` in each package, and from 2.1 on ``groups`` and
``markers`` instead of ``category``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from wheelfix.lockfile.checks import check_name, check_sha256, check_version, find_filename
from wheelfix.lockfile.markers import join_markers
from wheelfix.lockfile.project import Project, list_required, read_constraint
from wheelfix.model.base import Misfit, Struct, convert, field, make_each
from wheelfix.model.lock import DependencySet, Lock, LockedDependency, LockedFile, LockedPackage, SourceKind
from wheelfix.model.lock_formats import LockKind
from wheelfix.wheel.metadata import normalize_name

_MAJORS = {"1", "2"}
_KINDS = {
    "git": SourceKind.VCS,
    "directory": SourceKind.LOCAL,
    "url": SourceKind.ARCHIVE,
    "file": SourceKind.ARCHIVE,
}
MAIN = "main"


class _Version(Struct, rename="kebab"):
    """The version of the format."""

    lock_version: str


class _Head(Struct):
    """Version of the format, read first: in another version the rest may have any form."""

    metadata: _Version


class _File(Struct):
    """A wheel or a source distribution."""

    file: str
    hash: str | None = None
    url: str | None = None


class _Source(Struct):
    """Source of a package that is not from the index; ``url`` is a path for files and directories."""

    type: str = ""
    url: str | None = None


class _Requirement(Struct):
    """An edge, in the long form."""

    markers: str = ""
    extras: tuple[str, ...] = ()
    optional: bool = False


_Requirements = str | _Requirement | tuple[str | _Requirement, ...]
"""Edges to one package: a version, a table, or several for different markers."""


class _Package(Struct):
    """One ``[[package]]``.

    ``markers`` is a table if they differ between groups. ``category`` is the predecessor of ``groups`` up to
    poetry 1.4.
    """

    name: str
    version: str
    optional: bool = False
    files: tuple[_File, ...] = ()
    source: _Source = _Source()
    dependencies: dict[str, _Requirements] = field(default_factory=dict)
    extras: dict[str, tuple[str, ...]] = field(default_factory=dict)
    markers: str | dict[str, str] = ""
    groups: tuple[str, ...] = ()
    category: str = ""


class _Metadata(Struct, rename="kebab"):
    """Target of the lock; up to lock version 1.1 (poetry 1.1) also the files of all packages, by name."""

    python_versions: str = ""
    files: dict[str, tuple[_File, ...]] = field(default_factory=dict)


class _Document(Struct):
    """The whole file."""

    metadata: _Metadata
    package: tuple[_Package, ...] = ()
    extras: dict[str, tuple[str, ...]] = field(default_factory=dict)


def parse_poetry(name: str, document: Mapping[str, Any], project: Project | None = None) -> Lock:
    """Convert the TOML of a poetry.lock.

    Args:
        name: of the file, for messages.
        document: the whole file.
        project: the pyproject.toml beside it.

    Raises:
        Misfit: it is not a poetry.lock, or of a newer major version.
        InputError: a requirement of the project is invalid.
    """
    version = convert(document, _Head).metadata.lock_version
    if version.partition(".")[0] not in _MAJORS:
        raise Misfit("metadata.lock-version", f"is {version!r}; wheelfix reads versions 1 and 2")
    lock = convert(document, _Document)
    packages = make_each("package", lock.package, partial(_make_package, lock.metadata.files))
    groups = {group for package in packages for group in package.in_groups}
    return Lock(
        name=name,
        kind=LockKind.POETRY,
        requires_python=read_constraint(lock.metadata.python_versions),
        packages=packages,
        roots=_find_roots(packages, project),
        extras=_make_sets(lock.extras),
        default_groups=tuple(sorted({MAIN, *groups})),
    )


def _find_roots(packages: tuple[LockedPackage, ...], project: Project | None) -> tuple[str, ...]:
    names = {package.name for package in packages}
    # Names of all groups; the groups of the lock decide which are used.
    if project and (wanted := list_required(project) & names):
        return tuple(sorted(wanted))
    required = {d.name for package in packages for d in package.dependencies if d.name != package.name}
    return tuple(sorted(p.name for p in packages if p.name not in required and not p.optional))


def _make_package(old_files: Mapping[str, tuple[_File, ...]], package: _Package) -> LockedPackage:
    files = package.files or old_files.get(package.name, ())
    made = make_each("files", files, partial(_make_file, package.source))
    groups = package.groups or ((package.category,) if package.category else ())
    return LockedPackage(
        name=check_name(package.name),
        version=check_version(package.version),
        source=_KINDS.get(package.source.type, SourceKind.INDEX),
        wheels=tuple(f for f in made if f.filename.endswith(".whl")),
        sdist=next((f for f in made if f.filename.endswith((".tar.gz", ".zip", ".tar.bz2"))), None),
        dependencies=tuple(
            made
            for name, requirements in sorted(package.dependencies.items())
            for made in _make_dependencies(name, requirements)
        ),
        extras=_make_sets(package.extras),
        marker=_join_markers(package.markers),
        in_groups=tuple(sorted(map(normalize_name, groups))),
        optional=package.optional,
    )


def _make_file(source: _Source, file: _File) -> LockedFile:
    return LockedFile(
        filename=find_filename(file.file, "file"),
        sha256=check_sha256(file.hash),
        url=source.url if file.url is None and source.type == "url" else file.url,
        path=source.url if source.type == "file" else None,
    )


def _join_markers(markers: str | Mapping[str, str]) -> str:
    """Join the markers of a package's groups with "or"; a group without one always takes the package."""
    return markers if isinstance(markers, str) else join_markers(markers.values())


def _make_dependencies(name: str, requirements: _Requirements) -> list[LockedDependency]:
    several = requirements if isinstance(requirements, tuple) else (requirements,)
    tables = [_Requirement() if isinstance(one, str) else one for one in several]
    return [
        LockedDependency(
            name=normalize_name(name),
            marker=table.markers,
            extras=tuple(sorted(map(normalize_name, table.extras))),
        )
        for table in tables
        if not table.optional  # it is also in the package's extras
    ]


def _make_sets(sets: Mapping[str, tuple[str, ...]]) -> tuple[DependencySet, ...]:
    """Make extras from requirements, of which only the names are used; the lock has the versions."""
    return tuple(
        DependencySet(
            name=normalize_name(name),
            dependencies=tuple(
                LockedDependency(name=normalize_name(match[1]))
                for text in requirements
                if (match := re.match(r"\s*([A-Za-z0-9][\w.-]*)", text))
            ),
        )
        for name, requirements in sorted(sets.items())
    )
