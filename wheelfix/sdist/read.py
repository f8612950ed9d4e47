"""Reads source distributions: fetches the file if needed, and reads what it states about its build."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.model.base import replace
from wheelfix.model.scan import Finding
from wheelfix.model.sdist import BuiltManifest, CargoLock, CargoSource, Manifest, SourceTree
from wheelfix.outside.configuration import PackageSources
from wheelfix.outside.places import find_cache
from wheelfix.scan.target import Target, TargetKind
from wheelfix.sdist.checkouts import find_hashes
from wheelfix.sdist.features import (
    find_inherited,
)
from wheelfix.sdist.make import make_lock
from wheelfix.sdist.manifests import parse_channel, parse_lock, parse_manifest, parse_vendored
from wheelfix.sdist.model import CargoPlan, GivenLock
from wheelfix.sdist.plan import plan_cargo
from wheelfix.wheel.input import open_input
from wheelfix.wheel.metadata import parse_wanted
from wheelfix.wheel.sdist import read_sdist
from wheelfix.wheel.sdist_project import is_aside, read_project


def fetch_source(
    target: Target, sources: PackageSources | None, on_bytes: Callable[[int, int], None] | None
) -> tuple[Path, tuple[Finding, ...]]:
    """Fetch a source distribution into the cache, or find it on disk.

    Args:
        target: one that ``sdist`` accepts.
        sources: where it is fetched from; None takes the configured ones.
        on_bytes: called with bytes done and in all.

    Returns:
        The file or directory, and findings of the index.

    Raises:
        InputError: it cannot be fetched.
    """
    if target.path:
        return target.path, ()
    from wheelfix.outside.wheels import fetch_sdist, fetch_url  # slow import

    if target.kind is TargetKind.REQUIREMENT:
        fetched = fetch_sdist(target.text, find_cache().sdists, sources=sources, on_bytes=on_bytes)
        return fetched.path, fetched.findings
    wanted = parse_wanted(target.text)
    url = wanted.url if wanted and wanted.url else target.text
    return fetch_url(url, find_cache().urls, sources=sources, on_bytes=on_bytes), ()


def read_plan(path: Path, python: str) -> CargoPlan | None:
    """Read a source distribution, and plan its build.

    Args:
        path: the archive, or a directory with its contents.
        python: version of CPython for which requirements are evaluated.

    Returns:
        None for one that builds no Rust.

    Raises:
        InputError: it cannot be read, is hostile, or contradicts itself.
    """
    source = read_source(read_sdist(path), python=python)
    return plan_cargo(source, hashes=read_hashes(source)) if source.project.built else None


def read_given(lock_file: Path, tree: SourceTree, source: CargoSource) -> GivenLock:
    """Read the Cargo.lock that a user names; cargo makes it if the file does not exist.

    Args:
        lock_file: the file.
        tree: the source tree.
        source: its parsed files; it builds Rust.

    Raises:
        InputError: the file cannot be read, is not a Cargo.lock, or cargo cannot make one.
        ApplyError: the input for cargo cannot be written.
    """
    made = None
    if lock_file.exists():
        with open_input(lock_file) as file:
            data = file.read()
    else:
        data = made = make_lock(tree, source.manifests, source.project.built[0].path)
    return GivenLock(name=lock_file.name, lock=parse_lock(str(lock_file), data), made=made)


def read_hashes(
    source: CargoSource, given: GivenLock | None = None, cargo_home: Path | None = None
) -> Mapping[str, bytes]:
    """Hash the git crates of all locks whose checkouts cargo has.

    Args:
        source: the parsed files.
        given: the lock beside the generated file.
        cargo_home: cargo's directory; None for the default one.

    Returns:
        SHA-256 by commit.
    """
    hashes: dict[str, bytes] = {}
    for lock in (*source.locks.values(), *([given.lock] if given else [])):
        hashes |= find_hashes(lock, cargo_home)
    return hashes


def read_source(tree: SourceTree, *, python: str = "3.12") -> CargoSource:
    """Read what an sdist states about its build.

    Raises:
        InputError: one of its files contradicts its format.
    """
    try:
        return _read_source(tree, python)
    except InputError as error:
        if error.subject.startswith(tree.target):
            raise
        raise InputError(f"{tree.target}: {error.subject}", error.problem, error.hint) from None


def _read_source(tree: SourceTree, python: str) -> CargoSource:
    project = read_project(tree, python)
    vendored = _find_vendored(tree)
    manifests: dict[str, Manifest] = {}
    locks: dict[str, CargoLock] = {}
    channels = {}
    # A project that builds no Rust may contain any manifests, including broken ones for tests.
    for path, text in sorted(tree.files.items()) if project.built else ():
        if vendored and path.startswith(f"{vendored}/"):
            continue
        match posixpath.basename(path):
            case "Cargo.toml":
                try:
                    manifests[path] = parse_manifest(path, text)
                except InputError:
                    if not is_aside(path):  # a manifest of a test may be broken on purpose
                        raise
            case "Cargo.lock":
                locks[path] = parse_lock(path, text)
            case "rust-toolchain.toml" | "rust-toolchain":
                if channel := parse_channel(path, text):
                    channels[path] = channel
    if not project.version:
        project = replace(project, version=_find_version(project.built, manifests))
    return CargoSource(
        target=tree.target,
        sha256=tree.sha256,
        project=project,
        manifests=manifests,
        locks=locks,
        channels=channels,
        vendored=vendored,
    )


def _find_version(built: tuple[BuiltManifest, ...], manifests: Mapping[str, Manifest]) -> str:
    """Return the version that maturin takes from Cargo.toml if pyproject.toml has none."""
    for one in built:
        if one.path in manifests:
            version = find_inherited(manifests, one.path, "version", manifests[one.path].version)
            if version:
                return version
    return "0"


def _find_vendored(tree: SourceTree) -> str | None:
    """Return the directory of bundled crates, if the sdist's cargo configuration uses them."""
    for path, text in sorted(tree.files.items()):
        directory, name = posixpath.split(path)
        if posixpath.basename(directory) == ".cargo" and name in {"config.toml", "config"}:
            found = parse_vendored(path, text)
            base = posixpath.normpath(posixpath.join(posixpath.dirname(directory), found or ".."))
            if found and any(known.startswith(f"{base}/") for known in tree.files):
                return base
    return None
