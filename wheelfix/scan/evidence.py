"""Collects the evidence for each step of a decision."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from wheelfix.model.base import replace
from wheelfix.model.classes import Question
from wheelfix.model.elf import ElfObject
from wheelfix.model.scan import NeedTrace
from wheelfix.scan.at_hand import correct_carriers
from wheelfix.scan.decide import Case
from wheelfix.scan.layout import relative_to_site
from wheelfix.scan.loader import Entry, Found, Loader

_SHOWN = 6
_OBJECTS_SHOWN = 3


def show_evidence(trace: NeedTrace, case: Case, objects: Sequence[ElfObject]) -> NeedTrace:
    """Add to every step of a decision the evidence that its answer is based on.

    Args:
        trace: the decision.
        case: the decided case.
        objects: all ELF files of the wheel.
    """
    shows = {
        Question.WHEEL: _show_search,
        Question.SIBLINGS: _show_distributions,
        Question.INDEX: _show_index,
    }
    steps = (
        replace(step, evidence=tuple(show(case, objects))) if (show := shows.get(step.question)) else step
        for step in trace.steps
    )
    return replace(trace, steps=tuple(steps))


def _show_search(case: Case, objects: Sequence[ElfObject]) -> Iterator[str]:
    search = Loader(objects)
    named = {obj.path: obj for obj in objects}
    places = {path.rpartition("/")[0] for path in case.wheel.files}
    wanting = list(zip(case.want.wanted_by, case.want.found, strict=True))
    for path, found in wanting[:_OBJECTS_SHOWN]:
        yield from _show_entries(
            named[path], [e for e in search.entries(named[path]) if not e.is_absolute], found, places
        )
        if named[path].nodeflib:
            yield f"{path} is marked DF_1_NODEFLIB: the loader searches no default directory for it"
    if len(wanting) > _OBJECTS_SHOWN:
        yield f"… and {len(wanting) - _OBJECTS_SHOWN} more objects that want it"
    for obj in objects:
        if case.want.soname in {obj.soname, obj.name} and obj.machine != case.want.machine:
            yield f"{obj.path} has this name, for {obj.machine}: not for {case.want.machine}"


def _show_entries(
    obj: ElfObject, entries: Sequence[Entry], found: Found | None, places: Collection[str]
) -> Iterator[str]:
    own = [e for e in entries if e.owner == obj.path]
    inherited = [e for e in entries if e.owner != obj.path]
    tag = "DT_RUNPATH" if obj.runpath else "DT_RPATH"
    if not (obj.rpath or obj.runpath):
        yield f"{obj.path} has neither DT_RPATH nor DT_RUNPATH"
    for entry in own[:_SHOWN]:
        place = relative_to_site(entry.directory)
        where = f"{place} in site-packages" if place is not None else f"{entry.directory} in the prefix"
        hit = found and found.via == entry.text and not found.inherited_from
        outcome = "has it" if hit else "is there, without it" if place in places else "is not of this wheel"
        yield f"{obj.path}: {tag} {entry.text}: {where} {outcome}"
    if len(own) > _SHOWN:
        yield f"{obj.path}: {len(own) - _SHOWN} more entries of its {tag}"
    if found and found.inherited_from:
        yield f"{obj.path}: DT_RPATH {found.via}, inherited from {found.inherited_from}, has it: {found.path}"
    elif inherited:
        owners = list(dict.fromkeys(e.owner for e in inherited))
        more = f" and {len(owners) - 1} more" if len(owners) > 1 else ""
        yield f"{obj.path}: {len(inherited)} entries of DT_RPATH inherited from {owners[0]}{more}: no"


def _show_distributions(case: Case, _objects: Sequence[ElfObject]) -> Iterator[str]:
    want, wheel = case.want, case.wheel
    carriers = correct_carriers(case.known.carriers, case.at_hand, want.soname, machine=want.machine)
    for carrier in carriers[:_SHOWN]:
        own = ", this distribution itself" if carrier.distribution == wheel.name else ""
        how = "at hand" if carrier.distribution in case.at_hand.versions else "known"
        yield f"{how}: {carrier.distribution} carries it in {carrier.directory}{own}"
    yield from _say_rest(len(carriers))
    told = {c.directory for c in carriers} & set(want.directories) or set(want.directories)
    for directory, entry in [(d, e) for d, e in want.directories.items() if d in told][:_SHOWN]:
        fillers = case.fillers.get(directory, ())
        yield f"rpath {entry} names {directory}, filled by {', '.join(fillers) or 'nobody known'}"
    names = {c.distribution for c in carriers} | {"cuda-toolkit"}
    for requirement in wheel.requires:
        if requirement.name in names:
            state = "holds" if requirement.active else "its marker does not hold for this wheel's target"
            yield f"Requires-Dist: {requirement.text} ({state})"
    for stale in {c.distribution for c in case.known.carriers} & set(case.at_hand.versions):
        if stale not in {c.distribution for c in carriers}:
            yield f"{stale} {case.at_hand.versions[stale]} is at hand: read, and it does not carry it"


def _show_index(case: Case, _objects: Sequence[ElfObject]) -> Iterator[str]:
    lookup = case.lookup
    for provider in lookup.providers[:_SHOWN]:
        version = f" {provider.version}" if provider.version else ""
        rules = f": {'; '.join(provider.why)}" if provider.why else ""
        yield f"{provider.score:+d} {provider.attr}{version} ({provider.output}) {provider.path}{rules}"
    yield from _say_rest(len(lookup.providers))
    if lookup.nearest:
        yield f"other majors there: {', '.join(lookup.nearest)}"


def _say_rest(count: int) -> Iterator[str]:
    if count > _SHOWN:
        yield f"… and {count - _SHOWN} more"
