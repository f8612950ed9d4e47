"""The class of one need: questions asked in a fixed order, the first with an answer decides.

The order is that of :class:`wheelfix.model.scan.NeedClass`. A question
that is answered in the negative leaves a step too: together they are the explanation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from wheelfix.model.at_hand import AtHand
from wheelfix.model.index import Lookup, Provider
from wheelfix.model.scan import Need, NeedClass, SonameFacts, Step
from wheelfix.model.wheel import Distribution
from wheelfix.scan.at_hand import correct_carriers, find_claimed
from wheelfix.scan.search import Want
from wheelfix.scan.siblings import Sibling, find_sibling

PYTHON = re.compile(r"libpython\d+(\.\d+)*[a-z]*\.so(\.\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A want with all that is known about it.

    Attributes:
        wheel: the wheel that has it.
        facts: about the soname, outside the wheel.
        lookup: the index's answer with the user's preferences, and the wheel's own CUDA first.
        fillers: distributions known to fill a directory, by directory relative to site-packages.
        wanted: all sonames that the wheel's objects want.
        families: of libraries for this machine that do not come from nixpkgs, with a clause on who has them.
        at_hand: distributions that were read.
    """

    wheel: Distribution
    want: Want
    facts: SonameFacts
    lookup: Lookup
    fillers: Mapping[str, Sequence[str]]
    wanted: frozenset[str]
    families: Mapping[str, str] = field(default_factory=dict)
    at_hand: AtHand = field(default_factory=AtHand)


def decide(case: Case) -> Need:
    """Put a want into its class."""
    steps = tuple(trace(case))
    step = steps[-1]
    want = case.want
    silent = step.need_class in {NeedClass.BUNDLED, NeedClass.DRIVER} or "/" in want.soname
    return Need(
        soname=want.soname,
        machine=want.machine,
        need_class=step.need_class or NeedClass.UNKNOWN,
        reason=step.answer,
        wanted_by=want.wanted_by,
        distribution=step.distribution,
        directory=step.directory,
        providers=() if silent else case.lookup.providers,
        versions=want.versions,
        optional=want.optional,
        stale=next((s.stale for s in steps if s.stale), None),
    )


def trace(case: Case) -> Iterator[Step]:
    """Ask the questions up to the one that decides; its step has a class, those before it have none."""
    for ask in (_ask_wheel, _ask_path, _ask_libc, _ask_python, _ask_driver, _ask_siblings, _ask_index):
        step = ask(case)
        yield step
        if step.need_class:
            return


def apply_preference(lookup: Lookup, prefer: Sequence[str]) -> Lookup:
    """Put preferred attributes first among the providers; any of them settles an ambiguity.

    Args:
        lookup: an answer of the index.
        prefer: attributes, with or without an output (``onetbb``, ``stdenv.cc.cc.lib``).
    """

    def rank(provider: Provider) -> int:
        names = (provider.attr, f"{provider.attr}.{provider.output}")
        return min((i for i, wish in enumerate(prefer) if wish in names), default=len(prefer))

    if not prefer or all(rank(p) == len(prefer) for p in lookup.providers):
        return lookup
    return replace(lookup, providers=tuple(sorted(lookup.providers, key=rank)), rivals=())


def _ask_wheel(case: Case) -> Step:
    question = "Does the loader find it inside the wheel?"
    found = [f for f in case.want.found if f]
    reached = next((f for f in found if f.via is not None), None)
    if reached:
        inherited = f", inherited from {reached.inherited_from}" if reached.inherited_from else ""
        answer = f"rpath {reached.via}{inherited} leads to {reached.path}"
    elif found:
        answer = f"{found[0].path} carries it, but no rpath leads there: it has to be loaded first"
    else:
        return Step(question=question, answer="no member carries it")
    return Step(question=question, answer=answer, need_class=NeedClass.BUNDLED)


def _ask_path(case: Case) -> Step:
    question = "Is it a soname at all?"
    if "/" in case.want.soname:
        answer = "a path, not a soname: the loader opens exactly this file"
        return Step(question=question, answer=answer, need_class=NeedClass.UNKNOWN)
    return Step(question=question, answer="yes, it has no slash")


def _ask_libc(case: Case) -> Step:
    question = f"Is it the C library's own, on {case.want.machine}?"
    if case.facts.libc:
        return Step(question=question, answer=f"part of {case.facts.libc}", need_class=NeedClass.LIBC)
    return Step(question=question, answer="neither glibc nor musl has it")


def _ask_python(case: Case) -> Step:
    question = "Is it the Python interpreter's?"
    if PYTHON.fullmatch(case.want.soname):
        answer = "the Python interpreter's own library"
        return Step(question=question, answer=answer, need_class=NeedClass.PYTHON)
    return Step(question=question, answer="no libpython")


def _ask_driver(case: Case) -> Step:
    question = "Does it come with the GPU driver?"
    if case.facts.driver:
        return Step(question=question, answer=case.facts.driver, need_class=NeedClass.DRIVER)
    return Step(question=question, answer="not among the drivers' libraries")


def _ask_siblings(case: Case) -> Step:
    question = "Does another distribution bring it?"
    want, at_hand = case.want, case.at_hand
    carriers = correct_carriers(case.facts.carriers, at_hand, want.soname, machine=want.machine)
    sibling = find_sibling(
        want.soname,
        case.wheel,
        directories=want.directories,
        carriers=carriers,
        fillers=case.fillers,
        wanted=case.wanted,
        provided=bool(case.facts.lookup.providers),
    )
    if sibling is None and not case.facts.lookup.providers:
        sibling = _find_unnamed(case)
    if sibling is None:
        return _say_nobody(question, case)
    name = sibling.distribution
    claimed = find_claimed(at_hand, want.soname, machine=want.machine, distribution=name)
    if name in at_hand.versions and not claimed:
        return _say_stale(question, f"{name} {at_hand.versions[name]}")
    answer = sibling.reason
    if claimed:
        answer += f"; checked: {claimed.distribution} {claimed.version} has {claimed.path}"
        if claimed.soname and not claimed.named:
            answer += ", under this DT_SONAME"
    elif at_hand.versions:
        answer += f"; {name} is not among the distributions at hand"
    return Step(
        question=question,
        answer=answer,
        need_class=NeedClass.SIBLING,
        distribution=name,
        directory=claimed.directory if claimed else sibling.directory,
    )


def _find_unnamed(case: Case) -> Sibling | None:
    """A distribution at hand that carries what nobody else does, though nothing in the wheel names it."""
    want = case.want
    others = {
        c.distribution for c in case.at_hand.libraries.get(want.soname, ()) if c.machine == want.machine
    }
    others.discard(case.wheel.name)
    if len(others) != 1:
        return None
    (name,) = others
    return Sibling(distribution=name, reason=f"only {name} has it: it has to be loaded first")


def _say_nobody(question: str, case: Case) -> Step:
    carriers = [c.distribution for c in case.facts.carriers if c.distribution != case.wheel.name]
    if not carriers:
        return Step(question=question, answer="no distribution is known to carry it")
    required = {r.name for r in case.wheel.requires if r.active}
    if stale := [name for name in carriers if name in required & set(case.at_hand.versions)]:
        return _say_stale(question, f"{stale[0]} {case.at_hand.versions[stale[0]]}")
    names = ", ".join(dict.fromkeys(carriers[:3]))
    return Step(question=question, answer=f"{names} would, but neither the metadata nor a run path names it")


def _say_stale(question: str, name: str) -> Step:
    return Step(question=question, answer=f"{name} is at hand and does not carry it", stale=name)


def _ask_index(case: Case) -> Step:
    question = "Does nixpkgs provide it?"
    lookup = case.lookup
    if lookup.rivals:
        answer = f"{' and '.join(lookup.rivals)} both have it: choose with --prefer"
        return Step(question=question, answer=answer, need_class=NeedClass.AMBIGUOUS)
    if lookup.providers and (family := next((f for f in case.want.families if f in case.families), None)):
        shared = sorted(case.families.keys() & set(case.want.versions)) or [family]
        answer = (
            f"{lookup.providers[0].attr} has one, but {case.families[family]} the rest of that family "
            f"({', '.join(shared)}): two builds of it in one process break"
        )
        return Step(question=question, answer=answer, need_class=NeedClass.UNKNOWN)
    if lookup.providers:
        best = lookup.providers[0]
        answer = f"{best.attr} has {best.path}"
        if lookup.note:
            answer += f"; {lookup.note}"
        return Step(question=question, answer=answer, need_class=NeedClass.PROVIDED)
    answer = "nobody in this index has it"
    if lookup.nearest:
        answer += f"; another ABI of it is there: {', '.join(lookup.nearest[:3])}"
    return Step(question=question, answer=answer, need_class=NeedClass.UNKNOWN)
