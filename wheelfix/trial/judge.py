"""Judges how imports went: what each failure is, what helps, and whether the environment is whole.

A failure counts if the environment is not what it should be: a library is missing, a module at the top raises
an error, a process ends. Three do not: a module of a distribution that nothing requires (an optional
dependency), a library of a GPU driver on a machine without one, and a compiled module that raises an error
other than about libraries when it is imported by itself, which its package may never do.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from wheelfix.explain.model import Account, Explanation, Missing
from wheelfix.explain.paths import find_distribution
from wheelfix.explain.read import read_messages
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.wheel import Distribution
from wheelfix.scan.target import quote_target
from wheelfix.trial.model import Answer, Attempt, Ending, Outcome, Tried

Explain = Callable[[str, Account], Explanation]
"""Explains what a text says, for the distribution that was imported, by its name."""
_ENDED = {
    Ending.KILLED: Outcome.CRASH,
    Ending.EXITED: Outcome.EXIT,
    Ending.SILENT: Outcome.TIMEOUT,
    Ending.UNTRIED: Outcome.UNTRIED,
}


def judge(
    attempts: Sequence[Attempt],
    answers: Sequence[Sequence[Answer]],
    *,
    distributions: Mapping[str, Distribution],
    site: str,
    explain: Explain,
    driver: bool,
) -> tuple[Tried, ...]:
    """Judge how the imports of an environment went.

    Args:
        attempts: what was imported.
        answers: how that went, for each attempt.
        distributions: all that are installed, by normalised name.
        site: site-packages of the environment.
        explain: explains texts about shared libraries.
        driver: whether this machine has the libraries of a GPU driver.

    Returns:
        Sorted by distribution and module.
    """
    known = {module.partition(".")[0] for one in attempts for module in one.modules}
    owners = {
        f"{site}/{file}": name
        for name, distribution in distributions.items()
        for file in distribution.files
        if file.endswith(".py")
    }
    found = [
        _weigh(_judge_one(attempt, answer, known, owners, explain), distributions, driver=driver)
        for attempt, given in zip(attempts, answers, strict=True)
        for answer in given
    ]
    return tuple(sorted(found, key=_rank))


def _rank(one: Tried) -> tuple[str, bool, str]:
    return one.distribution, one.compiled, one.module


def _judge_one(
    attempt: Attempt, answer: Answer, known: Collection[str], owners: Mapping[str, str], explain: Explain
) -> Tried:
    outcome, explanation = Outcome.IMPORTED, None
    if answer.ending is not Ending.IMPORTED:
        outcome = _ENDED.get(answer.ending, Outcome.ERROR)
        account = read_messages([answer.text.encode()])
        if answer.absent and not account.symptoms and _is_of_another(answer.absent, known):
            outcome = Outcome.UNINSTALLED
        elif answer.ending is not Ending.UNTRIED:
            explanation = explain(owners.get(answer.file, attempt.distribution), account)
            outcome = _find_library(explanation) or outcome
    return Tried(
        distribution=attempt.distribution,
        version=attempt.version,
        module=answer.module,
        compiled=answer.module != attempt.top,
        outcome=outcome,
        counts=False,
        line=answer.line,
        text=answer.text,
        code=answer.code,
        absent=answer.absent if outcome is Outcome.UNINSTALLED else None,
        explanation=explanation if explanation and explanation.concerned else None,
    )


def _find_library(explanation: Explanation) -> Outcome | None:
    """Return what an explanation says is the cause; None if it is about something else."""
    named = [one for one in explanation.missing if one.named]
    if named and not explanation.troubles and all(one.need_class is NeedClass.DRIVER for one in named):
        return Outcome.DRIVER
    return Outcome.LIBRARY if named or explanation.troubles else None


def list_missing(explanation: Explanation) -> tuple[Missing, ...]:
    """List the libraries that a text names; if it names none, those that may be why."""
    named = tuple(one for one in explanation.missing if one.named)
    return named or explanation.missing


def _is_of_another(module: str, known: Collection[str]) -> bool:
    """Whether a module is of a distribution that is not installed, and not of Python itself."""
    top = module.partition(".")[0]
    return top not in sys.stdlib_module_names and top not in known


def _weigh(one: Tried, distributions: Mapping[str, Distribution], *, driver: bool) -> Tried:
    counts = {
        Outcome.IMPORTED: False,
        Outcome.DRIVER: driver,
        Outcome.ERROR: not one.compiled,
        Outcome.UNINSTALLED: _is_required(one, distributions[one.distribution]),
    }
    return replace(one, counts=counts.get(one.outcome, True))


def _is_required(one: Tried, distribution: Distribution) -> bool:
    """Whether the distribution of a module that was not found is required without any extra."""
    name = find_distribution((one.absent or "").partition(".")[0])
    return any(required.active and required.name == name for required in distribution.requires)


def plan_remedies(environment: str, tried: Iterable[Tried], *, patched: bool, driver: bool) -> Iterator[str]:
    """Write what helps: shell lines, and sentences in the imperative.

    Args:
        environment: as the user named it.
        tried: what was tried.
        patched: whether ``wheelfix patch`` changed the environment before.
        driver: whether this machine has the libraries of a GPU driver.
    """
    failed = [one for one in tried if one.counts]
    explained = [one.explanation for one in failed if one.explanation]
    missing = [one for explanation in explained for one in list_missing(explanation)]
    target = quote_target(environment)
    wants_driver = driver and any(one.need_class is NeedClass.DRIVER for one in missing)
    if wants_driver or any(one.need_class is NeedClass.PROVIDED for one in missing):
        yield f"wheelfix patch {target}"
        if patched:
            yield "It was patched before: this gives it what it has come to need since."
    absent = {one.absent.partition(".")[0] for one in failed if one.absent}
    wanted = {one.distribution for one in missing if one.distribution}
    wanted |= {name for module in absent if (name := find_distribution(module))}
    if wanted:
        yield f"pip --python {target} install {' '.join(map(shlex.quote, sorted(wanted)))}"
    yield from dict.fromkeys(line for one in explained for trouble in one.troubles for line in trouble.now)
