"""From a lock to the packages that an environment holds, and what each is taken from. Nothing is fetched."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from wheelfix.errors import InputError
from wheelfix.lock.markers import fits_python, holds, rank_as_nix, rank_as_pip
from wheelfix.model.lock import (
    Choice,
    DependencySet,
    Kind,
    Lock,
    LockedDependency,
    LockedPackage,
    LockKind,
    ProviderRule,
    Runtime,
    SourceKind,
    name_packages,
)
from wheelfix.model.wheel import Distribution, Requirement

DEFAULT_KINDS = (Kind.WHEEL, Kind.SDIST)
_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which parts of a lock are wanted: globs of extras and groups; None takes the lock's default groups."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None


def select_packages(
    lock: Lock,
    runtime: Runtime,
    asked: Asked,
    *,
    without: Mapping[str, Collection[str]] | None = None,
) -> tuple[LockedPackage, ...]:
    """Find the packages that an environment for a target holds.

    Args:
        lock: the lock.
        runtime: the interpreter and platform.
        asked: extras and groups.
        without: per package, dependencies of it that are left out.

    Returns:
        In the lock's order, each once; two versions of one name where the lock leads to both.

    Raises:
        InputError: the lock is for other Pythons or environments, has no such extra or group, or names a
            package that it does not have.
    """
    _check_target(lock, runtime)
    extras, groups = _find_parts(lock, asked)
    if lock.roots is None:
        return tuple(p for p in lock.packages if holds(p.marker, runtime, extras=extras, groups=groups))
    walk = _Walk(lock, runtime, extras, groups, without or {})
    return walk.run()


class _Walk:
    """Along the edges of a lock, from its roots."""

    def __init__(
        self,
        lock: Lock,
        runtime: Runtime,
        extras: frozenset[str],
        groups: frozenset[str],
        without: Mapping[str, Collection[str]],
    ) -> None:
        self._lock, self._runtime, self._groups, self._extras = lock, runtime, groups, extras
        self._without = without
        self._by_name: dict[str, list[LockedPackage]] = {}
        for package in lock.packages:
            self._by_name.setdefault(package.name, []).append(package)
        self._found: dict[int, set[str]] = {}
        self._pending: deque[tuple[LockedDependency, str]] = deque()
        # How uv writes chosen extras and groups in markers of what conflicts (uv_resolver::universal_marker).
        roots = lock.roots or ()
        self._chosen = frozenset(
            [f"extra-{len(r)}-{r}-{e}" for r in roots for e in extras]
            + [f"group-{len(r)}-{r}-{g}" for r in roots for g in groups]
        )

    def run(self) -> tuple[LockedPackage, ...]:
        for name in self._lock.roots or ():
            self._pending.append((LockedDependency(name=name, extras=tuple(self._extras)), ""))
        for extra in self._lock.extras:
            if extra.name in self._extras:
                self._pending.extend((d, f"extra {extra.name}") for d in extra.dependencies)
        while self._pending:
            self._visit(*self._pending.popleft())
        return tuple(p for p in self._lock.packages if id(p) in self._found)

    def _visit(self, edge: LockedDependency, user: str) -> None:
        known = self._by_name.get(edge.name)
        if known is None:
            if self._lock.kind is LockKind.POETRY:
                return  # left out by poetry: another Python, or an extra that nobody can choose
            hint = "let the tool that wrote the lock write it again"
            raise InputError(self._lock.name, f"{user} requires {edge.name}, which is not in it", hint)
        for package in known:
            if edge.version in {None, package.version} and self._belongs(package, user):
                self._add(package, edge.extras, is_root=not user)

    def _belongs(self, package: LockedPackage, user: str) -> bool:
        if self._lock.kind is not LockKind.POETRY:
            return True
        if package.in_groups and self._groups.isdisjoint(package.in_groups):
            return False
        return holds(package.marker, self._runtime, extras=self._extras, where=f"{self._lock.name}: {user}")

    def _add(self, package: LockedPackage, asked: Sequence[str], *, is_root: bool) -> None:
        is_new = id(package) not in self._found
        seen = self._found.setdefault(id(package), set())
        edges = list(package.dependencies) if is_new else []
        for extra in package.extras:
            if extra.name in asked and extra.name not in seen:
                seen.add(extra.name)
                edges += extra.dependencies
        if is_root and is_new:
            edges += [d for g in package.groups if g.name in self._groups for d in g.dependencies]
        left_out = self._without.get(package.name, ())
        for edge in edges:
            where = f"{self._lock.name}: {package.label}"
            if edge.name not in left_out and holds(
                edge.marker, self._runtime, extras=self._chosen, where=where
            ):
                self._pending.append((edge, package.name))


def choose_sources(
    packages: Iterable[LockedPackage], rules: Sequence[ProviderRule], runtime: Runtime, *, as_nix: bool
) -> tuple[Choice, ...]:
    """Decide what every package is taken from.

    Args:
        packages: what the environment holds; the project itself is passed over.
        rules: the strongest first, ``default`` last.
        runtime: the interpreter and platform.
        as_nix: rank wheels as pyproject.nix does, else as pip does.

    Raises:
        InputError: packages have no source of the kinds that are wanted; names them all.
    """
    found, missing = [], []
    for package in packages:
        if package.source is SourceKind.LOCAL:
            continue
        kinds, attr = find_rule(package.name, rules)
        choice = next(
            (c for kind in kinds if (c := _choose(package, kind, attr, runtime, as_nix=as_nix))), None
        )
        if choice:
            found.append(choice)
        else:
            missing.append(f"{package.label} has no {_say_lack(package, kinds)}")
    if missing:
        rest = len(missing) - _SHOWN
        more = f"; and {rest} more" if rest > 0 else ""
        raise InputError(
            f"Python {runtime.python} on {runtime.system}",
            "; ".join(missing[:_SHOWN]) + more,
            "take them from elsewhere: --provider NAME=sdist or NAME=nixpkgs, or [tool.wheelfix.providers]",
        )
    return tuple(found)


def find_rule(name: str, rules: Sequence[ProviderRule]) -> tuple[tuple[Kind, ...], str]:
    """The kinds of source that a package may be taken from, and the attribute that is named for it."""
    for rule in rules:
        if rule.pattern == "default" or fnmatchcase(name, rule.pattern):
            return rule.kinds, rule.attr
    return DEFAULT_KINDS, ""


def find_doubles(packages: Iterable[LockedPackage]) -> dict[str, tuple[str, ...]]:
    """Names of which an environment holds several versions, which no package set can; versions sorted."""
    versions: dict[str, set[str]] = {}
    for package in packages:
        versions.setdefault(package.name, set()).add(package.version or "")
    return {name: tuple(sorted(found)) for name, found in sorted(versions.items()) if len(found) > 1}


def make_distribution(package: LockedPackage, runtime: Runtime) -> Distribution:
    """What a lock says of a package, as its metadata would; for locks that have dependencies."""
    requires = [_require(d, (), runtime) for d in package.dependencies]
    requires += [_require(d, (e.name,), runtime) for e in package.extras for d in e.dependencies]
    return Distribution(
        target=package.label,
        name=package.name,
        version=package.version or "",
        tags=(),
        requires=tuple(requires),
        files=frozenset(),
    )


def _require(edge: LockedDependency, under: tuple[str, ...], runtime: Runtime) -> Requirement:
    active = holds(edge.marker, runtime)
    return Requirement(
        name=edge.name,
        extras=edge.extras,
        active=active and not under,
        text=f"{edge.name}; {edge.marker}" if edge.marker else edge.name,
        under=under if active else (),
    )


def _choose(
    package: LockedPackage, kind: Kind, attr: str, runtime: Runtime, *, as_nix: bool
) -> Choice | None:
    if kind is Kind.NIXPKGS:
        path = tuple(attr.split(".")) if attr else (*name_packages(runtime.python), package.name)
        return Choice(package=package, kind=kind, attr=path)
    if kind is Kind.SDIST:
        if package.sdist or package.source is SourceKind.VCS:
            return Choice(package=package, kind=kind, file=package.sdist)
        return None
    if package.hashes:
        return Choice(package=package, kind=kind)
    usual = rank_as_pip(package.wheels, runtime)
    ranked = rank_as_nix(package.wheels, runtime) if as_nix else usual
    if not ranked:
        return None
    rival = usual[0].filename if usual and usual[0] != ranked[0] else None
    return Choice(package=package, kind=kind, file=ranked[0], rival=rival)


def _say_lack(package: LockedPackage, kinds: Sequence[Kind]) -> str:
    wanted = " or ".join(kinds)
    if Kind.WHEEL in kinds and package.wheels:
        names = sorted(w.filename.removesuffix(".whl").split("-", 2)[-1] for w in package.wheels)
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        return f"{wanted} for it (there are wheels for {', '.join(names[:2])}{more})"
    return f"{wanted} in the lock"


def _check_target(lock: Lock, runtime: Runtime) -> None:
    if not fits_python(lock.requires_python, runtime, lock.name):
        asked = dict(runtime.environment)["python_full_version"]
        problem = f"is for Python {lock.requires_python}, not for {asked}"
        raise InputError(lock.name, problem, "name another version with --python")
    if lock.environments and not any(holds(m, runtime, where=lock.name) for m in lock.environments):
        problem = f"is for other environments than {runtime.system}: {'; '.join(lock.environments)}"
        raise InputError(lock.name, problem, "name another system with --platform")


def _find_parts(lock: Lock, asked: Asked) -> tuple[frozenset[str], frozenset[str]]:
    known_extras = {e.name for e in lock.extras} | _list_names(lock, "extras")
    known_groups = _list_names(lock, "groups")
    if lock.kind is LockKind.POETRY:
        known_groups |= set(lock.default_groups)
    if lock.roots is None:  # names are not listed there, only used in markers
        return frozenset(asked.extras), frozenset(
            lock.default_groups if asked.groups is None else asked.groups
        )
    extras = _match(lock, "extra", asked.extras, known_extras)
    if asked.groups is None:
        wanted = frozenset(g for g in known_groups if any(fnmatchcase(g, d) for d in lock.default_groups))
    else:
        main = {"main"} & set(lock.default_groups)
        wanted = _match(lock, "group", asked.groups, known_groups) | main
    return extras, wanted


def _list_names(lock: Lock, sets: str) -> set[str]:
    roots = [p for p in lock.packages if p.name in (lock.roots or ()) and p.source is SourceKind.LOCAL]
    found: list[DependencySet] = [s for p in roots for s in (p.extras if sets == "extras" else p.groups)]
    return {one.name for one in found}


def _match(lock: Lock, word: str, globs: Sequence[str], known: Collection[str]) -> frozenset[str]:
    found: set[str] = set()
    for glob in globs:
        matches = {name for name in known if fnmatchcase(name, glob.lower())}
        if not matches and glob != "*":
            has = ", ".join(sorted(known)) or "none"
            raise InputError(lock.name, f"has no {word} {glob!r}", f"it has: {has}")
        found |= matches
    return frozenset(found)
