"""Plans the build of a Rust-backed source distribution."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from wheelfix.errors import InputError
from wheelfix.model.override import Dialect
from wheelfix.model.scan import Finding, Level
from wheelfix.model.sdist import Builder, CargoLock, CargoSource, Manifest
from wheelfix.model.tables import load_table
from wheelfix.sdist.crates import BuildSystems, Crates
from wheelfix.sdist.features import (
    find_inherited,
    find_workspace,
)
from wheelfix.sdist.graph import find_graph
from wheelfix.sdist.inputs import find_inputs
from wheelfix.sdist.model import BuildRequirement, CargoPlan, CrateGraph, GitSource, GivenLock

_REGISTRIES = frozenset(
    {
        "registry+https://github.com/rust-lang/crates.io-index",
        "sparse+https://index.crates.io/",
    }
)
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_EDITIONS = {"2024": "1.85"}


def plan_cargo(
    source: CargoSource,
    *,
    hashes: Mapping[str, bytes] | None = None,
    given: GivenLock | None = None,
) -> CargoPlan:
    """Plan the build of an sdist.

    Args:
        source: the sdist; it builds Rust.
        hashes: SHA-256 of git checkouts as Nix archives, by commit.
        given: a Cargo.lock beside the generated file, used if the sdist has none.
    """
    built = source.project.built
    first = built[0]
    root = find_root(source.manifests, first.path)
    inside = source.locks.get(posixpath.join(root, "Cargo.lock"))
    known = inside or (given.lock if given else None)
    graph = find_graph(source.manifests, known or CargoLock(), built)
    inputs = find_inputs(graph, load_table(Crates).rules)
    channel = _find_channel(source, posixpath.dirname(first.path))
    return CargoPlan(
        project=source.project,
        target=source.target,
        sha256=source.sha256,
        root=root or ".",
        root_reason=_explain_root(source.manifests, first.path, root, first.evidence),
        lock=inside is not None,
        lock_file=given.name if given and inside is None else None,
        build_systems=find_build_systems(source.project.requires, load_table(BuildSystems).requires),
        libraries=inputs.libraries,
        tools=inputs.tools,
        settings=inputs.settings,
        channel=channel if channel and channel.startswith("nightly") else None,
        git=_find_git(known or CargoLock(), hashes or {}),
        rust_version=_find_rust_version(source, graph),
        vendored=source.vendored,
        findings=tuple(_find_problems(source, root, inside, known, inputs.problems)),
    )


def find_root(manifests: Mapping[str, Manifest], path: str) -> str:
    """Return the directory that Cargo.lock belongs to: the workspace's, or the crate's; empty for the top."""
    workspace = find_workspace(manifests, path)
    return posixpath.dirname(workspace.path if workspace else path)


def find_build_systems(
    requires: Iterable[tuple[str, tuple[str, ...]]], known: Mapping[str, tuple[str, ...]]
) -> tuple[BuildRequirement, ...]:
    """List what ``[build-system]`` requires, and what that requires in turn, sorted.

    pyproject.nix follows ``passthru.dependencies`` itself; packages of a lock often have them, hand-written
    build systems rarely (the guide names pycparser besides cffi).
    """
    found: dict[str, BuildRequirement] = {}
    for name, extras in requires:
        both = {*extras, *(found[name].extras if name in found else ())}
        found[name] = BuildRequirement(name=name, extras=tuple(sorted(both)))
    todo = list(found)
    while todo:
        parent = todo.pop(0)
        for name in known.get(parent, ()):
            if name not in found:
                found[name] = BuildRequirement(name=name, reason=f"{parent} requires it")
                todo.append(name)
    return tuple(found[name] for name in sorted(found))


def list_findings(plan: CargoPlan, dialect: Dialect) -> tuple[Finding, ...]:
    """Report open points in the code of a dialect; ``fetchCargoVendor`` has one hash for all git crates."""
    vendored = dialect is Dialect.NIXPKGS and plan.lock
    return plan.findings if vendored else (*plan.findings, *find_unfilled(plan))


def find_unfilled(plan: CargoPlan) -> tuple[Finding, ...]:
    """Report git crates whose hash ``importCargoLock`` still needs."""
    return tuple(
        Finding(
            level=Level.WARNING,
            subject=plan.target,
            message=f"has crates from {git.url}: fill in the hash of {git.crates[0]}",
        )
        for git in plan.git
        if git.sha256 is None
    )


def refuse_no_rust(source: CargoSource, subject: str) -> None:
    """Refuse an sdist that builds no Rust.

    Args:
        source: the sdist.
        subject: its name as the user wrote it.

    Raises:
        InputError: it builds none; the hint names the place of its compiled part, if known.
    """
    project = source.project
    if project.built:
        return
    systems = ", ".join(name for name, _ in project.requires) or "nothing"
    problem = f"builds no Rust: its build system is {systems}, and there is no Cargo.toml with a Cargo.lock"
    for line in project.depends:
        other = re.split(r"[\s=]", line)[0]
        if other.replace("_", "-").lower().startswith(f"{project.name}-"):
            hint = f"its compiled part is in another package: use `wheelfix sdist {line}`"
            raise InputError(subject, problem, hint)
    raise InputError(subject, problem, "use the package as it is: it needs no cargo")


def _explain_root(manifests: Mapping[str, Manifest], path: str, root: str, evidence: str) -> str:
    said = f"{evidence} is {path}" if evidence.startswith("[") else f"{evidence}: {path}"
    if find_workspace(manifests, path) and posixpath.dirname(path) != root:
        return f"{said}, a member of the workspace of {posixpath.join(root, 'Cargo.toml')}"
    return said


def _find_channel(source: CargoSource, directory: str) -> str | None:
    """Find the toolchain file nearest to the built manifest."""
    while True:
        for name in ("rust-toolchain.toml", "rust-toolchain"):
            if channel := source.channels.get(posixpath.join(directory, name)):
                return channel
        if not directory:
            return None
        directory = posixpath.dirname(directory)


def _find_git(lock: CargoLock, hashes: Mapping[str, bytes]) -> tuple[GitSource, ...]:
    crates: dict[tuple[str, str], list[str]] = {}
    for crate in lock.crates:
        if crate.source and crate.source.startswith("git+"):
            url, _, commit = crate.source.removeprefix("git+").rpartition("#")
            if _COMMIT.fullmatch(commit):
                crates.setdefault((url.partition("?")[0], commit), []).append(crate.label)
    return tuple(
        GitSource(url=url, commit=commit, crates=tuple(sorted(labels)), sha256=hashes.get(commit))
        for (url, commit), labels in sorted(crates.items())
    )


def _find_registries(lock: CargoLock) -> tuple[str, ...]:
    sources = {crate.source for crate in lock.crates if crate.source}
    others = {s for s in sources if not s.startswith("git+") and s not in _REGISTRIES}
    return tuple(sorted(re.sub(r"//[^/@]*@", "//", s.partition("+")[2]) for s in others))


def _find_rust_version(source: CargoSource, graph: CrateGraph) -> tuple[str, str] | None:
    """Find the highest minimum that a manifest of the source tree, or the build itself, names."""
    asked = [(one.rust_version, one.evidence) for one in source.project.built if one.rust_version]
    for path in graph.manifests:
        manifest = source.manifests[path]
        version = find_inherited(source.manifests, path, "rust-version", manifest.rust_version)
        edition = find_inherited(source.manifests, path, "edition", manifest.edition)
        if version and re.fullmatch(r"\d+(\.\d+){0,2}", version):
            asked.append((version, f"rust-version of {manifest.name or path}"))
        elif edition in _EDITIONS:
            asked.append((_EDITIONS[edition], f"edition {edition} of {manifest.name or path}"))
    return max(asked, key=lambda one: [int(part) for part in one[0].split(".")]) if asked else None


def _find_problems(
    source: CargoSource,
    root: str,
    inside: CargoLock | None,
    known: CargoLock | None,
    problems: Iterable[str],
) -> Iterator[Finding]:
    project = source.project
    wanted = posixpath.join(root, "Cargo.lock")
    if project.builder is Builder.OTHER:
        message = f"is built by {project.backend}: that it builds {project.built[0].path} is a guess"
        yield Finding(level=Level.WARNING, subject=source.target, message=message)
    if project.built[0].path not in source.manifests:
        yield Finding(level=Level.ERROR, subject=source.target, message=f"has no {project.built[0].path}")
    others = sorted({find_root(source.manifests, one.path) or "." for one in project.built} - {root or "."})
    if others:
        message = f"builds with several Cargo.lock, also in {', '.join(others)}; importCargoLock takes one"
        yield Finding(level=Level.ERROR, subject=source.target, message=message)
    if inside is None and known is None:
        message = f"has no {wanted}: name one with --lock, which cargo makes if there is none"
        yield Finding(level=Level.ERROR, subject=source.target, message=message)
    elif inside is None:
        message = f"has no {wanted}; the given one is used"
        yield Finding(level=Level.NOTE, subject=source.target, message=message)
    for registry in _find_registries(known or CargoLock()):
        message = f"has crates from {registry}: importCargoLockArgs.extraRegistries has to tell its downloads"
        yield Finding(level=Level.ERROR, subject=source.target, message=message)
    for problem in problems:
        yield Finding(level=Level.ERROR, subject=source.target, message=problem)
