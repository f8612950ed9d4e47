"""Selects the packages of a lock that an environment holds, and the source of each; nothing is fetched."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from wheelfix.errors import InputError, strip_login, suggest
from wheelfix.lockfile.markers import fits_python, holds, rank_as_nix, rank_as_pip
from wheelfix.model.base import Struct
from wheelfix.model.lock import (
    Choice,
    ChoiceKind,
    DependencySet,
    Lock,
    LockedDependency,
    LockedFile,
    LockedPackage,
    ProviderRule,
    Runtime,
    SourceKind,
    Sourceless,
    name_packages,
)
from wheelfix.model.lock_formats import LockKind
from wheelfix.model.scan import Finding, Level
from wheelfix.model.wheel import Distribution, Requirement
from wheelfix.wheel.metadata import normalize_glob, rank_version, tells_platforms

DEFAULT_KINDS = (ChoiceKind.WHEEL, ChoiceKind.SDIST)
_SHOWN = 6
_MAIN = {
    LockKind.POETRY: "main",
    LockKind.PDM: "default",
    LockKind.PIPENV: "default",
    LockKind.CONDA_LOCK: "main",
}
"""The group that every environment has, of formats that know one."""


class Asked(Struct):
    """The requested parts of a lock: globs of extras and groups; None takes the lock's default groups."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None


def select_packages(
    lock: Lock,
    runtime: Runtime,
    asked: Asked,
    *,
    without: Mapping[str, Collection[str]] | None = None,
    more: Mapping[str, Collection[str]] | None = None,
) -> tuple[LockedPackage, ...]:
    """Select the packages that an environment for a target holds.

    Args:
        lock: the lock.
        runtime: the interpreter and platform.
        asked: extras and groups.
        without: per package, dependencies to leave out.
        more: per package, dependencies to add.

    Returns:
        In the lock's order, each once; two versions of one name if the lock leads to both.

    Raises:
        InputError: the lock is for other Pythons or environments, has no such extra or group, or names a
            package that it does not have.
    """
    _check_target(lock, runtime)
    extras, groups = _find_parts(lock, asked)
    if lock.roots is None:
        return tuple(
            p
            for p in lock.packages
            if (not p.in_groups or not groups.isdisjoint(p.in_groups))
            and holds(p.marker, runtime, extras=extras, groups=groups, where=f"{lock.name}: {p.label}")
        )
    walk = _Walk(lock, runtime, extras, groups, without or {}, more or {})
    return walk.run()


class _Walk:
    """A walk along the edges of a lock, from its roots."""

    def __init__(
        self,
        lock: Lock,
        runtime: Runtime,
        extras: frozenset[str],
        groups: frozenset[str],
        without: Mapping[str, Collection[str]],
        more: Mapping[str, Collection[str]],
    ) -> None:
        self._lock, self._runtime, self._groups, self._extras = lock, runtime, groups, extras
        self._without, self._more = without, more
        self._by_name: dict[str, list[LockedPackage]] = {}
        for package in lock.packages:
            self._by_name.setdefault(package.name, []).append(package)
        self._found: dict[int, set[str]] = {}
        self._pending: deque[tuple[LockedDependency, str]] = deque()
        # Markers in which uv writes chosen extras and groups of conflicts (uv_resolver::universal_marker).
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
                return  # left out by poetry: for another Python, or in an extra that cannot be chosen
            hint = "let the tool that wrote the lock write it again"
            raise InputError(self._lock.name, f"{user} requires {edge.name}, which is not in it", hint)
        for package in known:
            meant = edge.version in {None, package.version} and edge.origin in {None, package.origin}
            if meant and self._belongs(package, user):
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
        if is_new:
            edges += [LockedDependency(name=name) for name in self._more.get(package.name, ())]
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
    """Choose the source of every package; see :func:`find_sources`.

    Raises:
        InputError: packages have no source of a wanted kind; the message names them all.
    """
    found, lacks = find_sources(packages, rules, runtime, as_nix=as_nix)
    refuse_lacks(lacks, runtime)
    return found


def find_sources(
    packages: Iterable[LockedPackage],
    rules: Sequence[ProviderRule],
    runtime: Runtime,
    *,
    as_nix: bool,
    offers: Mapping[str, str] | None = None,
) -> tuple[tuple[Choice, ...], tuple[Sourceless, ...]]:
    """Find a source for every package.

    Args:
        packages: packages of the environment; the project itself is skipped.
        rules: strongest first, ``default`` last.
        runtime: the interpreter and platform.
        as_nix: whether wheels are ranked as in pyproject.nix, and not as in pip.
        offers: conda's names of the packages that its channels have in the locked version, by name.

    Returns:
        The choices, and the packages without a source, which may still be removed from the environment.
    """
    found, lacks = [], []
    for package in packages:
        if package.source is SourceKind.LOCAL:
            continue
        kinds, attr = find_rule(package.name, rules)
        tried = (_choose(package, kind, attr, runtime, offers or {}, as_nix=as_nix) for kind in kinds)
        choice = next(filter(None, tried), None)
        if choice:
            found.append(choice)
        else:
            lacks.append(Sourceless(package=package, wanted=kinds))
    return tuple(found), tuple(lacks)


def refuse_lacks(lacks: Iterable[Sourceless], runtime: Runtime) -> None:
    """Refuse packages without a source that stay in the environment.

    Raises:
        InputError: there are some; the message names them all.
    """
    missing = [f"{lack.package.label} has no {_say_lack(lack.package, lack.wanted)}" for lack in lacks]
    if missing:
        rest = len(missing) - _SHOWN
        more = f"; and {rest} more" if rest > 0 else ""
        raise InputError(
            f"Python {runtime.python} on {runtime.system}",
            "; ".join(missing[:_SHOWN]) + more,
            "take them from elsewhere: --provider NAME=sdist or NAME=nixpkgs, or [tool.wheelfix.providers]",
        )


def find_rule(name: str, rules: Sequence[ProviderRule]) -> tuple[tuple[ChoiceKind, ...], str]:
    """Return the kinds of source that a package may be taken from, and the attribute in its rule."""
    for rule in rules:
        if rule.pattern == "default" or fnmatchcase(name, rule.pattern):
            return rule.kinds, rule.attr
    return DEFAULT_KINDS, ""


def check_rules(
    rules: Iterable[ProviderRule], lock: Lock, packages: Iterable[LockedPackage], runtime: Runtime
) -> tuple[Finding, ...]:
    """Report rules that do not apply to a lock.

    Args:
        rules: the user's rules.
        lock: the whole lock.
        packages: packages of the environment.
        runtime: the interpreter and platform, for messages.

    Returns:
        Warnings about rules that also serve other locks, and about packages that are for other targets.

    Raises:
        InputError: a rule for this lock alone matches no package of it.
    """
    names, held = {p.name for p in lock.packages}, {p.name for p in packages}
    found = []
    for rule in rules:
        if rule.pattern == "default" or _matches_any(rule.pattern, held):
            continue
        if not rule.shared and not _matches_any(rule.pattern, names):
            hint = suggest(rule.pattern, names, otherwise="name a package of the lock, or a glob")
            raise InputError(rule.where, f"matches no package of {lock.name}", hint)
        if not rule.shared:
            message = f"has no effect: not in the environment for Python {runtime.python} on {runtime.system}"
            found.append(Finding(level=Level.WARNING, subject=rule.where, message=message))
        elif not _matches_any(rule.pattern, names):
            hint = suggest(rule.pattern, names)
            message = f"matches no package of {lock.name}{f': {hint}, if that is meant' if hint else ''}"
            found.append(Finding(level=Level.WARNING, subject=rule.where, message=message))
    return tuple(found)


def _matches_any(pattern: str, names: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names)


def settle_doubles(packages: Iterable[LockedPackage]) -> tuple[LockedPackage, ...]:
    """Keep one package of each name, as package sets do: the newest version, in the order given.

    The result does not depend on the order: among equal versions the origin decides, then the files.
    """
    ordered = list(packages)
    newest: dict[str, LockedPackage] = {}
    for package in ordered:
        kept = newest.setdefault(package.name, package)
        if _rank_version(package) > _rank_version(kept):
            newest[package.name] = package
    return tuple(p for p in ordered if newest[p.name] is p)


def _rank_version(package: LockedPackage) -> tuple[object, ...]:
    files = [f.filename for f in package.wheels] + ([package.sdist.filename] if package.sdist else [])
    return (rank_version(package.version or ""), package.origin, sorted(files), package.hashes)


def find_doubles(packages: Iterable[LockedPackage]) -> dict[str, tuple[str, ...]]:
    """Find names with several versions in an environment, which no package set can hold; oldest first."""
    several: dict[str, list[LockedPackage]] = {}
    for package in sorted(packages, key=_rank_version):
        several.setdefault(package.name, []).append(package)
    return {
        name: tuple(_name_version(p, found) for p in found)
        for name, found in sorted(several.items())
        if len(found) > 1
    }


def _name_version(package: LockedPackage, beside: Sequence[LockedPackage]) -> str:
    version = package.version or "an unknown version"
    alike = [p for p in beside if p.version == package.version]
    return f"{version} ({strip_login(package.origin)})" if len(alike) > 1 and package.origin else version


def tell_doubles(doubles: Mapping[str, Sequence[str]]) -> tuple[Finding, ...]:
    """Report names with several versions in an environment.

    Args:
        doubles: versions by name; the last one is the one that is used.
    """
    return tuple(
        Finding(
            level=Level.ERROR,
            subject=name,
            message=f"is in the environment in {len(versions)} versions, {' and '.join(versions)}: "
            f"{versions[-1]} is taken, which alone is at hand for the others; choose extras and groups that "
            "do not conflict",
        )
        for name, versions in doubles.items()
    )


def make_distribution(package: LockedPackage, runtime: Runtime) -> Distribution:
    """Make a distribution of a package's entry in a lock; for locks that have dependencies."""
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
        platform=bool(edge.marker) and tells_platforms(edge.marker),
        conditional=bool(edge.marker),
    )


def _choose(
    package: LockedPackage,
    kind: ChoiceKind,
    attr: str,
    runtime: Runtime,
    offers: Mapping[str, str],
    *,
    as_nix: bool,
) -> Choice | None:
    if kind is ChoiceKind.CONDA:
        conda = offers.get(package.name)
        return Choice(package=package, kind=kind, conda=conda) if conda else None
    if kind is ChoiceKind.NIXPKGS:
        path = tuple(attr.split(".")) if attr else (*name_packages(runtime.python), package.name)
        return Choice(package=package, kind=kind, attr=path)
    if kind is ChoiceKind.SDIST:
        if package.sdist or package.hashes or package.source is SourceKind.VCS:
            return Choice(package=package, kind=kind, file=package.sdist)
        return None
    if package.hashes:
        return Choice(package=package, kind=kind)
    usual = rank_as_pip(package.wheels, runtime)
    ranked = rank_as_nix(package.wheels, runtime) if as_nix else usual
    if not ranked:
        return None
    if not usual or usual[0] == ranked[0]:
        return Choice(package=package, kind=kind, file=ranked[0])
    if _brings_libraries(usual[0], instead=ranked[0]):
        return Choice(package=package, kind=kind, file=usual[0], passed_over=ranked[0].filename)
    return Choice(package=package, kind=kind, file=ranked[0], rival=usual[0].filename)


def _brings_libraries(wheel: LockedFile, *, instead: LockedFile) -> bool:
    """Whether a wheel for one platform can be fetched in place of a wheel of the same package for any.

    pyproject.nix does not compare platforms, so that it may take the wheel for any platform, which leaves the
    libraries that the package opens to the system. A URL with a login is not copied into code.
    """
    general, special = (file.filename.endswith("-any.whl") for file in (instead, wheel))
    url = urlsplit(wheel.url or "")
    fetched = url.scheme in {"http", "https"} and "@" not in url.netloc and wheel.sha256 is not None
    return general and not special and fetched


def _say_lack(package: LockedPackage, kinds: Sequence[ChoiceKind]) -> str:
    wanted = " or ".join(kinds)
    if ChoiceKind.WHEEL in kinds and package.wheels:
        names = sorted(w.filename.removesuffix(".whl").split("-", 2)[-1] for w in package.wheels)
        more = f" and {len(names) - 2} more" if len(names) > 2 else ""
        return f"{wanted} for it (there are wheels for {', '.join(names[:2])}{more})"
    if ChoiceKind.CONDA in kinds:
        return f"{wanted}, in the locked version and for this Python, in the channels that were asked"
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
    if lock.kind is LockKind.POETRY or lock.roots is None:
        known_groups |= {*lock.groups, *lock.default_groups}
    extras = _match(lock, "extra", asked.extras, known_extras)
    if asked.groups is None:
        wanted = frozenset(g for g in known_groups if any(fnmatchcase(g, d) for d in lock.default_groups))
    else:
        main = {_MAIN.get(lock.kind, "")} & set(lock.default_groups)
        wanted = _match(lock, "group", asked.groups, known_groups) | main
    return extras, wanted


def find_groups(lock: Lock, asked: Asked) -> frozenset[str]:
    """Return the names of the dependency groups that are chosen.

    Raises:
        InputError: the lock has no such group, or no such extra.
    """
    return _find_parts(lock, asked)[1]


def _list_names(lock: Lock, sets: str) -> set[str]:
    roots = [p for p in lock.packages if p.name in (lock.roots or ()) and p.source is SourceKind.LOCAL]
    found: list[DependencySet] = [s for p in roots for s in (p.extras if sets == "extras" else p.groups)]
    return {one.name for one in found}


def _match(lock: Lock, word: str, globs: Sequence[str], known: Collection[str]) -> frozenset[str]:
    found: set[str] = set()
    for glob in globs:
        pattern = normalize_glob(glob)
        matches = {name for name in known if fnmatchcase(name, pattern)}
        if not matches and glob != "*":
            hint = suggest(pattern, known, otherwise=f"it has: {', '.join(sorted(known)) or 'none'}")
            raise InputError(lock.name, f"has no {word} {glob!r}", hint)
        found |= matches
    return frozenset(found)
