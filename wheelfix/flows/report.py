"""Writes a page with all results for a target: ``wheelfix report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.model.base import replace
from wheelfix.model.override import Dialect
from wheelfix.model.scan import Level, find_warnings
from wheelfix.model.written import Written
from wheelfix.override.dialects import TRAITS, render_overrides
from wheelfix.override.imports import show_imports
from wheelfix.report.model import Report
from wheelfix.report.page import render_report
from wheelfix.report.plan import (
    is_installed,
    label_code,
    list_commands,
    make_report,
    plan_code,
    tell_several_wheels,
)
from wheelfix.scan.findings import sort_findings
from wheelfix.scan.scan import ScanOptions, scan_targets
from wheelfix.scan.target import Target, TargetKind, find_target

if TYPE_CHECKING:
    from wheelfix.lock.model import LockOptions


def write_report(text: str, options: ScanOptions) -> Written[Report]:
    """Write a page about a target.

    Args:
        text: any target that can be scanned: see :mod:`wheelfix.scan.target`.
        options: options of the scan.

    Returns:
        HTML; ``answered`` if all needs of all distributions have an answer.

    Raises:
        InputError: the target cannot be found, fetched or read.
        IndexProblem: the index is damaged.
    """
    target = find_target(text, "report")
    report = (_report_lock if target.kind is TargetKind.LOCK else _report_parts)(target, options)
    warnings = (finding for finding in report.findings if finding.level is not Level.NOTE)
    findings = (*warnings, *find_warnings(report.scans))
    return Written(plan=report, text=render_report(report), findings=findings, answered=report.answered)


def _report_parts(target: Target, options: ScanOptions) -> Report:
    read = scan_targets([target], options)
    found = plan_code(read, options.index.attributes, evidence=", ".join(options.beside))
    plans = [show_imports(plan, read.parts) for plan in found]
    code = [label_code(p.dialect, render_overrides(p.overrides, p.adapters, p.dialect)) for p in plans]
    name = target.path.resolve().name if target.path else target.text
    code = [*list_commands(read), *code]
    findings = (*read.findings, *tell_several_wheels(read.scans))
    return make_report(name, read.scans, code, findings, installed=is_installed(read))


def _report_lock(target: Target, options: ScanOptions) -> Report:
    """Plan one file for all packages of the lock, in the dialects that use locks or list libraries."""
    from wheelfix.lock.lock import plan_lock  # slow import, and few targets are locks
    from wheelfix.lock.model import LockOptions
    from wheelfix.lock.render import render_lock
    from wheelfix.lockfile.select import Asked

    path, links = Path(target.text), options.sources.find_links if options.sources else ()
    asked = Asked(groups=options.groups)
    own = LockOptions(
        scan=options, asked=asked, find_links=tuple(Path(link) for link in links if Path(link).is_dir())
    )
    plan = plan_lock(path, own)
    if plan.conda:
        return _report_prefix(path, own)
    plans = [plan, replace(plan, dialect=Dialect.PYPROJECT_NIX)]
    if not plan.adapters:  # the others have no adapters, nor those for cargo
        plans.append(plan_lock(path, replace(own, dialect=Dialect.POETRY2NIX)))
        # pip and uv choose wheels by other rules than package sets, and the same for each list.
        listed = plan_lock(path, replace(own, dialect=Dialect.SHELL))
        plans += [replace(listed, dialect=dialect) for dialect, one in TRAITS.items() if one.listed]
    code = [label_code(one.dialect, render_lock(one)) for one in plans]
    return make_report(path.name, plan.scans, code, plan.findings)


def _report_prefix(path: Path, options: LockOptions) -> Report:
    """Plan the environment of a lock with packages of conda, and the lists of libraries for it."""
    from wheelfix.lock.lock import plan_lock
    from wheelfix.lock.render import render_lock

    plan = plan_lock(path, replace(options, dialect=Dialect.SHELL))
    dialects = sorted((d for d, one in TRAITS.items() if one.prefix), key=lambda d: TRAITS[d].listed)
    plans = [
        replace(plan, dialect=dialect)
        if TRAITS[dialect].listed
        else plan_lock(path, replace(options, dialect=dialect))
        for dialect in dialects
    ]
    code = [label_code(one.dialect, render_lock(one)) for one in plans]
    scans = sorted((*plan.scans, *plan.conda_scans), key=lambda scan: (scan.name, scan.target))
    # What is left out of one of them is told on the page of all.
    wrong = (one for scan in plan.conda_scans for one in scan.findings)
    found = dict.fromkeys(finding for one in plans for finding in one.findings)
    found.update(dict.fromkeys(one for one in wrong if one.level is Level.ERROR))
    return make_report(path.name, scans, code, sort_findings(found))
