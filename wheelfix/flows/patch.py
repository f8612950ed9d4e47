"""Rewrites run paths in a wheel or an installed environment, and restores them: ``wheelfix patch``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from wheelfix.index.table import SonameTable
from wheelfix.model.base import replace
from wheelfix.model.scan import Finding, Level, find_warnings
from wheelfix.outside.nixpkgs import (
    NamedNixpkgs,
    find_machine_nixpkgs,
    find_nixpkgs_above,
    read_variables,
)
from wheelfix.patch.model import Group, PatchOptions, PatchReport, ShimPlan
from wheelfix.patch.target_plan import Setting, TargetPlan, list_watched, plan_again, plan_target
from wheelfix.pysource.shim import render_files
from wheelfix.scan.scan import ScanOptions, TargetScans, scan_targets
from wheelfix.scan.target import TargetKind, find_target
from wheelfix.wheel.environment import find_site

Progress = Callable[[int, int], None]


def find_source(target: Path | str) -> NamedNixpkgs:
    """Find the nixpkgs that a patch takes libraries from if the user names none.

    Args:
        target: as for :func:`patch_target`.

    Returns:
        The one that the project of an environment locks or names, else that of the machine. The project of a
        wheel is that of the working directory.

    Raises:
        InputError: a file of the project cannot be read.
    """
    return _find_project(target) or find_machine_nixpkgs()


def _find_project(target: Path | str) -> NamedNixpkgs | None:
    is_environment = os.path.isdir(target)  # noqa: PTH112 - it may be too long for a Path
    return find_nixpkgs_above(Path(target, os.pardir) if is_environment else Path.cwd())


def find_dependencies(target: Path | str, options: PatchOptions, index: Path | None) -> str | None:
    """Compute a digest of what a patch of an environment depends on, other than the environment.

    Args:
        target: as for :func:`patch_target`.
        options: as the user gave them.
        index: path of the index that the user named.

    Returns:
        None if there is more than can be told from properties of a few files: then nothing is kept.

    Raises:
        InputError: a file of the project cannot be read.
    """
    if options.beside or options.libs or options.dry_run or not os.path.isdir(target):  # noqa: PTH112
        return None
    from wheelfix.index.choice import identify_index
    from wheelfix.patch.last_run import hash_run

    named = None if options.fetches else _find_project(target)
    return hash_run([repr(options), repr(named), *identify_index(index), *read_variables()])


def find_settled(target: Path | str, depends: str) -> PatchReport | None:
    """Find what there is to say of an environment in which nothing has changed since the last run.

    Args:
        target: the environment.
        depends: from :func:`find_dependencies`.

    Returns:
        What :func:`patch_target` would return; None if it has to look.

    Raises:
        InputError: the environment cannot be read.
    """
    from wheelfix.patch.last_run import read_last_run

    root, site = map(Path, find_site(Path(target)))
    report = read_last_run(root, site, depends)
    return replace(report, target=str(target)) if report else None


def patch_target(
    target: Path | str,
    *,
    index: SonameTable,
    options: PatchOptions | None = None,
    progress: Progress | None = None,
) -> PatchReport:
    """Give the ELF files of a wheel, or of an environment, run paths to the libraries they need.

    A wheel is copied; an environment is changed in place, with a manifest for :func:`undo_target`.

    Args:
        target: a wheel, or an environment.
        index: as in :func:`wheelfix.scan_wheel`.
        options: directories of libraries, and what to change.
        progress: called with what is done and in all.

    Returns:
        The plans and results; a file that could not be changed is as it was, and its result has the reason.

    Raises:
        InputError: the target or a directory of libraries cannot be read.
        IndexProblem: the index is damaged.
        ApplyError: the result cannot be written.
    """
    options = options or PatchOptions()
    named = find_target(str(target), "patch")
    scanning = ScanOptions(
        index=index,
        prefer=options.prefer,
        beside=options.beside,
        gpu=options.gpu,
        progress=progress,
        follow_editable=False,  # files outside of the environment must not change
        whole_prefix=False,  # conda's own files are left as they are
    )
    from wheelfix.patch.last_run import list_distributions

    before = list_distributions(Path(find_site(Path(target))[1])) if options.depends else {}
    scanned = scan_targets([named], scanning)
    if options.asks_late and _is_missing(Path(target), scanned, index, options):
        index.attributes.follow(options.nixpkgs or "", origin=options.origin, required=False)
        scanned = scan_targets([named], scanning)
    patch = _patch_wheel if named.kind is TargetKind.WHEEL else _patch_environment
    return patch(Path(target), scanned, index, replace(options, before=before), progress)


def _is_missing(target: Path, scanned: TargetScans, index: SonameTable, options: PatchOptions) -> bool:
    """Whether anything has to be brought."""
    root = Path(find_site(target)[0]) if os.path.isdir(target) else target.parent  # noqa: PTH112
    planning = replace(options, dry_run=True)
    plan = plan_target(replace(_set(scanned, index, planning, home=root), python=root / "bin" / "python3"))
    return bool(plan.supplies and plan.supplies.command)


def undo_target(
    directory: Path | str, *, progress: Progress | None = None, dry_run: bool = False
) -> PatchReport:
    """Restore all files that were changed in an environment.

    Args:
        directory: the environment.
        progress: called with files done and in all.
        dry_run: whether to report only.

    Returns:
        A report without plans: warnings for files that changed since and are not restored, and a note with
        the number of restored files.

    Raises:
        InputError: it cannot be read.
        ApplyError: a file cannot be written; the files before it are restored, and another run can restore
            the rest.
    """
    from wheelfix.patch.undo import undo_environment

    find_target(str(directory), "patch")
    findings = undo_environment(Path(directory), progress=progress, dry_run=dry_run)
    return PatchReport(target=str(directory), applied=not dry_run, findings=findings)


def _patch_wheel(
    target: Path,
    scanned: TargetScans,
    index: SonameTable,
    options: PatchOptions,
    progress: Progress | None,
) -> PatchReport:
    from wheelfix.patch.wheel import patch_wheel

    output = options.output or target.parent
    plan = plan_target(_set(scanned, index, options, home=output.resolve()))
    report = plan.report(target.name, _find_warnings(scanned, options))
    if not plan.ready:
        return report
    done = patch_wheel(
        target,
        {plan.path: plan.edit for plan in plan.files if plan.edit},
        output,
        files={name: data for files in _render_shims(plan.shims).values() for name, data in files.items()},
        version=scanned.parts[0].reading.distribution.version,
        tag=options.tag,
        progress=progress,
    )
    findings = (*report.findings, *done.findings)
    return replace(report, output=str(done.path), applied=True, results=done.results, findings=findings)


def _patch_environment(
    target: Path,
    scanned: TargetScans,
    index: SonameTable,
    options: PatchOptions,
    progress: Progress | None,
) -> PatchReport:
    from wheelfix.patch.beyond import tell_beyond
    from wheelfix.patch.environment import patch_environment, probe_environment, read_shims
    from wheelfix.patch.nix_store import renew_roots

    root, site = map(Path, find_site(target))
    present = read_shims(target, (scan.name for scan in scanned.scans if scan.name))
    setting = _set(scanned, index, options, home=root)
    problem = None if options.dry_run else renew_roots(root)
    plan = plan_target(replace(setting, python=root / "bin" / "python3", present=present))
    notes = [f for part in scanned.parts for f in part.reading.findings if f.level is Level.NOTE]
    beyond = tuple(tell_beyond(root, {scan.name for scan in scanned.scans}))
    if problem:
        message = f"keeps nothing from the garbage collector any more: {problem}"
        notes.append(Finding(level=Level.WARNING, subject=f"{target}/.wheelfix/roots", message=message))
    files = _render_shims(plan.shims)
    if files and root == site:
        message = "what Python code opens by name is found only where .pth files run: in site-packages"
        notes.append(Finding(level=Level.NOTE, subject=str(target), message=message))
    report = plan.report(str(target), (*_find_warnings(scanned, options), *notes, *beyond))
    edits = {plan.path: plan.edit for plan in plan.files if plan.edit}
    if not plan.ready:
        return replace(report, results=probe_environment(target, edits, files))
    results = patch_environment(target, edits, files, progress=progress)
    report = replace(report, applied=True, results=results)
    if options.depends and not report.refused and not any(f.level is Level.WARNING for f in beyond):
        _keep(report, plan, root, site, scanned)
    return report


def _keep(report: PatchReport, plan: TargetPlan, root: Path, site: Path, scanned: TargetScans) -> None:
    """Keep what the next run will say, if that has nothing left to do, and can be told from distributions."""
    from wheelfix.patch.last_run import is_unchanged, write_last_run

    options = plan.setting.options
    done = {one.path for one in report.results if one.method not in {None, "none"}}
    changed = {
        part.reading.distribution.target
        for part in scanned.parts
        if done.intersection(obj.path for obj in part.scan.objects)
        or done & _list_shims(plan, part.scan.name)
    }
    after = plan_again(plan) if any(part.scan.name for part in scanned.parts) else None
    if after is None or not options.depends or not is_unchanged(site, options.before, changed):
        return
    elf_files = {plan.path for plan in after.files}
    results = tuple(replace(one, method="none") for one in report.results if one.path not in elf_files)
    said = after.report(report.target, report.findings)
    said = replace(said, applied=True, results=results, settled=True)
    write_last_run(root, site, options.depends, said, list_watched(after))


def _list_shims(plan: TargetPlan, distribution: str) -> set[str]:
    files = _render_shims(one for one in plan.shims if one.distribution == distribution)
    return {name for names in files.values() for name in names}


def _find_warnings(scanned: TargetScans, options: PatchOptions) -> tuple[Finding, ...]:
    paths = {obj.path for scan in scanned.scans for obj in scan.objects}
    paths |= {opening.file for scan in scanned.scans for opening in scan.openings}
    return (*find_warnings(scanned.scans), *options.find_useless(paths))


def _set(scanned: TargetScans, index: SonameTable, options: PatchOptions, *, home: Path) -> Setting:
    groups = (
        Group(
            name=part.scan.name,
            objects=part.scan.objects,
            needs=part.scan.needs,
            openings=part.scan.openings,
            files=tuple(sorted(part.reading.distribution.files)),
        )
        for part in scanned.parts
    )
    return Setting(groups=tuple(groups), index=index, options=options, home=home)


def _render_shims(shims: Iterable[ShimPlan]) -> dict[str, dict[str, bytes]]:
    return {one.distribution: render_files(one.distribution, one.table) for one in shims if one.table}
