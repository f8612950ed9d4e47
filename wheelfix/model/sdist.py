"""Models of Rust-backed source distributions: their files, manifests and locks."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from wheelfix.model.base import Struct


class SourceTree(Struct):
    """A source distribution, of which only the files that describe its build were read.

    Paths are relative to its top directory, with ``/``.

    Attributes:
        target: file name of the archive, or the directory's name.
        files: contents by path.
        directories: those at most two levels deep.
        sha256: of the archive, 32 bytes; None for a directory.
    """

    target: str
    files: Mapping[str, bytes]
    directories: frozenset[str] = frozenset()
    sha256: bytes | None = None


class LockedCrate(Struct):
    """One ``[[package]]`` of a Cargo.lock.

    Attributes:
        source: ``registry+URL``, ``git+URL?rev=REF#COMMIT``; None for a crate of the source tree itself.
        dependencies: as written: ``name``, ``name version`` or ``name version (source)``, as much as is
            needed to tell them apart.
    """

    name: str
    version: str
    source: str | None = None
    dependencies: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name and version, as ``importCargoLock`` joins them."""
        return f"{self.name}-{self.version}"


class CargoLock(Struct):
    """A Cargo.lock."""

    crates: tuple[LockedCrate, ...] = ()


class CrateDependency(Struct):
    """One line of ``[dependencies]`` or of a related table.

    Attributes:
        key: the name it has inside the manifest.
        name: the crate's own name.
        features: asked for explicitly.
        default_features: None where the line leaves it to the workspace.
        path: directory relative to the manifest's, for a crate of the same source tree.
        target: ``cfg(...)`` or a target triple; empty for all.
        inherited: the rest is in ``[workspace.dependencies]``.
    """

    key: str
    name: str
    features: tuple[str, ...] = ()
    default_features: bool | None = None
    optional: bool = False
    path: str | None = None
    target: str = ""
    inherited: bool = False


class Manifest(Struct):
    """A Cargo.toml.

    Attributes:
        path: of the file.
        name: of the crate; None for a workspace that has none of its own.
        version: of the crate, or None; ``workspace`` where it is inherited; the same for the next two.
        rust_version: minimum, or None.
        edition: of the language, or None.
        dependencies: normal and build dependencies; those for tests are left out.
        features: what each feature turns on.
        is_workspace: it has a ``[workspace]``.
        workspace_root: directory of the workspace as ``package.workspace`` names it, or None.
        members: of the workspace, with wildcards.
        excluded: directories that the workspace leaves out.
        workspace_dependencies: of ``[workspace.dependencies]``.
        workspace_package: version, rust-version and edition of ``[workspace.package]``.
        patched: directories that ``[patch]`` puts in place of crates, by the crates' names.
    """

    path: str
    name: str | None = None
    version: str | None = None
    rust_version: str | None = None
    edition: str | None = None
    dependencies: tuple[CrateDependency, ...] = ()
    features: Mapping[str, tuple[str, ...]]
    is_workspace: bool = False
    workspace_root: str | None = None
    members: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    workspace_dependencies: tuple[CrateDependency, ...] = ()
    workspace_package: Mapping[str, str]
    patched: Mapping[str, str]


class Builder(StrEnum):
    """The tool that calls cargo."""

    MATURIN = "maturin"
    SETUPTOOLS_RUST = "setuptools-rust"
    OTHER = "other"


class BuiltManifest(Struct):
    """A Cargo.toml that the build turns into a module or program.

    Attributes:
        path: of the file.
        evidence: the file that says so.
        features: turned on by the build.
        default_features: the crate's own default features are on.
        rust_version: minimum that the build itself asks for.
    """

    path: str
    evidence: str
    features: tuple[str, ...] = ()
    default_features: bool = True
    rust_version: str | None = None


class PythonProject(Struct):
    """What pyproject.toml, setup.py and PKG-INFO say.

    Attributes:
        name: normalised.
        requires: active requirements of ``[build-system]``: normalised names, with extras; sorted.
        depends: active requirements of the project that are pinned to one version, as written.
        summary: one line, or empty.
        homepage, changelog: URL, or empty.
        spdx: license as an SPDX expression, or empty.
        license: the same in words.
        run_time: normalised names of the active requirements at run time, sorted.
    """

    name: str
    version: str
    backend: str
    requires: tuple[tuple[str, tuple[str, ...]], ...]
    builder: Builder
    built: tuple[BuiltManifest, ...] = ()
    depends: tuple[str, ...] = ()
    summary: str = ""
    homepage: str = ""
    changelog: str = ""
    spdx: str = ""
    license: str = ""
    run_time: tuple[str, ...] = ()


class CargoSource(Struct):
    """The parsed files of a Rust-backed source distribution; paths are relative to its top directory.

    Attributes:
        target: file name of the sdist.
        sha256: of the archive, 32 bytes; None for a directory.
        manifests: by path.
        locks: by path.
        channels: of ``rust-toolchain.toml``, by path.
        vendored: directory of crates that a ``.cargo/config.toml`` puts in place of the registry, or None.
    """

    target: str
    sha256: bytes | None
    project: PythonProject
    manifests: Mapping[str, Manifest]
    locks: Mapping[str, CargoLock]
    channels: Mapping[str, str]
    vendored: str | None = None
