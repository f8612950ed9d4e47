"""Parses Cargo.lock, Cargo.toml and related files to models.

Formats: the Cargo book, chapters "The Manifest Format", "Specifying Dependencies", "Workspaces" and
"Features"; Cargo.lock is described by ``src/cargo/core/resolver/encode.rs`` of cargo.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import TypeVar

from wheelfix.model.base import Misfit, Struct, convert, decode_toml, field
from wheelfix.model.sdist import CargoLock, CrateDependency, LockedCrate, Manifest

T = TypeVar("T")

_DAMAGED = "unpack the source distribution again, or report it to its authors"


class _LockPackage(Struct):
    """One ``[[package]]`` of a Cargo.lock."""

    name: str
    version: str
    source: str | None = None
    dependencies: tuple[str, ...] = ()


class _Lock(Struct):
    """A Cargo.lock."""

    package: tuple[_LockPackage, ...] = ()


class _Inherited(Struct):
    """A value that the manifest inherits from its workspace."""

    workspace: bool


class _Package(Struct, rename="kebab"):
    """``[package]``."""

    name: str | None = None
    version: str | _Inherited | None = None
    rust_version: str | _Inherited | None = None
    edition: str | _Inherited | None = None
    workspace: str | None = None


class _Dependency(Struct, rename="kebab"):
    """A dependency in the long form. Keys with ``_`` occur in old manifests; the others take precedence."""

    package: str | None = None
    features: tuple[str, ...] = ()
    default_features: bool | None = None
    default_features_old: bool | None = field(default=None, name="default_features")
    optional: bool = False
    path: str | None = None
    workspace: bool = False


_Dependencies = dict[str, str | _Dependency]
"""A version, or a table."""


class _Platform(Struct, rename="kebab"):
    """Dependencies of a package, in general or for some targets. Those for tests are ignored."""

    dependencies: _Dependencies = field(default_factory=dict)
    build_dependencies: _Dependencies = field(default_factory=dict)
    build_dependencies_old: _Dependencies = field(default_factory=dict, name="build_dependencies")


class _SharedPackage(Struct, rename="kebab"):
    """``[workspace.package]``."""

    version: str | None = None
    rust_version: str | None = None
    edition: str | None = None


class _Workspace(Struct):
    """``[workspace]``."""

    members: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    package: _SharedPackage = _SharedPackage()
    dependencies: _Dependencies = field(default_factory=dict)


class _Manifest(_Platform):
    """A Cargo.toml; ``[project]`` is the old name of ``[package]``."""

    package: _Package | None = None
    project: _Package = _Package()
    features: dict[str, tuple[str, ...]] = field(default_factory=dict)
    target: dict[str, _Platform] = field(default_factory=dict)
    workspace: _Workspace | None = None
    patch: dict[str, _Dependencies] = field(default_factory=dict)


class _Product(Struct):
    """A program, an example, a test or a benchmark of a package."""

    name: str | None = None


class _Products(Struct):
    """The products of a Cargo.toml, by kind."""

    bin: tuple[_Product, ...] = ()
    example: tuple[_Product, ...] = ()
    test: tuple[_Product, ...] = ()
    bench: tuple[_Product, ...] = ()


class _Registry(Struct, rename="kebab"):
    """A source from which cargo takes crates."""

    directory: str | None = None
    replace_with: str | None = None


class _Config(Struct):
    """A ``.cargo/config.toml``."""

    source: dict[str, _Registry] = field(default_factory=dict)


class _Toolchain(Struct):
    """``[toolchain]``."""

    channel: str | None = None


class _ToolchainFile(Struct):
    """A ``rust-toolchain.toml``."""

    toolchain: _Toolchain = _Toolchain()


def parse_lock(path: str, text: bytes) -> CargoLock:
    """Read a Cargo.lock of any version.

    Raises:
        InputError: it is not TOML, or a value has another type than cargo writes.
    """
    packages = _decode(path, text, _Lock).package
    return CargoLock(
        crates=tuple(
            LockedCrate(name=p.name, version=p.version, source=p.source, dependencies=p.dependencies)
            for p in packages
        )
    )


def parse_manifest(path: str, text: bytes) -> Manifest:
    """Read a Cargo.toml.

    Raises:
        InputError: it is not TOML, or a value has another type than cargo accepts.
    """
    read = _decode(path, text, _Manifest)
    package = read.package or read.project
    workspace = read.workspace or _Workspace()
    shared = workspace.package
    values = {"version": shared.version, "rust-version": shared.rust_version, "edition": shared.edition}
    return Manifest(
        path=path,
        name=package.name,
        version=_name_inherited(package.version),
        rust_version=_name_inherited(package.rust_version),
        edition=_name_inherited(package.edition),
        dependencies=(
            *_list_platform(read, ""),
            *(one for target, platform in read.target.items() for one in _list_platform(platform, target)),
        ),
        features=read.features,
        is_workspace=read.workspace is not None,
        workspace_root=package.workspace,
        members=workspace.members,
        excluded=workspace.exclude,
        workspace_dependencies=tuple(_list_dependencies(workspace.dependencies, "")),
        workspace_package={key: value for key, value in values.items() if value is not None},
        patched=dict(_find_patched(posixpath.dirname(path), read.patch)),
    )


def list_products(path: str, text: bytes) -> Mapping[str, tuple[str, ...]]:
    """List the products of a Cargo.toml besides its library and its first program.

    Returns:
        Names by kind: ``bin``, ``example``, ``test`` and ``bench``.

    Raises:
        InputError: as for :func:`parse_manifest`.
    """
    read = _decode(path, text, _Products)
    kinds = {"bin": read.bin, "example": read.example, "test": read.test, "bench": read.bench}
    return {kind: tuple(one.name for one in found if one.name) for kind, found in kinds.items()}


def parse_vendored(path: str, text: bytes) -> str | None:
    """Find the directory that replaces the registry, if a ``.cargo/config.toml`` names one.

    Returns:
        As written there, relative to the directory that ``.cargo`` is in.

    Raises:
        InputError: it is not TOML, or a source has another type than cargo accepts.
    """
    sources = _decode(path, text, _Config).source
    name, seen = "crates-io", set[str]()
    while name not in seen and name in sources:
        seen.add(name)
        if directory := sources[name].directory:
            return directory
        name = sources[name].replace_with or name
    return None


def parse_channel(path: str, text: bytes) -> str | None:
    """Read the channel from ``rust-toolchain.toml``, or from the older ``rust-toolchain`` with one line.

    Raises:
        InputError: a ``.toml`` file is not TOML, or its channel is not a string.
    """
    lines = text.decode("utf-8", "replace").strip().splitlines()
    if not path.endswith(".toml") and len(lines) == 1:
        return lines[0]
    return _decode(path, text, _ToolchainFile).toolchain.channel


def _decode(path: str, text: bytes, kind: type[T]) -> T:
    try:
        return convert(decode_toml(text), kind)
    except Misfit as misfit:
        raise misfit.tell(path, _DAMAGED) from None


def _name_inherited(value: str | _Inherited | None) -> str | None:
    if isinstance(value, _Inherited):
        return "workspace" if value.workspace else None
    return value


def _list_platform(platform: _Platform, target: str) -> Iterator[CrateDependency]:
    yield from _list_dependencies(platform.dependencies, target)
    yield from _list_dependencies(platform.build_dependencies, target)
    yield from _list_dependencies(platform.build_dependencies_old, target)


def _list_dependencies(dependencies: _Dependencies, target: str) -> Iterator[CrateDependency]:
    for key, written in dependencies.items():
        line = _Dependency() if isinstance(written, str) else written
        default = line.default_features
        yield CrateDependency(
            key=key,
            name=line.package or key,
            features=line.features,
            default_features=line.default_features_old if default is None else default,
            optional=line.optional,
            path=line.path,
            target=target,
            inherited=line.workspace,
        )


def _find_patched(directory: str, patch: Mapping[str, _Dependencies]) -> Iterator[tuple[str, str]]:
    for dependencies in patch.values():
        for one in _list_dependencies(dependencies, ""):
            if one.path is not None:
                yield one.name, posixpath.normpath(posixpath.join(directory, one.path))
