"""Computes which features and dependencies of the source tree's own crates are turned on.

The rules are cargo's ("Features" in the Cargo book), for one build: the features of a crate are the union
over all dependents. Crates from a registry have no manifest here; only the requested features are recorded.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from wheelfix.model.sdist import BuiltManifest, CrateDependency, Manifest


@dataclass(slots=True)
class Enabled:
    """Features and dependencies that are turned on; filled during the computation.

    Attributes:
        features: of the tree's own crates, by manifest path.
        dependencies: crate names, by manifest path.
        requested: features asked of any crate, by name.
    """

    features: dict[str, set[str]] = field(default_factory=dict)
    dependencies: dict[str, set[str]] = field(default_factory=dict)
    requested: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def find_workspace(manifests: Mapping[str, Manifest], path: str) -> Manifest | None:
    """Return the manifest of the workspace that a manifest belongs to: its own, or the nearest above it."""
    manifest = manifests.get(path)
    if manifest is None:
        return None
    directory = posixpath.dirname(path)
    if manifest.workspace_root:
        named = posixpath.normpath(posixpath.join(directory, manifest.workspace_root, "Cargo.toml"))
        return manifests.get(named)
    above = directory
    while True:
        candidate = manifests.get(posixpath.join(above, "Cargo.toml"))
        if candidate and candidate.is_workspace and not _is_excluded(candidate, above, directory):
            return candidate
        if not above:
            return None
        above = posixpath.dirname(above)


def find_inherited(manifests: Mapping[str, Manifest], path: str, key: str, value: str | None) -> str | None:
    """Return a value of a manifest, or that of its workspace if the manifest inherits it.

    Args:
        manifests: by path.
        path: of the manifest.
        key: in ``[package]`` and ``[workspace.package]``.
        value: as the manifest has it.
    """
    if value != "workspace":
        return value
    workspace = find_workspace(manifests, path)
    return workspace.workspace_package.get(key) if workspace else None


def find_enabled(manifests: Mapping[str, Manifest], built: Iterable[BuiltManifest]) -> Enabled:
    """Turn on what a build asks for, and everything that follows from it.

    Args:
        manifests: of the source tree, by path.
        built: the manifests that the build starts from.
    """
    work = _Work(manifests, Enabled())
    for one in built:
        if one.path in manifests:
            work.enable_crate(one.path, one.features, default=one.default_features)
    work.run()
    return work.enabled


def find_workspaced(manifests: Mapping[str, Manifest], path: str) -> Iterator[CrateDependency]:
    """Yield dependencies of a manifest that apply on Linux, with what they inherit from the workspace.

    Paths are relative to the source tree.
    """
    root = find_workspace(manifests, path)
    shared = {d.key: d for d in root.workspace_dependencies} if root else {}
    for dependency in manifests[path].dependencies:
        if not is_for_linux(dependency.target):
            continue
        base, directory = dependency, posixpath.dirname(path)
        default = dependency.default_features is not False
        if dependency.inherited and root and dependency.key in shared:
            base, directory = shared[dependency.key], posixpath.dirname(root.path)
            # A member can only add default features to a workspace that leaves them out.
            default = base.default_features is not False or dependency.default_features is True
        found = base.path
        if found is None and root and base.name in root.patched:
            directory, found = "", root.patched[base.name]
        yield CrateDependency(
            key=dependency.key,
            name=base.name,
            features=(*base.features, *dependency.features),
            default_features=default,
            optional=dependency.optional,
            path=None if found is None else posixpath.normpath(posixpath.join(directory, found)),
        )


class _Work:
    """A work list of crates and features to turn on."""

    def __init__(self, manifests: Mapping[str, Manifest], enabled: Enabled) -> None:
        self.manifests = manifests
        self.enabled = enabled
        self.known: dict[str, dict[str, CrateDependency]] = {}
        self.todo: list[tuple[str, str]] = []
        self.weak: dict[tuple[str, str], set[str]] = defaultdict(set)

    def enable_crate(self, path: str, features: Iterable[str], *, default: bool) -> None:
        if path not in self.enabled.features:
            self.enabled.features[path] = set()
            self.enabled.dependencies[path] = set()
            self.known[path] = {}
            for dependency in find_workspaced(self.manifests, path):
                self.known[path].setdefault(dependency.key, dependency)
            for key, dependency in self.known[path].items():
                if not dependency.optional:
                    self.todo.append((path, f"dep:{key}"))
        self.todo += [(path, feature) for feature in (*features, *(["default"] if default else []))]

    def run(self) -> None:
        while self.todo:
            self._enable(*self.todo.pop())

    def _enable(self, path: str, feature: str) -> None:
        on = self.enabled.features[path]
        if feature in on:
            return
        on.add(feature)
        key, slash, wanted = feature.partition("/")
        known = self.known[path]
        if feature.startswith("dep:"):
            key = feature.removeprefix("dep:")
            if dependency := known.get(key):
                self.enabled.dependencies[path].add(dependency.name)
                wanted_too = (*dependency.features, *sorted(self.weak[path, key]))
                self._ask(dependency, wanted_too, default=dependency.default_features is not False)
        elif slash and key.endswith("?"):
            key = key.removesuffix("?")
            self.weak[path, key].add(wanted)
            if key in known and f"dep:{key}" in on:
                self._ask(known[key], [wanted])
        elif slash and key in known:
            self.todo.append((path, f"dep:{key}"))
            if key in self.manifests[path].features:
                self.todo.append((path, key))
            self._ask(known[key], [wanted])
        elif feature in self.manifests[path].features:
            self.todo += [(path, below) for below in self.manifests[path].features[feature]]
        elif feature in known:
            self.todo.append((path, f"dep:{feature}"))

    def _ask(self, dependency: CrateDependency, features: Iterable[str], *, default: bool = False) -> None:
        wanted = list(features)
        self.enabled.requested[dependency.name].update(wanted)
        if dependency.path is not None:
            path = posixpath.join(dependency.path, "Cargo.toml") if dependency.path != "." else "Cargo.toml"
            if path in self.manifests:
                self.enable_crate(path, wanted, default=default)


def _is_excluded(workspace: Manifest, top: str, directory: str) -> bool:
    relative = posixpath.relpath(directory or ".", top or ".")
    return any(
        relative == posixpath.normpath(one) or relative.startswith(posixpath.normpath(one) + "/")
        for one in workspace.excluded
    )


_TOKEN = re.compile(r'\s*(?:([A-Za-z_]\w*)|"([^"]*)"|([(),=]))')
_MAX_LENGTH = 4000
_KNOWN = {"unix": True, "windows": False, "test": False}
_VALUES = {
    "target_os": {"linux"},
    "target_family": {"unix"},
    "target_vendor": {"unknown"},
    "target_env": {"gnu", "musl"},
}


def is_for_linux(target: str) -> bool:
    """Whether a dependency under ``[target.<target>]`` may be needed on Linux.

    Example:
        >>> is_for_linux('cfg(not(windows))'), is_for_linux('cfg(target_os = "macos")')
        (True, False)
    """
    text = target.strip()
    if not text:
        return True
    if not text.startswith("cfg("):
        return "-linux" in text
    if len(text) > _MAX_LENGTH:
        return True
    try:
        return _evaluate(_tokenize(text[len("cfg") :])) is not False
    except (StopIteration, ValueError, RecursionError):
        return True


def _tokenize(text: str) -> Iterator[str]:
    position = 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ValueError(text)
        yield match[1] or match[3] or f'"{match[2]}'
        position = match.end()


def _evaluate(tokens: Iterator[str]) -> bool | None:
    """Evaluate ``( predicate )``; None if unknown."""
    if next(tokens) != "(":
        raise ValueError
    (value,) = _evaluate_all(tokens)
    return value


def _evaluate_all(tokens: Iterator[str]) -> list[bool | None]:
    """Evaluate predicates up to the closing parenthesis."""
    values: list[bool | None] = []
    name = ""
    for word in tokens:
        if word == ")":
            return values + ([_KNOWN.get(name)] if name else [])
        if word == ",":
            values += [_KNOWN.get(name)] if name else []
            name = ""
        elif word == "=":
            value = next(tokens).removeprefix('"')
            values.append(value in _VALUES[name] if name in _VALUES else None)
            name = ""
        elif word == "(":
            values.append(_combine(name, _evaluate_all(tokens)))
            name = ""
        else:
            name = word
    raise ValueError


def _combine(name: str, values: list[bool | None]) -> bool | None:
    if name == "not" and len(values) == 1:
        return None if values[0] is None else not values[0]
    if name == "any":
        return True if True in values else None if None in values else False
    if name == "all":
        return False if False in values else None if None in values else True
    return None
