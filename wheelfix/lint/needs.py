"""Finds needs of wheels that a file does not answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wheelfix.index.driver import RUN_PATH
from wheelfix.lint.model import LintFinding, Rule
from wheelfix.lint.package_check import PackageCheck, choose_spelling, list_inputs
from wheelfix.model.classes import NeedClass
from wheelfix.model.scan import Level, Need
from wheelfix.nix.parts import add_to_old, list_attributes, list_sonames
from wheelfix.nix.printer import print_flat
from wheelfix.nix.tree import bind
from wheelfix.scan.sentences import (
    name_some,
    say_cause,
)

_CHOICES = 3
_NAMED = 3
_MACH_NIX = "mach-nix"


def find_need_lint(check: PackageCheck) -> Iterator[LintFinding]:
    """Find the needs that are left open.

    Args:
        check: a package with at least one scan.
    """
    if check.instead:
        return
    missing = _find_missing(check)
    if check.is_shell:
        yield from _find_shell_lint(check, missing)
        return
    drivers = [n.soname for n in _select(check, NeedClass.DRIVER) if not check.is_ignored(n.soname)]
    if not check.overrides:
        if missing or drivers:
            yield _say_override(check, missing, drivers)
    else:
        yield from _say_missing(check, missing)
        yield from _say_replaced(check)
        if drivers and not check.ignores_all:
            yield check.say(
                Rule.MISSING_IGNORE,
                Level.ERROR,
                check.place,
                ", ".join(drivers),
                "comes with the GPU driver, so auto-patchelf will not find it",
                format_ignored(drivers),
            )
    yield from _find_unanswered(check, (NeedClass.AMBIGUOUS, NeedClass.UNKNOWN))
    yield from _find_siblings(check)
    if place := check.ignores_all:
        exact = list_exact(check)
        yield check.say(
            Rule.IGNORES_ALL,
            Level.WARNING,
            place,
            "autoPatchelfIgnoreMissingDeps",
            "ignores every missing library, also those that an update of the wheel will need",
            format_ignored(exact) if exact else "remove it: nothing has to be ignored",
        )


def _find_shell_lint(check: PackageCheck, missing: dict[str, list[Need]]) -> Iterator[LintFinding]:
    """Find the findings of a shell, which has no ignore list: needs without a provider are not its fault."""
    yield from _say_missing(check, missing)
    drivers = [need.soname for need in _select(check, NeedClass.DRIVER)]
    if drivers and not any(o.driver for o in check.overrides):
        message = f"no library path leads to it, and it has {name_some(drivers, _NAMED)}, of the GPU driver"
        suggestion = f'… + ":{RUN_PATH}"'
        yield check.say(Rule.MISSING_INPUT, Level.ERROR, check.place, RUN_PATH, message, suggestion)
    yield from _find_unanswered(check, (NeedClass.AMBIGUOUS,))


def list_exact(check: PackageCheck) -> list[str]:
    """List the sonames that have to be ignored, because no input can, or need, supply them."""
    classes = {NeedClass.DRIVER, NeedClass.SIBLING, NeedClass.UNKNOWN}
    exact = (s for s, n in check.needs.items() if not n.is_used or n.need_class in classes)
    return [soname for soname in exact if not check.is_supplied(soname)]


def format_ignored(sonames: list[str]) -> str:
    """Write the Nix code that ignores exactly some sonames."""
    return print_flat(bind("autoPatchelfIgnoreMissingDeps", list_sonames(sonames)))


def _select(check: PackageCheck, kind: NeedClass) -> list[Need]:
    return [need for need in check.needs.values() if need.need_class is kind and need.is_used]


def _find_missing(check: PackageCheck) -> dict[str, list[Need]]:
    """Find provided needs that no input supplies, by the attribute to add."""
    missing: dict[str, list[Need]] = {}
    for need in _select(check, NeedClass.PROVIDED):
        if check.is_supplied(need.soname) or check.is_ignored(need.soname):
            continue
        if check.replaced and need.providers[0].attr in _list_baseline(check):
            continue  # reported once for all of them
        missing.setdefault(need.providers[0].attr, []).append(need)
    return missing


def _list_baseline(check: PackageCheck) -> set[str]:
    return {attr for scan in check.scans for attr in scan.baseline_inputs}


def _say_override(check: PackageCheck, missing: dict[str, list[Need]], drivers: list[str]) -> LintFinding:
    code = []
    if missing:
        code.append(print_flat(add_to_old("buildInputs", list_attributes(missing))))
    if drivers:
        code.append(format_ignored(drivers))
    sonames = [need.soname for needs in missing.values() for need in needs] + drivers
    message = f"the file says nothing about it, and it needs {name_some(sonames, _NAMED)}"
    return check.say(Rule.MISSING_OVERRIDE, Level.ERROR, None, check.name, message, " ".join(code))


def _say_missing(check: PackageCheck, missing: dict[str, list[Need]]) -> Iterator[LintFinding]:
    native = {
        choose_spelling(check.excerpt, i).attr: i
        for i in list_inputs(check.overrides)
        if i.list_name == "nativeBuildInputs"
    }
    for attr, needs in missing.items():
        sonames = [need.soname for need in needs]
        users = sorted({w for n in needs for w in n.wanted_by})
        wanted = f"{name_some(sonames, _NAMED)}, wanted by {name_some(users, _NAMED)}"
        carriers = frozenset[str]().union(*(check.excerpt.carriers.get(s, frozenset()) for s in sonames))
        misplaced = next((native[a] for a in sorted(carriers & set(native))), None)
        if misplaced is not None:
            yield check.say(
                Rule.WRONG_LIST,
                Level.ERROR,
                misplaced.place,
                misplaced.attr,
                f"in nativeBuildInputs, where auto-patchelf does not look; it has {wanted}",
                "move it to buildInputs",
            )
            continue
        unsure = ", unless it is in the part that is not understood" if check.unclear_lists else ""
        yield check.say(
            Rule.MISSING_INPUT,
            Level.WARNING if unsure else Level.ERROR,
            check.place,
            attr,
            f"no input has {wanted}{unsure}",
            f"pkgs.{attr}",
        )


def _say_replaced(check: PackageCheck) -> Iterator[LintFinding]:
    lost = sorted(
        {
            need.providers[0].attr
            for need in _select(check, NeedClass.PROVIDED)
            if check.replaced
            and need.providers[0].attr in _list_baseline(check)
            and not check.is_supplied(need.soname)
            and not check.is_ignored(need.soname)
        }
    )
    if lost:
        yield check.say(
            Rule.REPLACED_INPUTS,
            Level.ERROR,
            check.place,
            "buildInputs",
            f"replaces the inherited list, and with it {name_some(lost, _NAMED)}",
            "buildInputs = (old.buildInputs or [ ]) ++ [ … ];",
        )


def _find_unanswered(check: PackageCheck, kinds: Iterable[NeedClass]) -> Iterator[LintFinding]:
    for kind in kinds:
        for need in _select(check, kind):
            if check.is_ignored(need.soname) or check.is_supplied(need.soname) or check.ignores_all:
                continue
            choices = list(dict.fromkeys(p.attr for p in need.providers))[:_CHOICES]
            suggestion = " or ".join(f"pkgs.{attr}" for attr in choices)
            wanted = f"wanted by {name_some(need.wanted_by, _NAMED)}"
            message = (
                f"several packages have it, none is an input; {wanted}"
                if choices
                else f"{say_cause(need.cause)}; {wanted}"
            )
            level = Level.WARNING if check.unclear_lists else Level.ERROR
            yield check.say(Rule.UNANSWERED, level, check.place, need.soname, message, suggestion)


def _find_siblings(check: PackageCheck) -> Iterator[LintFinding]:
    """Find libraries of other wheels that auto-patchelf has neither a search path nor an ignore entry for."""
    unread = any(override.unread for override in check.overrides)
    # mach-nix ignores all missing libraries.
    mach_nix = any(override.how == _MACH_NIX for override in check.overrides)
    if not check.overrides or check.ignores_all or unread or mach_nix:
        return
    unreached = [
        need
        for need in _select(check, NeedClass.SIBLING)
        if not (check.is_ignored(need.soname) or check.is_supplied(need.soname) or check.is_shown(need))
    ]
    if unreached:
        distributions = sorted({need.distribution for need in unreached if need.distribution})
        yield check.say(
            Rule.SIBLING_UNREACHED,
            Level.WARNING,
            check.place,
            ", ".join(need.soname for need in unreached),
            f"in {name_some(distributions, _NAMED) or 'other wheels'}, where auto-patchelf does not look "
            "by itself",
            "addAutoPatchelfSearchPath for each in preFixup, or ignore exactly these",
        )
