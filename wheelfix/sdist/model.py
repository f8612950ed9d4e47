"""What is concluded about a Rust-backed source distribution, and what Nix has to be told about it."""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.model.base import Struct
from wheelfix.model.scan import Finding
from wheelfix.model.sdist import CargoLock, LockedCrate, PythonProject


class CrateGraph(Struct):
    """The crates that a build compiles.

    Attributes:
        parents: crates of Cargo.lock that are reached, each with the one that leads to it; None for what
            is built itself.
        dependents: names of the crates that depend on each, by name; sorted.
        features: asked for by manifests of the source tree, by crate name.
        manifests: paths of the manifests that take part, sorted.
    """

    parents: Mapping[LockedCrate, LockedCrate | None]
    dependents: Mapping[str, tuple[str, ...]]
    features: Mapping[str, frozenset[str]]
    manifests: tuple[str, ...]


class NativeInput(Struct):
    """A nixpkgs attribute, with the reasons for it."""

    attr: str
    reason: str


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
        reason: empty for what ``[build-system]`` names itself.
    """

    name: str
    extras: tuple[str, ...] = ()
    reason: str = ""


class GivenLock(Struct):
    """A Cargo.lock for a source distribution that has none.

    Attributes:
        name: of the file.
        lock: what is in it.
        made: its bytes, if cargo made it and the file is not there yet; else None.
    """

    name: str
    lock: CargoLock
    made: bytes | None = None


class GitSource(Struct):
    """A commit that crates come from.

    Attributes:
        url: of the repository.
        commit: full id.
        crates: ``name-version``, sorted; the first one stands for all.
        sha256: of the checkout as a Nix archive, 32 bytes; None where the source is not at hand.
    """

    url: str
    commit: str
    crates: tuple[str, ...]
    sha256: bytes | None = None


class CargoPlan(Struct):
    """All that Nix has to be told to build one sdist.

    Attributes:
        target: file name of the sdist.
        root: directory of Cargo.lock, ``.`` for the top.
        root_reason: how that is known.
        lock: Cargo.lock is in the sdist; or
        lock_file: the name of one that goes beside the generated file.
        build_systems: Python packages, sorted.
        libraries: for ``buildInputs``, sorted.
        tools: for ``nativeBuildInputs``, sorted; pkg-config, cargo and rustc are not among them.
        settings: sorted.
        channel: nightly toolchain that its authors build with, or None.
        git: sorted by URL.
        rust_version: minimum, with who asks for it; or None.
        vendored: directory of the crates that the sdist itself brings, or None.
        findings: what is open or went wrong.
    """

    project: PythonProject
    target: str
    sha256: bytes | None
    root: str
    root_reason: str
    lock: bool
    lock_file: str | None
    build_systems: tuple[BuildRequirement, ...]
    libraries: tuple[NativeInput, ...] = ()
    tools: tuple[NativeInput, ...] = ()
    settings: tuple[Setting, ...] = ()
    channel: str | None = None
    git: tuple[GitSource, ...] = ()
    rust_version: tuple[str, str] | None = None
    vendored: str | None = None
    findings: tuple[Finding, ...] = ()
