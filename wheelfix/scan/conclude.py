"""Concludes a scan from a reading: asks the index once, then classifies every need and opening."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from wheelfix.index.baseline import find_baseline
from wheelfix.index.lookup import find_glibc, find_known, is_libc
from wheelfix.index.names import measure_distance
from wheelfix.index.releases import spell_both
from wheelfix.index.table import SonameTable
from wheelfix.model.at_hand import AtHand
from wheelfix.model.backends import Backend
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.elf import Symbols
from wheelfix.model.hints import OpeningKind
from wheelfix.model.index import Attribute, Refused
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Known, Need, NeedTrace, Opening, WheelScan
from wheelfix.model.system import name_machine
from wheelfix.scan.at_hand import correct_carriers
from wheelfix.scan.backends import list_unused
from wheelfix.scan.decide import Case, Want, decide
from wheelfix.scan.evidence import show_evidence
from wheelfix.scan.findings import (
    collect_build_inputs,
    find_findings,
    find_machine,
    sort_findings,
    tell_permissions,
    tell_unread,
)
from wheelfix.scan.hook import find_lost_openings, find_missed
from wheelfix.scan.loader import Loader
from wheelfix.scan.needs import find_cases, is_for_musl, make_cases, make_want
from wheelfix.scan.openings import answer_opening, hold_back, select_openings
from wheelfix.scan.policies import check_tags, tell_broken, tell_too_new
from wheelfix.scan.siblings import find_directories
from wheelfix.scan.symbols import find_mismatches

_Decided = dict[str, tuple[Case, NeedTrace]]
"""Names, with what was asked about each, and the reason for its class."""


def conclude(
    reading: Reading,
    table: SonameTable,
    prefer: Sequence[str] = (),
    at_hand: AtHand | None = None,
    gpu: Backend | None = None,
    default: str | None = None,
) -> WheelScan:
    """Classify every need of a distribution, and derive inputs, ignored sonames and findings.

    Args:
        reading: what was read of it.
        table: where nixpkgs attributes are looked up.
        prefer: attributes that win where several provide a library, strongest first.
        at_hand: distributions beside it that were read.
        gpu: the backend that the user chose, of those that the wheel has files for; None chooses one.
        default: machine type that conclusions are for, of several for which there are files; None takes that
            of the index.

    Raises:
        IndexProblem: the table is damaged.
    """
    wheel, objects = reading.distribution, reading.objects
    default = default or name_machine(table.info.system)
    machine = find_machine(wheel, objects, default=default)
    made = make_cases(reading, table, prefer, at_hand, gpu)
    unused = list_unused(made.choices)
    used = [obj for obj in objects if obj.path not in unused]
    needs = _pass_over_refused([trace.need for trace in decide(made.cases)], table)
    build_inputs = collect_build_inputs(needs, machine)
    openings = answer_openings(
        select_openings(
            used,
            [hints for hints in reading.hints if hints.path not in unused],
            reading.uses,
            machine=machine or default,
            is_libc=is_libc,
        ),
        reading,
        machine or default,
        table,
        prefer,
        at_hand,
        made.major,
    )
    attributes = _find_attributes(table, needs, openings)
    checks = check_tags(wheel.tags, objects, needs, [hints.traits for hints in reading.hints])
    preferred = frozenset(spell_both(prefer))
    openings = hold_back(openings, objects, needs, attributes, prefer=preferred, gpu=gpu)
    return WheelScan(
        target=wheel.target,
        name=wheel.name,
        version=wheel.version,
        tags=wheel.tags,
        requires_dist=tuple(sorted(r.text for r in wheel.requires)),
        index=table.info,
        machine=machine,
        objects=objects,
        needs=needs,
        openings=openings,
        build_inputs=build_inputs,
        baseline_inputs=tuple(sorted(find_baseline(wheel.tags).intersection(build_inputs))),
        missed=find_missed(needs, objects, machine),
        lost_openings=find_lost_openings(objects, reading.hints, needs, machine),
        findings=find_findings(
            wheel,
            objects,
            needs,
            machine,
            told=(
                *reading.findings,
                *tell_unread(wheel, needs, at_hand or AtHand()),
                *tell_permissions(build_inputs, attributes),
                *tell_broken(checks, wheel.target),
                *tell_too_new(
                    used, needs, machine, find_glibc(table) if used else None, table.attributes.info
                ),
            ),
            hints=reading.hints,
            uses=reading.uses,
            choices=made.choices,
        ),
        tag_checks=checks,
        variant=wheel.variant,
        alternatives=tuple(one for choice in made.choices for one in choice.alternatives),
        attributes=attributes,
        nixpkgs=table.attributes.info,
        computed=tuple((use.path, line) for use in reading.uses for line in use.computed),
        conda=wheel.conda,
    )


def _pass_over_refused(needs: Sequence[Need], table: SonameTable) -> tuple[Need, ...]:
    """Leave out what only plugins want where code could not be evaluated with it, without a permission."""
    wanted = {n.providers[0].attr for n in needs if n.need_class is NeedClass.PROVIDED and not n.optional}

    def judge(need: Need) -> Need:
        if need.need_class is not NeedClass.PROVIDED or not need.optional or not need.is_used:
            return need
        attr = need.providers[0].attr
        said = table.attributes.find(attr)
        if attr in wanted or said is None or not said.permissions:
            return need
        return replace(need, refused=Refused(attr=attr, permissions=said.permissions))

    return tuple(map(judge, needs))


def _find_attributes(
    table: SonameTable, needs: Iterable[Need], openings: Iterable[Opening]
) -> dict[str, Attribute]:
    """Return what nixpkgs says of every attribute that is named, sorted."""
    answers = (*(need.providers for need in needs), *(opening.providers for opening in openings))
    named = {provider.attr for providers in answers for provider in providers}
    said = ((attr, table.attributes.find(attr)) for attr in sorted(named))
    return {attr: one for attr, one in said if one}


def answer_openings(
    openings: Sequence[Opening],
    reading: Reading,
    machine: str,
    table: SonameTable,
    prefer: Sequence[str] = (),
    at_hand: AtHand | None = None,
    major: str | None = None,
) -> tuple[Opening, ...]:
    """Answer openings: each name is classified as if it were linked, by the same ladder.

    A source's ``libx.so`` that nobody has stands for the newest ``libx.so.N``, which it would find where a
    cache of libraries knows all, or else for ``libX.so``, as what it names may be spelled for systems that
    make no difference.

    Args:
        openings: without answers.
        reading: of the wheel whose files open them; names that an ELF file opens are searched by its run
            path.
        machine: machine on which they are opened.
        table: as for :func:`conclude`.
        prefer: as for :func:`conclude`.
        at_hand: as for :func:`conclude`.
        major: of the wheel's CUDA; None if unknown.
    """
    decided = _decide_names(openings, reading, machine, table, prefer, at_hand, major)
    needs = {name: trace.need for name, (_, trace) in decided.items()}
    return tuple(answer for opening in openings for answer in answer_opening(opening, needs))


def _decide_names(
    openings: Sequence[Opening],
    reading: Reading,
    machine: str,
    table: SonameTable,
    prefer: Sequence[str],
    at_hand: AtHand | None,
    major: str | None,
) -> _Decided:
    """Classify every name that is opened, with the reason."""
    if not openings:
        return {}
    files: dict[str, list[str]] = {}
    for opening in openings:
        if opening.kind is not OpeningKind.PROGRAM:
            for name in opening.names:
                files.setdefault(name, []).append(opening.file)
    loader = Loader(reading.objects)
    entries = {
        name: [(e.directory, e.text) for path in paths if path in loader.objects
               for e in loader.entries(loader.objects[path])]
        for name, paths in files.items()
    }  # fmt: skip
    names = sorted(files)
    sonames = {name: name.rpartition("/")[2] for name in names}
    musl = is_for_musl(reading.distribution.tags, reading.objects)
    known = find_known(table, [(soname, machine) for soname in sonames.values()], musl=musl)
    wants = []
    for name in names:
        soname = sonames[name]
        carriers = known[soname, machine].carriers
        carriers = correct_carriers(carriers, at_hand or AtHand(), soname, machine=machine)
        # An opening need not find its library, so a run path's directory is evidence only if it is filled.
        places = {carrier.directory for carrier in carriers}
        directories = find_directories(entries[name])
        wants.append(
            make_want(
                soname,
                machine,
                {d: entry for d, entry in directories.items() if d in places},
                places=[name.rpartition("/")[0]],
            )
        )

    def classify(
        names: Iterable[str], wants: Sequence[Want], known: Mapping[tuple[str, str], Known]
    ) -> _Decided:
        cases = find_cases(
            reading.distribution, wants, known, {}, prefer=spell_both(prefer), at_hand=at_hand, major=major
        )
        return dict(zip(names, zip(cases, decide(cases), strict=True), strict=True))

    decided = classify(names, wants, known)
    called = {name for opening in openings if opening.call for name in opening.names}
    meant = {name: other for name in names if name in called and (other := _find_meant(decided[name], table))}
    known = find_known(table, [(soname, machine) for soname in meant.values()], musl=musl)
    again = classify(meant, [make_want(soname, machine) for soname in meant.values()], known)
    for name, (case, trace) in again.items():
        decided[name] = case, replace(trace, need=replace(trace.need, soname=sonames[name]))
    return decided


def _find_meant(decided: tuple[Case, NeedTrace], table: SonameTable) -> str | None:
    """Find the library that a source means by a name without a version that nobody has; None for others."""
    case, trace = decided
    soname = case.want.soname
    if trace.need.need_class is not NeedClass.UNKNOWN or not _is_unversioned(soname):
        return None
    newest = max(case.lookup.nearest, key=partial(measure_distance, soname), default=None)
    return newest or table.find_spelled(soname)


def _is_unversioned(name: str) -> bool:
    return name.endswith(".so") and name.count(".so") == 1


def retrace_needs(
    reading: Reading,
    table: SonameTable,
    soname: str,
    prefer: Sequence[str] = (),
    at_hand: AtHand | None = None,
    gpu: Backend | None = None,
) -> tuple[NeedTrace, ...]:
    """Explain step by step why a soname is in its class; one explanation per machine that wants it.

    A name that nothing is linked against, and that is opened, is explained as if something were.
    """
    made = make_cases(reading, table, prefer, at_hand, gpu)
    found = tuple(
        show_evidence(trace, case, reading.objects)
        for case, trace in zip(made.cases, decide(made.cases), strict=True)
        if case.want.soname == soname
    )
    if found or soname not in find_opened(reading):
        return found
    scan = conclude(reading, table, prefer, at_hand, gpu)
    openings = tuple(opening for opening in scan.openings if soname in opening.names)
    machine = scan.machine or name_machine(table.info.system)
    decided = _decide_names(openings, reading, machine, table, prefer, at_hand, made.major)
    if soname not in decided:
        return ()
    case, trace = decided[soname]
    wanted = tuple(sorted({opening.file for opening in openings}))
    need = replace(trace.need, soname=soname, wanted_by=wanted)
    return (replace(show_evidence(trace, case, reading.objects), need=need, openings=openings),)


def find_opened(reading: Reading) -> frozenset[str]:
    """Collect every name that the Python sources and the ELF files of a distribution open, or may open."""
    called = [name.name for use in reading.uses for call in use.calls for name in call.names]
    noted = [name for hints in reading.hints for note in hints.notes for name in note.sonames]
    return frozenset((*called, *noted, *(name for hints in reading.hints for name in hints.strings)))


def add_comparison(scan: WheelScan, users: Sequence[Symbols], libraries: Mapping[str, Symbols]) -> WheelScan:
    """Add findings to a scan: what libraries at hand lack, or that they have everything wanted of them.

    Args:
        scan: from :func:`conclude`.
        users: symbols of the objects that want the libraries, see :func:`wheelfix.scan.symbols.find_users`.
        libraries: symbols by soname.
    """
    findings = find_mismatches(scan.needs, users, libraries)
    return replace(scan, findings=sort_findings((*scan.findings, *findings)))
