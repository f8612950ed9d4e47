"""Renders the result of ``wheelfix patch`` for people."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from wheelfix.model.scan import Finding
from wheelfix.outside.nixpkgs import write_permissions
from wheelfix.patch.model import (
    Answer,
    AnswerKind,
    FilePlan,
    FileResult,
    PatchReport,
    ShimPlan,
    Supplies,
    Supply,
)
from wheelfix.pysource.shim import render_files
from wheelfix.report.escape import printable
from wheelfix.scan.target import quote_target

_CHANGES = frozenset({AnswerKind.ADDED, AnswerKind.PINNED})


_SHOWN = 4
"""Names that one line of a list has."""


def render_patch(report: PatchReport, *, details: bool = True) -> str:
    """Render a report as text: what Nix has to bring, changes, open needs, last a summary.

    Args:
        report: the report.
        details: False leaves out files that were changed as planned; if nothing has changed since the last
            run, everything but open needs.
    """
    results = {r.path: r for r in report.results}
    lines = _render_supplies(report) if details or not report.settled else []
    for plan in report.plans:
        result = results.get(plan.path)
        problem = plan.conflict or (result.problem if result else None)
        if problem:
            lines += [f"{plan.path}: left as it is: {problem}"]
        elif (plan.edit or plan.waits) and details:
            how = f"  ({result.method})" if result and result.method else ""
            lines += [f"{plan.path}{how}", *(f"    {line}" for line in _render_plan(plan))]
    for shim in report.shims:
        lines += _render_shim(shim, results, details=details)
    lines += _render_open(report)
    lines += _render_optional(report.plans) if details else []
    # A hook would repeat at every start of a shell what the run that changed something has told.
    told = report.findings if details or not report.settled else ()
    lines += [f"{f.level.value}: {f.subject}: {f.message}" for f in told]
    if details or lines or not report.settled:
        lines += _render_sum(report, results, details=details)
    return "".join(f"{printable(line)}\n" for line in lines)


def _print_paths(supplies: Supplies) -> Iterator[str]:
    """Change a command so that it prints store paths, a line each."""
    for word in supplies.command:
        yield "--print-out-paths" if word == "--json" else word


def _render_supplies(report: PatchReport) -> list[str]:
    """List what Nix brought, or has to bring."""
    supplies = report.supplies
    if supplies is None or not supplies.outputs:
        return []
    got = report.applied and not report.settled and not all(map(say_obstacle, supplies.outputs))
    verb = "brought" if got else "has to bring" if report.applied or report.stopped else "would bring"
    source = f"nixpkgs ({supplies.nixpkgs}, of {supplies.origin})" if supplies.nixpkgs else "a substituter"
    width = max(len(one.name) for one in supplies.outputs)
    lines = [f"Nix {verb}, from {source}:"]
    for one in supplies.outputs:
        lines.append(f"  {one.name:{width}}  {_name_some(one.sonames)}  ({_count_seekers(one)})")
        if problem := say_obstacle(one):
            lines.append(f"  {'':{width}}  not brought: {problem}")
    return [*lines, ""]


def say_obstacle(supply: Supply) -> str | None:
    """Write why an output of nixpkgs is not brought; None if nothing speaks against it."""
    if not supply.refused:
        return supply.problem
    settings = write_permissions(supply.refused)
    return f"nixpkgs refuses it without {' and '.join(supply.refused)}: set {settings}, and run this again"


def _name_some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _count_seekers(supply: Supply) -> str:
    files = {(one.distribution, one.path) for one in supply.seekers if one.path}
    sources = {one.distribution for one in supply.seekers if not one.path}
    counted = [f"{len(files)} file{'' if len(files) == 1 else 's'}"] if files else []
    return ", ".join([*counted, *(f"code of {name}" for name in sorted(sources))])


def _render_plan(plan: FilePlan) -> Iterator[str]:
    added: dict[str, list[str]] = {}
    for answer in plan.answers:
        if answer.kind in _CHANGES and answer.directory:
            added.setdefault(answer.directory, []).append(answer.soname)
        elif answer.kind is AnswerKind.BROUGHT and answer.attr:
            added.setdefault(answer.attr, []).append(answer.soname)
    for directory, sonames in added.items():
        yield f"+ {directory}  {', '.join(sonames)}"
    if plan.edit and plan.edit.interpreter:
        yield f"interpreter {plan.edit.interpreter}"
    elif plan.interpreter:
        yield f"interpreter of {plan.interpreter}"


def _render_shim(shim: ShimPlan, results: dict[str, FileResult], *, details: bool) -> Iterator[str]:
    if not shim.table:
        return
    names = render_files(shim.distribution, shim.table)
    problems = [r for name in names if (r := results.get(name)) and r.problem]
    yield from (f"{result.path}: not written: {result.problem}" for result in problems)
    is_there = {results[name].method for name in names if name in results} == {"none"}
    if details and not problems and not is_there:
        yield f"{next(iter(names))}  (finds what {', '.join(shim.table.modules)} opens by name)"
        for answer in shim.answers:
            if answer.soname in shim.table.libraries:
                yield f"    {answer.soname}  {shim.table.libraries[answer.soname]}"


def _render_open(report: PatchReport) -> list[str]:
    """List open needs, once per soname."""
    found: dict[str, tuple[Answer, list[str]]] = {}
    for plan in report.plans:
        for answer in plan.answers:
            if answer.kind is AnswerKind.OPEN and not answer.optional:
                found.setdefault(answer.soname, (answer, []))[1].append(plan.path)
    lines = []
    for soname, (answer, paths) in sorted(found.items()):
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        lines.append(f"open: {soname} for {paths[0]}{more}: {answer.reason}")
    if any(answer.unfit for answer, _ in found.values()):
        lines.append(
            "hint: make the environment with a Python of that nixpkgs, or name a nixpkgs that is as old as "
            "its Python with --nixpkgs"
        )
    elif any(not answer.is_refused for answer, _ in found.values()):
        bring = "" if report.supplies else ", or let Nix bring them: --nixpkgs, --realise"
        lines.append(f"hint: give directories of libraries with --libs{bring}")
    return lines


def _render_optional(plans: Iterable[FilePlan]) -> list[str]:
    """Name what only plugins want and nobody has, in one line."""
    found = {a.soname for plan in plans for a in plan.answers if a.kind is AnswerKind.OPEN and a.optional}
    if not found:
        return []
    return [
        f"not there, and wanted by plugins alone, without which the rest works: {_name_some(sorted(found))}"
    ]


def _render_sum(report: PatchReport, results: dict[str, FileResult], *, details: bool) -> list[str]:
    paths = {plan.path for plan in report.plans}
    refused = {path for path, result in results.items() if result.problem}
    planned = sum(1 for plan in report.plans if (plan.edit or plan.waits) and plan.path not in refused)
    total = len(report.plans)
    done = [result.path for result in results.values() if result.method not in {None, "none"}]
    changed = len(paths.intersection(done))
    written = sum(1 for path in done if path not in paths and path.endswith(".py"))
    if not report.applied:
        waiting = {s.distribution for s in report.shims if any(a.attr for a in s.answers)}
        shims = {s.distribution for s in report.shims if s.table} - waiting
        written = len(waiting) + (written if results else len(shims))
        lines = [f"{planned} of {total} ELF files would change{_say_shims(written)}: nothing was written"]
        if planned or written:
            lines += _say_commands(report)
            lines += [f"to do it: {report.again}"] if details and report.again and not report.stopped else []
        return lines
    if report.settled:
        left = "" if report.answered else ", which left this open"
        return [f"nothing has changed since the last run{left}: {report.target}"]
    lines = [f"{changed} of {total} ELF files changed{_say_shims(written)}: {report.output or report.target}"]
    if details and not report.output and (changed or written):
        target = quote_target(report.target)
        lines.append(f"to see whether all of it imports: wheelfix try {target}")
        lines.append(f"to take it back: wheelfix patch {target} --undo")
    return lines


def _say_commands(report: PatchReport) -> list[str]:
    """Say what does what could not be done for want of Nix."""
    if not report.stopped or not report.supplies:
        return []
    build = shlex.join(_print_paths(report.supplies))
    return [
        "",
        f"{report.supplies.problem}. Where Nix is, this does all of it:",
        f"    {report.again}",
        "Or build what is missing, and name it:",
        f"    {report.again} $({build} | sed s/^/--libs=/)",
    ]


def _say_shims(count: int) -> str:
    if not count:
        return ""
    who = "1 package finds what it opens" if count == 1 else f"{count} packages find what they open"
    return f", and {who} by name"


def render_findings(findings: Sequence[Finding]) -> str:
    """Render the findings of an undo."""
    return "".join(f"{printable(f'{f.level.value}: {f.subject}: {f.message}')}\n" for f in findings)
