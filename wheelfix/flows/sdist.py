"""Build Rust-backed source distributions."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.index.sources import find_cache
from wheelfix.model.base import Struct, replace
from wheelfix.model.override import Dialect
from wheelfix.model.scan import Finding, Level
from wheelfix.model.sdist import BuiltManifest, CargoLock, CargoSource, Manifest, SourceTree
from wheelfix.outside.configuration import PackageSources
from wheelfix.scan.target import Target, TargetKind, find_target
from wheelfix.sdist.features import find_workspace
from wheelfix.sdist.home import find_hashes
from wheelfix.sdist.make import make_lock
from wheelfix.sdist.manifests import parse_channel, parse_lock, parse_manifest, parse_vendored
from wheelfix.sdist.model import CargoPlan
from wheelfix.sdist.plan import explain_no_rust, find_unfilled, plan_cargo
from wheelfix.sdist.render import render_cargo, render_cargo_package
from wheelfix.wheel.metadata import parse_wanted
from wheelfix.wheel.open import open_input
from wheelfix.wheel.project import is_aside, read_project
from wheelfix.wheel.sdist import read_sdist

__all__ = ["DIALECTS", "Written", "plan_sdist", "read_sdist", "read_source", "write_cargo"]

DIALECTS = (Dialect.UV2NIX, Dialect.PYPROJECT_NIX, Dialect.NIXPKGS)


class Written(Struct):
    """Generated code.

    Attributes:
        text: the file.
        plan: what it says.
        findings: what the user should know.
        lock: a Cargo.lock that cargo made, or None.
    """

    text: str
    plan: CargoPlan
    findings: tuple[Finding, ...] = ()
    lock: bytes | None = None

    @property
    def answered(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.level is Level.ERROR for finding in self.findings)


def write_cargo(
    target: str,
    dialect: Dialect = Dialect.UV2NIX,
    *,
    python: str = "3.12",
    lock_file: Path | None = None,
    cargo_home: Path | None = None,
    sources: PackageSources | None = None,
    on_bytes: Callable[[int, int], None] | None = None,
) -> Written:
    """Write Nix code that builds a Rust-backed sdist.

    Args:
        target: an sdist, a directory with its contents, or a requirement or an address, which is fetched.
        dialect: one of :data:`DIALECTS`.
        python: version of CPython that requirements are resolved for.
        lock_file: a Cargo.lock for an sdist that has none; if there is no such file, cargo makes it.
        cargo_home: where cargo keeps git checkouts; None for its own place.
        sources: where it is fetched from; None takes what is configured.
        on_bytes: told bytes downloaded and in all.

    Raises:
        InputError: the target cannot be read or fetched, is hostile, or builds no Rust.
        ApplyError: cargo's input cannot be written.
    """
    if not re.fullmatch(r"3\.\d{1,3}t?", python):
        raise InputError(target, f"cannot be built for Python {python!r}", "name a version such as 3.12")
    path, findings = _find_sdist(find_target(target, "sdist"), sources, on_bytes)
    tree = read_sdist(path)
    source = read_source(tree, python=python)
    if not source.project.built:
        raise InputError(target, *explain_no_rust(source))
    made = None
    if lock_file is not None and not lock_file.exists():
        made = make_lock(tree, source.manifests, source.project.built[0].path)
    plan = plan_sdist(source, lock_file=lock_file, made=made, cargo_home=cargo_home)
    assert plan is not None
    text = render_cargo_package(plan) if dialect is Dialect.NIXPKGS else render_cargo([plan])
    imports = dialect is not Dialect.NIXPKGS or not plan.lock
    findings += plan.findings + (find_unfilled(plan) if imports else ())
    return Written(text=text, plan=plan, findings=findings, lock=made)


def _find_sdist(
    target: Target, sources: PackageSources | None, on_bytes: Callable[[int, int], None] | None
) -> tuple[Path, tuple[Finding, ...]]:
    """The file or directory of a source distribution, fetched if need be, and what an index says of it."""
    from wheelfix.outside.wheels import fetch_sdist, fetch_url

    if target.path:
        return target.path, ()
    if target.kind is TargetKind.REQUIREMENT:
        fetched = fetch_sdist(target.text, find_cache() / "sdists", sources=sources, on_bytes=on_bytes)
        return fetched.path, fetched.findings
    wanted = parse_wanted(target.text)
    url = wanted.url if wanted and wanted.url else target.text
    return fetch_url(url, find_cache() / "urls", sources=sources, on_bytes=on_bytes), ()


def plan_sdist(
    source: CargoSource,
    *,
    lock_file: Path | None = None,
    made: bytes | None = None,
    cargo_home: Path | None = None,
) -> CargoPlan | None:
    """Plan the build of one sdist that has been read.

    Args:
        source: of :func:`read_source`.
        lock_file: used where the sdist has no Cargo.lock.
        made: the contents of that file, if it is not on disk yet.
        cargo_home: as for :func:`write_cargo`.

    Returns:
        None for an sdist that builds no Rust.
    """
    given = None
    if lock_file is not None:
        given = parse_lock(str(lock_file), made if made is not None else _read(lock_file))
    hashes: dict[str, bytes] = {}
    for lock in (*source.locks.values(), *((given,) if given else ())):
        hashes |= find_hashes(lock, cargo_home)
    return plan_cargo(source, hashes=hashes, lock=given, lock_file=lock_file.name if lock_file else None)


def read_source(tree: SourceTree, *, python: str = "3.12") -> CargoSource:
    """Read what an sdist says about its build.

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
    # A project that builds no Rust may carry manifests of all kinds, broken ones for tests included.
    for path, text in sorted(tree.files.items()) if project.built else ():
        if vendored and path.startswith(f"{vendored}/"):
            continue
        match posixpath.basename(path):
            case "Cargo.toml":
                try:
                    manifests[path] = parse_manifest(path, text)
                except InputError:
                    if not is_aside(path):  # a manifest may be broken for the sake of a test
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
    """The version that maturin takes from Cargo.toml where pyproject.toml leaves it open."""
    for one in built:
        if one.path in manifests:
            version, workspace = manifests[one.path].version, find_workspace(manifests, one.path)
            if version == "workspace":
                version = workspace.workspace_package.get("version") if workspace else None
            if version:
                return version
    return "0"


def _find_vendored(tree: SourceTree) -> str | None:
    """The directory of the crates that the sdist brings, if its own cargo configuration takes them."""
    for path, text in sorted(tree.files.items()):
        directory, name = posixpath.split(path)
        if posixpath.basename(directory) == ".cargo" and name in {"config.toml", "config"}:
            found = parse_vendored(path, text)
            base = posixpath.normpath(posixpath.join(posixpath.dirname(directory), found or ".."))
            if found and any(known.startswith(f"{base}/") for known in tree.files):
                return base
    return None


def _read(lock_file: Path) -> bytes:
    with open_input(lock_file) as file:
        return file.read()
