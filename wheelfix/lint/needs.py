"""What wheels need and a file does not give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wheelfix.lint.case import Case, choose_spelling, list_inputs
from wheelfix.lint.model import LintFinding, Rule
from wheelfix.lint.nixfile.searches import DRIVER
from wheelfix.model.scan import Level, Need, NeedClass
from wheelfix.nix.parts import add_to_old, list_attributes, list_sonames
from wheelfix.nix.printer import print_flat
from wheelfix.nix.tree import bind
from wheelfix.scan.sentences import say_cause

_CHOICES = 3
_NAMED = 3
_MACH_NIX = "mach-nix"


def find_need_lint(case: Case) -> Iterator[LintFinding]:
    """Say which needs stay open.

    Args:
        case: a package with at least one scan.
    """
    if case.instead:
        return
    missing = _find_missing(case)
    if case.is_shell:
        yield from _find_shell_lint(case, missing)
        return
    drivers = [n.soname for n in _select(case, NeedClass.DRIVER) if not case.is_ignored(n.soname)]
    if not case.overrides:
        if missing or drivers:
            yield _say_override(case, missing, drivers)
    else:
        yield from _say_missing(case, missing)
        yield from _say_replaced(case)
        if drivers and not case.ignores_all:
            yield case.say(
                Rule.MISSING_IGNORE,
                Level.ERROR,
                case.place,
                ", ".join(drivers),
                "comes with the GPU driver, so auto-patchelf will not find it",
                format_ignored(drivers),
            )
    yield from _find_unanswered(case, (NeedClass.AMBIGUOUS, NeedClass.UNKNOWN))
    yield from _find_siblings(case)
    if place := case.ignores_all:
        exact = list_exact(case)
        yield case.say(
            Rule.IGNORES_ALL,
            Level.WARNING,
            place,
            "autoPatchelfIgnoreMissingDeps",
            "ignores every missing library, also those that an update of the wheel will need",
            format_ignored(exact) if exact else "remove it: nothing has to be ignored",
        )


def _find_shell_lint(case: Case, missing: dict[str, list[Need]]) -> Iterator[LintFinding]:
    """A shell has no ignore list: what nobody brings is no fault of it."""
    yield from _say_missing(case, missing)
    drivers = [need.soname for need in _select(case, NeedClass.DRIVER)]
    if drivers and not any(o.driver for o in case.overrides):
        message = f"no library path leads to it, and it has {_name_some(drivers)}, of the GPU driver"
        suggestion = f'… + ":{DRIVER}"'
        yield case.say(Rule.MISSING_INPUT, Level.ERROR, case.place, DRIVER, message, suggestion)
    yield from _find_unanswered(case, (NeedClass.AMBIGUOUS,))


def list_exact(case: Case) -> list[str]:
    """The sonames that have to be ignored: those that no input can bring."""
    classes = {NeedClass.DRIVER, NeedClass.SIBLING, NeedClass.UNKNOWN}
    return [s for s, n in case.needs.items() if n.need_class in classes and not case.is_supplied(s)]


def format_ignored(sonames: list[str]) -> str:
    """The Nix code that ignores exactly some sonames."""
    return print_flat(bind("autoPatchelfIgnoreMissingDeps", list_sonames(sonames)))


def _select(case: Case, kind: NeedClass) -> list[Need]:
    return [need for need in case.needs.values() if need.need_class is kind]


def _find_missing(case: Case) -> dict[str, list[Need]]:
    """Provided needs that no input has, by the attribute to add."""
    missing: dict[str, list[Need]] = {}
    for need in _select(case, NeedClass.PROVIDED):
        if case.is_supplied(need.soname) or case.is_ignored(need.soname):
            continue
        if case.replaced and need.providers[0].attr in _list_baseline(case):
            continue  # said once for all of them
        missing.setdefault(need.providers[0].attr, []).append(need)
    return missing


def _list_baseline(case: Case) -> set[str]:
    return {attr for scan in case.scans for attr in scan.baseline_inputs}


def _say_override(case: Case, missing: dict[str, list[Need]], drivers: list[str]) -> LintFinding:
    code = []
    if missing:
        code.append(print_flat(add_to_old("buildInputs", list_attributes(missing))))
    if drivers:
        code.append(format_ignored(drivers))
    sonames = [need.soname for needs in missing.values() for need in needs] + drivers
    message = f"the file says nothing about it, and it needs {_name_some(sonames)}"
    return case.say(Rule.MISSING_OVERRIDE, Level.ERROR, None, case.name, message, " ".join(code))


def _say_missing(case: Case, missing: dict[str, list[Need]]) -> Iterator[LintFinding]:
    native = {
        choose_spelling(case.excerpt, i).attr: i
        for i in list_inputs(case.overrides)
        if i.list_name == "nativeBuildInputs"
    }
    for attr, needs in missing.items():
        sonames = [need.soname for need in needs]
        wanted = (
            f"{_name_some(sonames)}, wanted by {_name_some(sorted({w for n in needs for w in n.wanted_by}))}"
        )
        carriers = frozenset[str]().union(*(case.excerpt.carriers.get(s, frozenset()) for s in sonames))
        misplaced = next((native[a] for a in sorted(carriers & set(native))), None)
        if misplaced is not None:
            yield case.say(
                Rule.WRONG_LIST,
                Level.ERROR,
                misplaced.place,
                misplaced.attr,
                f"in nativeBuildInputs, where auto-patchelf does not look; it has {wanted}",
                "move it to buildInputs",
            )
            continue
        unsure = ", unless it is in the part that is not understood" if case.unclear_lists else ""
        yield case.say(
            Rule.MISSING_INPUT,
            Level.WARNING if unsure else Level.ERROR,
            case.place,
            attr,
            f"no input has {wanted}{unsure}",
            f"pkgs.{attr}",
        )


def _say_replaced(case: Case) -> Iterator[LintFinding]:
    lost = sorted(
        {
            need.providers[0].attr
            for need in _select(case, NeedClass.PROVIDED)
            if case.replaced
            and need.providers[0].attr in _list_baseline(case)
            and not case.is_supplied(need.soname)
            and not case.is_ignored(need.soname)
        }
    )
    if lost:
        yield case.say(
            Rule.REPLACED_INPUTS,
            Level.ERROR,
            case.place,
            "buildInputs",
            f"replaces the inherited list, and with it {_name_some(lost)}",
            "buildInputs = (old.buildInputs or [ ]) ++ [ … ];",
        )


def _find_unanswered(case: Case, kinds: Iterable[NeedClass]) -> Iterator[LintFinding]:
    for kind in kinds:
        for need in _select(case, kind):
            if case.is_ignored(need.soname) or case.is_supplied(need.soname) or case.ignores_all:
                continue
            choices = list(dict.fromkeys(p.attr for p in need.providers))[:_CHOICES]
            suggestion = " or ".join(f"pkgs.{attr}" for attr in choices)
            wanted = f"wanted by {_name_some(need.wanted_by)}"
            message = (
                f"several packages have it, none is an input; {wanted}"
                if choices
                else f"{say_cause(need.cause)}; {wanted}"
            )
            level = Level.WARNING if case.unclear_lists else Level.ERROR
            yield case.say(Rule.UNANSWERED, level, case.place, need.soname, message, suggestion)


def _find_siblings(case: Case) -> Iterator[LintFinding]:
    """Libraries of other wheels: auto-patchelf needs a search path or an entry for each."""
    unread = any(override.unread for override in case.overrides)
    mach_nix = any(override.how == _MACH_NIX for override in case.overrides)  # it lets everything be missing
    if not case.overrides or case.ignores_all or unread or mach_nix:
        return
    unreached = [
        need
        for need in _select(case, NeedClass.SIBLING)
        if not (case.is_ignored(need.soname) or case.is_supplied(need.soname) or case.is_shown(need))
    ]
    if unreached:
        distributions = sorted({need.distribution for need in unreached if need.distribution})
        yield case.say(
            Rule.SIBLING_UNREACHED,
            Level.WARNING,
            case.place,
            ", ".join(need.soname for need in unreached),
            f"in {_name_some(distributions) or 'other wheels'}, where auto-patchelf does not look by itself",
            "addAutoPatchelfSearchPath for each in preFixup, or ignore exactly these",
        )


def _name_some(names: list[str] | tuple[str, ...]) -> str:
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")
