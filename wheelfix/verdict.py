"""From what was read of a distribution to its scan: the index is asked once, then everything is decided."""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.index.baseline import find_baseline
from wheelfix.index.facts import find_facts, find_fillers, is_libc
from wheelfix.index.releases import spell_both
from wheelfix.index.table import SonameTable
from wheelfix.intake import Intake
from wheelfix.model.scan import WheelScan
from wheelfix.resolve.conclude import collect_build_inputs, collect_ignored, find_findings, find_machine
from wheelfix.resolve.dlopen import select_dlopen
from wheelfix.resolve.needs import classify, find_wants


def conclude(intake: Intake, table: SonameTable, prefer: Sequence[str] = ()) -> WheelScan:
    """Class every need of a distribution, and say what follows.

    Args:
        intake: what was read of it.
        table: where nixpkgs attributes are looked up.
        prefer: attributes that win where several provide a library, strongest first.

    Raises:
        IndexProblem: the table is damaged.
    """
    wheel, objects = intake.wheel, intake.objects
    default = table.info.system.partition("-")[0]
    machine = find_machine(wheel, objects, default=default)
    wants = find_wants(objects)
    facts = find_facts(table, [(want.soname, want.machine) for want in wants])
    fillers = find_fillers({directory for want in wants for directory in want.directories})
    needs = classify(wheel, wants, facts, fillers, prefer=spell_both(prefer))
    build_inputs = collect_build_inputs(needs, machine)
    opened = [opens for use in intake.uses for opens in use.opens]
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
        dlopen=select_dlopen(objects, intake.hints, opened, machine=machine or default, is_libc=is_libc),
        build_inputs=build_inputs,
        baseline_inputs=tuple(sorted(find_baseline(wheel.tags).intersection(build_inputs))),
        ignore_missing=collect_ignored(needs, machine),
        findings=find_findings(
            wheel, objects, needs, machine, intake=intake.findings, hints=intake.hints, uses=intake.uses
        ),
    )
