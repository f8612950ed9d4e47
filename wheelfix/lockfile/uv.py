"""Reads ``uv.lock``, version 1 (uv's ``crates/uv-resolver/src/lock``)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from wheelfix.lockfile.checks import check_name, check_sha256, check_version, find_filename
from wheelfix.lockfile.project import DEFAULT_GROUPS, Project
from wheelfix.model.base import Misfit, Struct, asdict, convert, field, make_each, make_one
from wheelfix.model.lock import DependencySet, Lock, LockedDependency, LockedFile, LockedPackage, SourceKind
from wheelfix.model.lock_formats import LockKind
from wheelfix.wheel.metadata import normalize_name

_VERSION = 1


class _Head(Struct):
    """Version of the format, read first: in another version the rest may have any form."""

    version: int


class _Source(Struct):
    """Source of a package: one of the first seven keys, which determines the kind."""

    registry: str | None = None
    git: str | None = None
    url: str | None = None
    path: str | None = None
    directory: str | None = None
    editable: str | None = None
    virtual: str | None = None
    subdirectory: str | None = None


class _File(Struct):
    """A wheel or a source distribution; the source has the place if there is neither ``url`` nor ``path``."""

    url: str | None = None
    path: str | None = None
    filename: str | None = None
    hash: str | None = None
    size: int | None = None


class _Dependency(Struct):
    """An edge. ``version`` and ``source`` are present if the name alone is ambiguous."""

    name: str
    version: str | None = None
    source: _Source = _Source()
    marker: str = ""
    extra: tuple[str, ...] = ()


class _Package(Struct, rename="kebab"):
    """One ``[[package]]``."""

    name: str
    version: str | None = None
    source: _Source = _Source()
    dependencies: tuple[_Dependency, ...] = ()
    optional_dependencies: dict[str, tuple[_Dependency, ...]] = field(default_factory=dict)
    dev_dependencies: dict[str, tuple[_Dependency, ...]] = field(default_factory=dict)
    sdist: _File = _File()
    wheels: tuple[_File, ...] = ()


class _Manifest(Struct):
    """What was locked: the members of a workspace, if it is one."""

    members: tuple[str, ...] = ()


class _Document(Struct, rename="kebab"):
    """The whole file."""

    requires_python: str = ""
    supported_markers: tuple[str, ...] = ()
    manifest: _Manifest = _Manifest()
    package: tuple[_Package, ...] = ()


def parse_uv(name: str, document: Mapping[str, Any], project: Project | None = None) -> Lock:
    """Convert the TOML of a uv.lock.

    Args:
        name: of the file, for messages.
        document: the whole file.
        project: the pyproject.toml beside it, which says which dependency groups uv takes by default.

    Raises:
        Misfit: it is not a uv.lock, or of a newer version.
    """
    version = convert(document, _Head).version
    if version != _VERSION:
        raise Misfit("version", f"is {version}; wheelfix reads version {_VERSION}")
    lock = convert(document, _Document)
    packages = make_each("package", lock.package, _make_package)
    members = {normalize_name(member) for member in lock.manifest.members}
    roots = tuple(
        made.name
        for made, package in zip(packages, lock.package, strict=True)
        if made.name in members or _is_root(package.source)
    )
    return Lock(
        name=name,
        kind=LockKind.UV,
        requires_python=lock.requires_python,
        environments=lock.supported_markers,
        packages=packages,
        roots=roots or tuple(package.name for package in packages if package.source is SourceKind.LOCAL),
        default_groups=project.default_groups if project else DEFAULT_GROUPS,
    )


def _make_package(package: _Package) -> LockedPackage:
    source = package.source
    kind = _find_kind(source)
    # The project itself and a repository have no file.
    has_files = kind in {SourceKind.INDEX, SourceKind.ARCHIVE}
    has_sdist = has_files and package.sdist != _File()
    make_file = partial(_make_file, source)
    return LockedPackage(
        name=check_name(package.name),
        version=check_version(package.version),
        source=kind,
        wheels=make_each("wheels", package.wheels, make_file) if has_files else (),
        sdist=make_one("sdist", package.sdist, make_file) if has_sdist else None,
        dependencies=make_each("dependencies", package.dependencies, _make_dependency),
        extras=_make_sets("optional-dependencies", package.optional_dependencies),
        groups=_make_sets("dev-dependencies", package.dev_dependencies),
        origin=_find_origin(source) or "",
    )


def _find_kind(source: _Source) -> SourceKind:
    if source.virtual is not None or source.editable is not None or source.directory is not None:
        return SourceKind.LOCAL
    if source.git is not None:
        return SourceKind.VCS
    if source.url is not None or source.path is not None:
        return SourceKind.ARCHIVE
    if source.registry is None:
        raise Misfit("source.registry", "is missing")
    return SourceKind.INDEX


def _is_root(source: _Source) -> bool:
    return "." in {source.virtual, source.editable, source.directory}


def _find_origin(source: _Source) -> str | None:
    """Return a string that is equal for equal sources; None for None."""
    pairs = sorted((key, value) for key, value in asdict(source).items() if value is not None)
    return " ".join(f"{key} {value}" for key, value in pairs) or None


def _make_file(source: _Source, file: _File) -> LockedFile:
    url, path = file.url, file.path
    if not url and not path:
        # A package named by URL or path has it only in ``source``.
        url, path = source.url, source.path
    elif path and not path.startswith("/") and source.registry and "://" not in source.registry:
        # In a directory as an index, files are relative to it, and it is relative to the lock.
        path = f"{source.registry}/{path}"
    named = {"filename": file.filename, "url": url, "path": path}
    key, text = next(((key, text) for key, text in named.items() if text), ("", ""))
    if not key:
        raise Misfit("", "names neither url nor path")
    return LockedFile(
        filename=find_filename(text, key), sha256=check_sha256(file.hash), url=url, path=path, size=file.size
    )


def _make_sets(key: str, sets: Mapping[str, tuple[_Dependency, ...]]) -> tuple[DependencySet, ...]:
    return tuple(
        DependencySet(
            name=normalize_name(name),
            dependencies=make_each((key, name), dependencies, _make_dependency),
        )
        for name, dependencies in sorted(sets.items())
    )


def _make_dependency(dependency: _Dependency) -> LockedDependency:
    return LockedDependency(
        name=check_name(dependency.name),
        version=check_version(dependency.version),
        origin=_find_origin(dependency.source),
        marker=dependency.marker,
        extras=tuple(sorted(map(normalize_name, dependency.extra))),
    )
