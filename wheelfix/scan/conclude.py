"""From what was read of a distribution to its scan: the index is asked once, then everything is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from wheelfix.index.baseline import find_baseline
from wheelfix.index.facts import find_facts, find_fillers, find_opened, is_libc
from wheelfix.index.releases import spell_both
from wheelfix.index.table import SonameTable
from wheelfix.model.at_hand import AtHand
from wheelfix.model.reading import Reading
from wheelfix.model.scan import NeedTrace, WheelScan
from wheelfix.model.symbols import Symbols
from wheelfix.scan.decide import Case
from wheelfix.scan.evidence import retrace
from wheelfix.scan.findings import (
    collect_build_inputs,
    collect_ignored,
    find_findings,
    find_machine,
    sort_findings,
)
from wheelfix.scan.needs import classify, find_cases, find_wants
from wheelfix.scan.openings import name_providers, select_dlopen
from wheelfix.scan.symbols import find_mismatches


def conclude(
    reading: Reading, table: SonameTable, prefer: Sequence[str] = (), at_hand: AtHand | None = None
) -> WheelScan:
    """Class every need of a distribution, and say what follows.

    Args:
        reading: what was read of it.
        table: where nixpkgs attributes are looked up.
        prefer: attributes that win where several provide a library, strongest first.
        at_hand: distributions beside it that were read.

    Raises:
        IndexProblem: the table is damaged.
    """
    wheel, objects = reading.distribution, reading.objects
    default = table.info.system.partition("-")[0]
    machine = find_machine(wheel, objects, default=default)
    needs = classify(gather(reading, table, prefer, at_hand))
    build_inputs = collect_build_inputs(needs, machine)
    opened = [opens for use in reading.uses for opens in use.opens]
    dlopen = select_dlopen(objects, reading.hints, opened, machine=machine or default, is_libc=is_libc)
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
        dlopen=name_providers(dlopen, find_opened(table, {d.soname for d in dlopen})),
        build_inputs=build_inputs,
        baseline_inputs=tuple(sorted(find_baseline(wheel.tags).intersection(build_inputs))),
        ignore_missing=collect_ignored(needs, objects, machine),
        findings=find_findings(
            wheel, objects, needs, machine, told=reading.findings, hints=reading.hints, uses=reading.uses
        ),
    )


def gather(
    reading: Reading, table: SonameTable, prefer: Sequence[str], at_hand: AtHand | None
) -> tuple[Case, ...]:
    """Bring all wants of a distribution together with what the tables know of them; as :func:`conclude`."""
    wants = find_wants(reading.objects)
    facts = find_facts(table, [(want.soname, want.machine) for want in wants])
    fillers = find_fillers({directory for want in wants for directory in want.directories})
    return find_cases(reading.distribution, wants, facts, fillers, prefer=spell_both(prefer), at_hand=at_hand)


def retrace_needs(
    reading: Reading,
    table: SonameTable,
    soname: str,
    prefer: Sequence[str] = (),
    at_hand: AtHand | None = None,
) -> tuple[NeedTrace, ...]:
    """Say step by step why a soname is in its class; one explanation per machine that wants it."""
    cases = [c for c in gather(reading, table, prefer, at_hand) if c.want.soname == soname]
    return tuple(retrace(case, reading.objects) for case in cases)


def compare(scan: WheelScan, users: Sequence[Symbols], libraries: Mapping[str, Symbols]) -> WheelScan:
    """Add to a scan what libraries at hand lack, or that they have all that is wanted of them.

    Args:
        scan: from :func:`conclude`.
        users: symbols of the objects that want them, see :func:`wheelfix.scan.symbols.find_users`.
        libraries: symbols by soname.
    """
    findings = find_mismatches(scan.needs, users, libraries)
    return replace(scan, findings=sort_findings((*scan.findings, *findings)))
