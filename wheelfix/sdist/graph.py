"""Finds the crates of a Cargo.lock that a build compiles.

A lock holds every crate that any member of the workspace needs, on any platform, including for tests. Crates
that the manifests of the source tree rule out are left out; for a crate from a registry everything in its
entry is taken, as cargo has already resolved that crate's features, though not its platforms.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence

from wheelfix.model.sdist import BuiltManifest, CargoLock, LockedCrate, Manifest
from wheelfix.sdist.features import find_enabled
from wheelfix.sdist.model import CrateGraph


def find_graph(
    manifests: Mapping[str, Manifest], lock: CargoLock, built: Sequence[BuiltManifest]
) -> CrateGraph:
    """Walk a lock from the built crates.

    Args:
        manifests: of the source tree, by path.
        lock: of the workspace that is built.
        built: where the walk starts.
    """
    enabled = find_enabled(manifests, built)
    own = {manifests[path].name: names for path, names in enabled.dependencies.items()}
    by_name: dict[str, list[LockedCrate]] = defaultdict(list)
    for crate in lock.crates:
        by_name[crate.name].append(crate)
    starts = [
        crate
        for one in built
        if one.path in manifests
        for crate in by_name[manifests[one.path].name or ""]
        if crate.source is None
    ]
    parents: dict[LockedCrate, LockedCrate | None] = dict.fromkeys(starts)
    dependents: dict[str, set[str]] = defaultdict(set)
    queue, followed = deque(starts), set[str]()
    while queue:
        crate = queue.popleft()
        allowed = own.get(crate.name) if crate.source is None else None
        for text in crate.dependencies:
            name = text.partition(" ")[0]
            if allowed is not None and name not in allowed:
                continue
            dependents[name].add(crate.name)
            if text in followed:
                continue
            followed.add(text)
            for dependency in _find_named(text, by_name):
                if dependency not in parents:
                    parents[dependency] = crate
                    queue.append(dependency)
    return CrateGraph(
        parents=parents,
        dependents={name: tuple(sorted(names)) for name, names in dependents.items()},
        features={name: frozenset(asked) for name, asked in enabled.requested.items()},
        manifests=tuple(sorted(enabled.dependencies)),
    )


def _find_named(text: str, by_name: Mapping[str, Sequence[LockedCrate]]) -> Iterable[LockedCrate]:
    """Return the crates that an entry names: ``name``, ``name version`` or ``name version (source)``."""
    name, _, rest = text.partition(" ")
    version, _, source = rest.partition(" ")
    for candidate in by_name.get(name, ()):
        if version and candidate.version != version:
            continue
        if source and candidate.source != source.strip("()"):
            continue
        yield candidate


def explain_chain(graph: CrateGraph, crate: LockedCrate, longest: int) -> tuple[str, ...]:
    """Return the names from the crate's dependent towards the built crate, ``longest`` at most."""
    names: list[str] = []
    parent = graph.parents[crate]
    while parent is not None and len(names) < longest:
        names.append(parent.name)
        parent = graph.parents[parent]
    return tuple(names)
