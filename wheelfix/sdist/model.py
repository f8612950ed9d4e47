"""Models of the build of a Rust-backed source distribution."""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.model.base import Struct
from wheelfix.model.override import Input
from wheelfix.model.scan import Finding
from wheelfix.model.sdist import CargoLock, LockedCrate, PythonProject


class CrateGraph(Struct):
    """The crates that a build compiles.

    Attributes:
        parents: crates of Cargo.lock that are reached, each with the one that leads to it; None for a crate
            that is built itself.
        dependents: names of the crates that depend on each, by name; sorted.
        features: requested by manifests of the source tree, by crate name.
        manifests: paths of the manifests that take part, sorted.
    """

    parents: Mapping[LockedCrate, LockedCrate | None]
    dependents: Mapping[str, tuple[str, ...]]
    features: Mapping[str, frozenset[str]]
    manifests: tuple[str, ...]


class Setting(Struct):
    """An environment variable of the build, with the reason for it."""

    name: str
    value: str
    reason: str


class BuildRequirement(Struct):
    """A Python package that the build needs.

    Attributes:
        name: normalised.
        extras: sorted.
        reason: empty if ``[build-system]`` itself names it.
    """

    name: str
    extras: tuple[str, ...] = ()
    reason: str = ""


class GivenLock(Struct):
    """A Cargo.lock for a source distribution that has none.

    Attributes:
        name: name of the file.
        lock: its contents.
        made: its bytes, if cargo made it and the file does not exist yet; else None.
    """

    name: str
    lock: CargoLock
    made: bytes | None = None


class GitSource(Struct):
    """A commit that crates come from.

    Attributes:
        url: of the repository.
        commit: full id.
        crates: ``name-version``, sorted; the first one names the commit in ``outputHashes``.
        sha256: of the checkout as a Nix archive, 32 bytes; None if there is no checkout.
    """

    url: str
    commit: str
    crates: tuple[str, ...]
    sha256: bytes | None = None


class CargoPlan(Struct):
    """Everything that Nix has to know to build one sdist.

    Attributes:
        target: file name of the sdist.
        root: directory of Cargo.lock, ``.`` for the top.
        root_reason: evidence for it.
        lock: whether Cargo.lock is in the sdist.
        lock_file: name of a Cargo.lock beside the generated file, or None.
        build_systems: Python packages, sorted.
        libraries: for ``buildInputs``, sorted.
        tools: for ``nativeBuildInputs``, sorted; pkg-config, cargo and rustc are not among them.
        settings: sorted.
        channel: nightly toolchain that its authors use, or None.
        git: sorted by URL.
        rust_version: minimum, with its origin; or None.
        vendored: directory of the crates that the sdist itself brings, or None.
        findings: open points and problems.
    """

    project: PythonProject
    target: str
    sha256: bytes | None
    root: str
    root_reason: str
    lock: bool
    lock_file: str | None
    build_systems: tuple[BuildRequirement, ...]
    libraries: tuple[Input, ...] = ()
    tools: tuple[Input, ...] = ()
    settings: tuple[Setting, ...] = ()
    channel: str | None = None
    git: tuple[GitSource, ...] = ()
    rust_version: tuple[str, str] | None = None
    vendored: str | None = None
    findings: tuple[Finding, ...] = ()
