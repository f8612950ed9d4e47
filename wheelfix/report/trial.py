"""Renders the result of ``wheelfix try`` for people."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Sequence

from wheelfix.report.escape import printable
from wheelfix.report.explain import say_missing
from wheelfix.report.plain import wrap_words
from wheelfix.scan.sentences import name_some
from wheelfix.trial.judge import list_missing
from wheelfix.trial.model import Attempt, Outcome, Stage, Trial, Tried

_SHOWN = 3
"""How many modules of one distribution with the same failure are named."""
_MOST = 8
"""How many distributions with the same failure are named."""
_LONGEST = 300
"""Characters of an exception that are shown."""
_WITHOUT = "no network, an empty home, and of /lib and /usr/lib the C library alone"


def say_start(environment: str, attempts: Sequence[Attempt], stage: Stage) -> str:
    """Write what is about to run, and where."""
    count = sum(len(attempt.modules) for attempt in attempts)
    where = f"in a namespace ({_WITHOUT})" if stage.namespace else "on this system as it is"
    return f"try runs the code of the packages in {environment}: it imports {_count(count, 'module')} {where}"


def render_trial(trial: Trial, *, details: bool = True, width: int | None = None) -> str:
    """Render a trial: what fails first, then what does not count, last a summary.

    Args:
        trial: the trial.
        details: also print what does not count, and what the namespace was like.
        width: available columns, or None. Commands are not wrapped, because they are copied.
    """
    failed = [one for one in trial.tried if one.counts]
    rest = [one for one in trial.tried if not one.counts and one.outcome is not Outcome.IMPORTED]
    lines: list[str] = []
    if failed:
        lines += ["Does not import", *_render_modules(failed, width), ""]
    if rest and details:
        lines += ["Does not import, and does not count", *_render_modules(rest, width), ""]
    if trial.now:
        lines += ["What to do now", *(f"  {printable(line)}" for line in trial.now), ""]
    lines += wrap_words(_say_sum(trial), width)
    if details and trial.isolated and trial.borrowed:
        lines += wrap_words(_say_borrowed(trial.borrowed), width)
    return "".join(f"{line}\n" for line in lines)


def _render_modules(tried: Iterable[Tried], width: int | None) -> Iterator[str]:
    """List failures by their cause: one library may stop many modules."""
    groups: dict[tuple[str, ...], list[Tried]] = {}
    for one in sorted(tried, key=lambda one: one.outcome is not Outcome.LIBRARY):
        groups.setdefault(_say_cause(one), []).append(one)
    for said, group in groups.items():
        for text in said:
            yield from wrap_words(text, width, "  ")
        modules: dict[str, list[str]] = {}
        for one in group:
            modules.setdefault(f"{one.distribution} {one.version}".rstrip(), []).append(one.module)
        for distribution, names in list(modules.items())[:_MOST]:
            yield from wrap_words(f"{distribution}: {name_some(names, _SHOWN)}", width, "      ")
        if len(modules) > _MOST:
            yield f"      and modules of {_count(len(modules) - _MOST, 'more distribution')}"
        if group[0].explanation and (line := say_failure(group[0])) not in said:
            yield from wrap_words(f"({line})", width, "      ")


def _say_cause(one: Tried) -> tuple[str, ...]:
    """Write what is wrong: the libraries, if it is about these, else the exception."""
    explanation = one.explanation
    if explanation:
        named = any(m.named for m in explanation.missing)
        missing = [f"{m.soname}  {m.need_class.value}: {say_missing(m)}" for m in list_missing(explanation)]
        troubles = [trouble.what for trouble in explanation.troubles]
        if named or not missing:
            return (*missing, *troubles)
        return (*(troubles or [say_failure(one)]), "It lacks libraries, which may be why:", *missing)
    if one.outcome is Outcome.UNINSTALLED:
        why = "requires it" if one.counts else "does not require it: an optional dependency"
        return (say_failure(one), f"No installed distribution has it, and {one.distribution} {why}.")
    return (say_failure(one),)


def say_failure(one: Tried) -> str:
    """Write how a module failed, in one line."""
    match one.outcome:
        case Outcome.TIMEOUT:
            return "it was not done in time, and was ended"
        case Outcome.UNTRIED:
            return "not tried, as others before it ended their processes"
        case _ if one.line:
            return one.line if len(one.line) <= _LONGEST else f"{one.line[:_LONGEST]} …"
        case Outcome.CRASH:
            return f"the process was ended by {signal.Signals(one.code).name}"
        case _:
            return f"it ended the process, with exit code {one.code}"


def _say_sum(trial: Trial) -> str:
    imported = sum(1 for one in trial.tried if one.outcome is Outcome.IMPORTED)
    total, names = len(trial.tried) + trial.below, {one.distribution for one in trial.tried}
    where = "in a namespace like NixOS" if trial.isolated else "on this system, without a namespace"
    below = f"; {trial.below} below those that fail were not tried" if trial.below else ""
    return (
        f"{imported} of {_count(total, 'module')} {'imports' if total == 1 else 'import'} {where} "
        f"({_count(len(names), 'distribution')}, Python {trial.python}){below}: {trial.environment}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _say_borrowed(names: Sequence[str]) -> str:
    return (
        f"Python is not of Nix, and brings libraries of this system, {name_some(names, _SHOWN)}: a package "
        "that lacks one of these is not found out"
    )
