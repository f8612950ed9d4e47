"""Renders the result of ``wheelfix patch`` for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from wheelfix.model.scan import Finding
from wheelfix.patch.model import Answer, AnswerKind, FilePlan, FileResult, PatchReport, ShimPlan
from wheelfix.pysource.shim import render_files
from wheelfix.report.escape import printable

_CHANGES = frozenset({AnswerKind.ADDED, AnswerKind.PINNED})


def render_patch(report: PatchReport, *, details: bool = True) -> str:
    """Render a report as text: changes first, then open needs, last a summary.

    Args:
        report: the report.
        details: False leaves out files that were changed as planned.
    """
    results = {r.path: r for r in report.results}
    lines: list[str] = []
    for plan in report.plans:
        result = results.get(plan.path)
        problem = plan.conflict or (result.problem if result else None)
        if problem:
            lines += [f"{plan.path}: left as it is: {problem}"]
        elif plan.edit and details:
            how = f"  ({result.method})" if result and result.method else ""
            lines += [f"{plan.path}{how}", *(f"    {line}" for line in _render_plan(plan))]
    for shim in report.shims:
        lines += _render_shim(shim, results, details=details)
    lines += _render_open(report.plans)
    lines += [f"{f.level.value}: {f.subject}: {f.message}" for f in report.findings]
    lines += _render_sum(report, results)
    return "".join(f"{printable(line)}\n" for line in lines)


def _render_plan(plan: FilePlan) -> Iterator[str]:
    added: dict[str, list[str]] = {}
    for answer in plan.answers:
        if answer.kind in _CHANGES and answer.directory:
            added.setdefault(answer.directory, []).append(answer.soname)
    for directory, sonames in added.items():
        yield f"+ {directory}  {', '.join(sonames)}"
    if plan.edit and plan.edit.interpreter:
        yield f"interpreter {plan.edit.interpreter}"


def _render_shim(shim: ShimPlan, results: dict[str, FileResult], *, details: bool) -> Iterator[str]:
    if not shim.table:
        return
    names = render_files(shim.distribution, shim.table)
    problems = [r for name in names if (r := results.get(name)) and r.problem]
    yield from (f"{result.path}: not written: {result.problem}" for result in problems)
    if details and not problems:
        yield f"{next(iter(names))}  (finds what {', '.join(shim.table.modules)} opens by name)"
        for answer in shim.answers:
            if answer.soname in shim.table.libraries:
                yield f"    {answer.soname}  {shim.table.libraries[answer.soname]}"


def _render_open(plans: Iterable[FilePlan]) -> list[str]:
    """List open needs, once per soname."""
    found: dict[str, tuple[Answer, list[str]]] = {}
    for plan in plans:
        for answer in plan.answers:
            if answer.kind is AnswerKind.OPEN:
                found.setdefault(answer.soname, (answer, []))[1].append(plan.path)
    lines = []
    for soname, (answer, paths) in sorted(found.items()):
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        lines.append(f"open: {soname} for {paths[0]}{more}: {answer.reason}")
    if lines:
        lines.append(
            "hint: give directories of libraries with --libs, or let Nix bring them: --nixpkgs, --realise"
        )
    return lines


def _render_sum(report: PatchReport, results: dict[str, FileResult]) -> list[str]:
    paths = {plan.path for plan in report.plans}
    refused = {path for path, result in results.items() if result.problem}
    planned = sum(1 for plan in report.plans if plan.edit and plan.path not in refused)
    total = len(report.plans)
    done = [result.path for result in results.values() if result.method not in {None, "none"}]
    changed = len(paths.intersection(done))
    written = sum(1 for path in done if path not in paths and path.endswith(".py"))
    if not report.applied:
        written = written if results else sum(1 for shim in report.shims if shim.table)
        return [f"{planned} of {total} ELF files would change{_say_shims(written)}: nothing was written"]
    return [f"{changed} of {total} ELF files changed{_say_shims(written)}: {report.output or report.target}"]


def _say_shims(count: int) -> str:
    if not count:
        return ""
    return f", and {count} {'package finds' if count == 1 else 'packages find'} what it opens by name"


def render_findings(findings: Sequence[Finding]) -> str:
    """Render the findings of an undo."""
    return "".join(f"{printable(f'{f.level.value}: {f.subject}: {f.message}')}\n" for f in findings)
