"""Decides which dependencies are redundant when nixpkgs' build of a package replaces its wheel.

Names are no evidence: the prefix ``nvidia-`` misses ``cuda-toolkit`` and ``cuda-bindings``, and matches
unrelated distributions. A dependency is redundant if

1. the user says so, or
2. the wheel's ELF files link what it carries, and it has no Python modules of its own, or
3. what it carries is CUDA's: nixpkgs' build is linked to its own CUDA, or to none, or
4. it has nothing but requirements, and all that are required here are redundant, or
5. it is a part of CUDA that carries no library for others, or
6. its files are where those of the replaced package are: nixpkgs' build has them all.

Everything else is kept, above all what nixpkgs' recipe propagates: the adapter leaves that out, so an
imported module has to come from the environment. Requirements of extras are judged like all others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from wheelfix.errors import InputError, suggest
from wheelfix.model.base import Struct, replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.override import DependencyDecision, KnownContents, NixpkgsBuild, StripPlan
from wheelfix.model.scan import Need
from wheelfix.model.wheel import Distribution, Requirement
from wheelfix.override.carries import find_carries, is_part
from wheelfix.scan.closure import find_closure, find_required
from wheelfix.scan.sentences import name_some
from wheelfix.wheel.metadata import normalize_glob, normalize_name

_UNSHOWN = "nothing shows it to be only linked"
_EDITION = re.compile(r"-cu\d+$")
_NAMED = 3
TABLE = "wheelfix's own table"
"""Source of the knowledge about dependencies without metadata."""


class Wishes(Struct):
    """The user's wishes about dependencies.

    Attributes:
        keep: names never to be stripped.
        strip: globs of names to be stripped.
    """

    keep: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()


NO_WISHES = Wishes()


class Dependencies(Struct):
    """Metadata of a package and its dependencies.

    Attributes:
        package: the package itself.
        others: metadata of its dependencies and theirs; if empty, the table is used.
        evidence: source of ``others``, in one clause.
    """

    package: Distribution
    others: tuple[Distribution, ...] = ()
    evidence: str = TABLE


def make_wishes(keep: Iterable[str], strip: Iterable[str]) -> Wishes:
    """Make wishes, with names normalised."""
    return Wishes(keep=tuple(map(normalize_name, keep)), strip=tuple(map(normalize_glob, strip)))


def list_names(distributions: Iterable[Distribution]) -> frozenset[str]:
    """Collect names of distributions, and of everything that they require on any target."""
    several = tuple(distributions)
    return frozenset({d.name for d in several} | {r.name for d in several for r in d.requires})


def check_wishes(wishes: Wishes, names: Collection[str]) -> None:
    """Refuse wishes that match nothing.

    Args:
        wishes: the user's wishes.
        names: normalised names of all distributions that may be meant.

    Raises:
        InputError: one matches no name.
    """
    said = [(f"--keep {name}", name) for name in wishes.keep if name not in names]
    said += [
        (f"--strip {glob}", glob)
        for glob in wishes.strip
        if not any(fnmatchcase(name, glob) for name in names)
    ]
    for option, word in said:
        raise InputError(
            option,
            "matches no dependency",
            suggest(word, names, otherwise="name a dependency, or leave it out"),
        )


def plan_strip(
    dependencies: Dependencies,
    *,
    needs: Sequence[Need] = (),
    wishes: Wishes = NO_WISHES,
    replaced: bool = True,
    build: NixpkgsBuild | None = None,
    together: Mapping[str, NixpkgsBuild] | None = None,
    removed: Mapping[str, frozenset[str]] | None = None,
) -> StripPlan:
    """Judge the dependencies of a package that is replaced, or whose libraries come from nixpkgs.

    Args:
        dependencies: the package and its dependencies.
        needs: of the package's ELF files; empty if they were not read.
        wishes: the user's wishes.
        replaced: whether nixpkgs' build replaces the wheel; if not, the wheel is kept with everything that it
            imports, and only its libraries come from nixpkgs.
        build: what replaces it, if that is known.
        together: all packages that builds replace with this one, which stay dependencies.
        removed: dependencies that are removed from those packages, by the package's name.
    """
    target = _choose_extras(dependencies.package)
    others = {other.name: other for other in dependencies.others if other.name != target.name}
    before = find_closure(target, others)
    judge = _Judge(target, before, others, needs, wishes, build if replaced else None, replaced=replaced)
    direct = sorted({r.name for r in target.requires if r.active} - {target.name, *(together or ())})
    stripped = {name: reason for name in direct if (reason := judge.find_reason(name))}
    without = {**(removed or {}), target.name: frozenset(stripped)}
    inherited = find_inherited(target, others) if replaced else frozenset()
    added = [name for name in sorted(inherited) if not judge.find_reason(name)]
    more = (Requirement(name=name, extras=(), active=True, text=name) for name in added)
    after = find_closure(replace(target, requires=(*target.requires, *more)), others, without=without)
    gone = frozenset().union(*without.values())
    leaving = {name: judge.find_reason(name) or _say_users(name, before, others) for name in before}
    staying = {
        name: reason for name in after if name not in (together or ()) and (reason := judge.find_reason(name))
    }
    return StripPlan(
        stripped=tuple(
            replace(one, required=required, extras=extras)
            for one in _list(stripped)
            for required, extras in [_find_places(dependencies.package, one.name)]
        ),
        added=tuple(added),
        leaving=_list({n: r for n, r in leaving.items() if n not in after and n not in gone}),
        kept=_find_kept(target, set(direct) - set(stripped), judge, wishes),
        staying=_list({n: f"{r}; {_say_users(n, after, others)}" for n, r in staying.items()}),
        evidence=dependencies.evidence,
    )


def find_inherited(package: Distribution, others: Mapping[str, Distribution]) -> frozenset[str]:
    """Find what a package requires only through its parts, which go when nixpkgs' build replaces it.

    ``pyside6`` requires ``shiboken6`` through ``pyside6-essentials``.
    """
    own = {r.name for r in package.requires if r.active or r.under}
    parts, required, pending = set[str](), set[str](), sorted(own)
    while pending:
        part = others.get(name := pending.pop()) or _know_nothing(name)
        if name not in parts and name != package.name and is_part(part, package):
            parts.add(name)
            names = {r.name for r in part.requires if r.active}
            required |= names
            pending += sorted(names)
    return frozenset(required - parts - own - {package.name})


def _know_nothing(name: str) -> Distribution:
    return Distribution(target=name, name=name, version="", tags=(), requires=(), files=frozenset())


def _choose_extras(package: Distribution) -> Distribution:
    """Return a package whose extras are all chosen: a lock has those that somebody asks for."""
    requires = (replace(r, active=True) if r.under else r for r in package.requires)
    return replace(package, requires=tuple(requires))


def _find_places(package: Distribution, name: str) -> tuple[bool, tuple[str, ...]]:
    """Return whether a package requires another one by itself, and the extras that do."""
    found = [r for r in package.requires if r.name == name]
    extras = sorted({extra for r in found for extra in r.under})
    return any(r.active for r in found), tuple(extras)


class _Judge:
    """Finds the reasons why distributions are redundant, once for each."""

    def __init__(
        self,
        target: Distribution,
        closure: Mapping[str, frozenset[str]],
        others: Mapping[str, Distribution],
        needs: Sequence[Need],
        wishes: Wishes,
        build: NixpkgsBuild | None,
        *,
        replaced: bool,
    ) -> None:
        self._target, self._closure, self._others, self._wishes = target, closure, others, wishes
        self._replaced, self._build = replaced, build
        self._linked: dict[str, Need] = {}
        for need in needs:
            if need.need_class is NeedClass.SIBLING and need.distribution:
                self._linked.setdefault(need.distribution, need)
        self._lost = tuple({e for need in needs if (e := _find_lost_edition(need))})
        self._reasons: dict[str, str | None] = {}

    def find_reason(self, name: str) -> str | None:
        """Return why a distribution is redundant, or None."""
        if name not in self._reasons:
            self._reasons[name] = None  # a cycle of requirements is not a reason
            self._reasons[name] = self._find_reason(name)
        return self._reasons[name]

    def find_use(self, name: str) -> str | None:
        """Return why a distribution that belongs to CUDA is kept all the same, or None."""
        carries = find_carries(name)
        if not carries.note or not carries.importable or not self._replaced:
            return None
        if self._is_propagated(name):
            return f"nixpkgs' recipe of {self._target.name} propagates it"
        required = any(r.name == name for r in self._target.requires if r.active)
        if carries.independent and required and not self._knows_recipe():
            return f"{self._target.name} may import it, with any CUDA"
        return None

    def _find_reason(self, name: str) -> str | None:
        if name in self._wishes.keep:
            return None
        if glob := next((g for g in self._wishes.strip if fnmatchcase(name, g)), None):
            return f"asked for with --strip {glob}"
        # The package itself, which some of its dependencies require, is never redundant.
        carries = find_carries(name) if name != self._target.name else KnownContents(distribution=name)
        need = self._linked.get(name)
        if not self._replaced and name.endswith(self._lost):
            return None  # the wheel goes on using them
        if need and (carries.cuda or not carries.importable):
            return f"{need.wanted_by[0]} links {need.soname} of it, and it has no modules"
        if carries.cuda:
            return f"carries {_pick_telling(carries)} of CUDA, which nixpkgs has, where it is wanted at all"
        if self._is_propagated(name) or self.find_use(name):
            return None
        if self._replaced and self._is_part(name):
            return f"its files are among those of {self._target.name}, which nixpkgs' build brings"
        if reason := self._find_by_requirements(name):
            return reason
        return carries.note if self._replaced or not carries.importable else None

    def _knows_recipe(self) -> bool:
        return self._build is not None and self._build.dependencies is not None

    def _is_propagated(self, name: str) -> bool:
        return self._build is not None and name in (self._build.dependencies or ())

    def _is_part(self, name: str) -> bool:
        if name == self._target.name or name not in self._closure:
            return False
        return is_part(self._others.get(name) or _know_nothing(name), self._target)

    def _find_by_requirements(self, name: str) -> str | None:
        known = self._others.get(name)
        if known is None or any(r.active for r in known.requires):
            return None
        asked = [r.name for r in find_required(known, self._closure.get(name, frozenset()))]
        if not asked or not all(self.find_reason(other) for other in asked):
            return None
        return f"brings nothing but {name_some(sorted(set(asked)), _NAMED)}, all redundant"


def _find_lost_edition(need: Need) -> str | None:
    """Return the edition of a wheel (``-cu11``) whose library nixpkgs has no longer; None for any other."""
    lost = need.gone and not need.providers and need.is_used
    match = _EDITION.search(need.distribution or "") if lost else None
    return match[0] if match else None


def _pick_telling(carries: KnownContents) -> str:
    """Return the library that a distribution is named after, of the newest major."""
    words = [word for word in carries.distribution.split("-") if word not in {"nvidia", "cuda"}]
    return max(carries.cuda, key=lambda s: (any(w in s.lower() for w in words), -len(s), s))


def add_imports(plan: StripPlan, imports: Mapping[str, str]) -> StripPlan:
    """Add the imports found to dependencies that are kept for lack of evidence.

    Args:
        plan: the plan.
        imports: where they are imported, by name.
    """
    kept = (
        DependencyDecision(name=one.name, reason=f"{imports[one.name]} imports it")
        if one.unshown and one.name in imports
        else one
        for one in plan.kept
    )
    return replace(plan, kept=tuple(kept))


def _find_kept(
    target: Distribution, names: set[str], judge: _Judge, wishes: Wishes
) -> tuple[DependencyDecision, ...]:
    """Return the kept dependencies to report: of CUDA, for some platforms only, or named by the user."""
    kept = {}
    for requirement in target.requires:
        name = requirement.name
        if name in names and name in wishes.keep:
            kept[name] = DependencyDecision(name=name, reason="asked for with --keep")
        elif name in names and (use := judge.find_use(name)):
            kept[name] = DependencyDecision(name=name, reason=use, unshown=True)
        elif name in names and requirement.platform:
            kept[name] = DependencyDecision(name=name, reason=_UNSHOWN, unshown=True)
    return tuple(kept[name] for name in sorted(kept))


def _say_users(name: str, closure: Mapping[str, frozenset[str]], others: Mapping[str, Distribution]) -> str:
    users = [
        user
        for user, extras in closure.items()
        if (known := others.get(user)) and any(r.name == name for r in find_required(known, extras))
    ]
    if not users:
        return "nothing else requires it"
    return f"{name_some(users, _NAMED)} {'requires' if len(users) == 1 else 'require'} it"


def _list(reasons: Mapping[str, str]) -> tuple[DependencyDecision, ...]:
    return tuple(DependencyDecision(name=name, reason=reason) for name, reason in sorted(reasons.items()))
