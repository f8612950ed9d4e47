"""Decides which dependencies are redundant when nixpkgs' build of a package replaces its wheel.

Names are no evidence: the prefix ``nvidia-`` misses ``cuda-toolkit`` and ``cuda-bindings``, and matches
unrelated distributions. A dependency is redundant if

1. the user says so, or
2. the wheel's ELF files link what it carries, and it has no Python modules of its own, or
3. what it carries is CUDA's: nixpkgs' build is linked to its own CUDA, or to none, or
4. it has nothing but requirements, and all that are required here are redundant, or
5. it is a part of CUDA that carries no library for others.

Everything else is kept: the adapter leaves out what nixpkgs' build propagates, so an imported module has to
come from the environment.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from wheelfix.errors import InputError, suggest
from wheelfix.model.base import Struct, replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.override import DependencyDecision, KnownContents, StripPlan
from wheelfix.model.scan import Need
from wheelfix.model.wheel import Distribution
from wheelfix.override.carries import find_carries
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
) -> StripPlan:
    """Judge the dependencies of a package that is replaced, or whose libraries come from nixpkgs.

    Args:
        dependencies: the package and its dependencies.
        needs: of the package's ELF files; empty if they were not read.
        wishes: the user's wishes.
        replaced: whether nixpkgs' build replaces the wheel; if not, the wheel is kept with everything that it
            imports, and only its libraries come from nixpkgs.
    """
    target = dependencies.package
    others = {other.name: other for other in dependencies.others if other.name != target.name}
    before = find_closure(target, others)
    judge = _Judge(before, others, needs, wishes, replaced=replaced)
    direct = sorted({r.name for r in find_required(target, frozenset())})
    stripped = {name: reason for name in direct if (reason := judge.find_reason(name))}
    after = find_closure(target, others, without=frozenset(stripped))
    leaving = {name: judge.find_reason(name) or _say_users(name, before, others) for name in before}
    staying = {name: reason for name in after if (reason := judge.find_reason(name))}
    return StripPlan(
        stripped=_list(stripped),
        leaving=_list({n: r for n, r in leaving.items() if n not in after and n not in stripped}),
        kept=_find_kept(target, set(direct) - set(stripped), wishes),
        staying=_list({n: f"{r}; {_say_users(n, after, others)}" for n, r in staying.items()}),
        evidence=dependencies.evidence,
    )


class _Judge:
    """Finds the reasons why distributions are redundant, once for each."""

    def __init__(
        self,
        closure: Mapping[str, frozenset[str]],
        others: Mapping[str, Distribution],
        needs: Sequence[Need],
        wishes: Wishes,
        *,
        replaced: bool,
    ) -> None:
        self._closure, self._others, self._wishes = closure, others, wishes
        self._replaced = replaced
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

    def _find_reason(self, name: str) -> str | None:
        if name in self._wishes.keep:
            return None
        if glob := next((g for g in self._wishes.strip if fnmatchcase(name, g)), None):
            return f"asked for with --strip {glob}"
        # The package itself, which some of its dependencies require, is never redundant.
        carries = find_carries(name) if name in self._closure else KnownContents(distribution=name)
        need = self._linked.get(name)
        if not self._replaced and name.endswith(self._lost):
            return None  # the wheel goes on using them
        if need and (carries.cuda or not carries.importable):
            return f"{need.wanted_by[0]} links {need.soname} of it, and it has no modules"
        if carries.cuda:
            return f"carries {_pick_telling(carries)} of CUDA, which nixpkgs has, where it is wanted at all"
        if reason := self._find_by_requirements(name):
            return reason
        return carries.note if self._replaced or not carries.importable else None

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
    lost = need.gone and not need.providers and not need.unused
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


def _find_kept(target: Distribution, names: set[str], wishes: Wishes) -> tuple[DependencyDecision, ...]:
    """Return the kept dependencies to report: required on some platforms only, or named by the user."""
    kept = {}
    for requirement in target.requires:
        name = requirement.name
        if name in names and name in wishes.keep:
            kept[name] = DependencyDecision(name=name, reason="asked for with --keep")
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
