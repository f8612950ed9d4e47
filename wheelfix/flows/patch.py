"""Rewrites run paths in a wheel or an installed environment, and restores them: ``wheelfix patch``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from wheelfix.index.table import SonameTable
from wheelfix.model.base import replace
from wheelfix.model.scan import Finding, Level, find_warnings
from wheelfix.patch.libraries import find_reachable
from wheelfix.patch.model import FilePlan, Group, PatchOptions, PatchReport, ShimPlan
from wheelfix.patch.openings import plan_shims
from wheelfix.patch.runpaths import Reachable, plan_run_paths
from wheelfix.pysource.shim import ShimTable, render_files
from wheelfix.scan.scan import ScanOptions, TargetScans, scan_targets
from wheelfix.scan.target import TargetKind, find_target

Progress = Callable[[int, int], None]


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
    )
    scanned = scan_targets([named], scanning)
    patch = _patch_wheel if named.kind is TargetKind.WHEEL else _patch_environment
    return patch(Path(target), scanned, index, options, progress)


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
    plans, shims = _plan(scanned, index, options, home=output)
    warnings = _find_warnings(scanned, options)
    report = PatchReport(target=target.name, applied=False, plans=plans, shims=shims, findings=warnings)
    if options.dry_run:
        return report
    done = patch_wheel(
        target,
        {plan.path: plan.edit for plan in plans if plan.edit},
        output,
        files={name: data for files in _render_shims(shims).values() for name, data in files.items()},
        version=scanned.parts[0].reading.distribution.version,
        tag=options.tag,
        progress=progress,
    )
    findings = (*warnings, *done.findings)
    return replace(report, output=str(done.path), applied=True, results=done.results, findings=findings)


def _patch_environment(
    target: Path,
    scanned: TargetScans,
    index: SonameTable,
    options: PatchOptions,
    progress: Progress | None,
) -> PatchReport:
    from wheelfix.patch.environment import patch_environment, probe_environment, read_shims
    from wheelfix.wheel.environment import find_site

    root, site = map(Path, find_site(target))
    present = read_shims(target, (scan.name for scan in scanned.scans if scan.name))
    plans, shims = _plan(scanned, index, options, home=root, python=root / "bin" / "python3", present=present)
    edits = {plan.path: plan.edit for plan in plans if plan.edit}
    files = _render_shims(shims)
    if options.dry_run:
        results = probe_environment(target, edits, files)
    else:
        results = patch_environment(target, edits, files, progress=progress)
    notes = [f for part in scanned.parts for f in part.reading.findings if f.level is Level.NOTE]
    if files and root == site:
        message = "what Python code opens by name is found only where .pth files run: in site-packages"
        notes.append(Finding(level=Level.NOTE, subject=str(target), message=message))
    return PatchReport(
        target=str(target),
        applied=not options.dry_run,
        plans=plans,
        shims=shims,
        results=results,
        findings=(*_find_warnings(scanned, options), *notes),
    )


def _find_warnings(scanned: TargetScans, options: PatchOptions) -> tuple[Finding, ...]:
    paths = {obj.path for scan in scanned.scans for obj in scan.objects}
    paths |= {opening.file for scan in scanned.scans for opening in scan.openings}
    return (*find_warnings(scanned.scans), *options.find_useless(paths))


def _render_shims(shims: Iterable[ShimPlan]) -> dict[str, dict[str, bytes]]:
    return {one.distribution: render_files(one.distribution, one.table) for one in shims if one.table}


def _plan(
    scanned: TargetScans,
    index: SonameTable,
    options: PatchOptions,
    *,
    home: Path,
    python: Path | None = None,
    present: Mapping[str, ShimTable] | None = None,
) -> tuple[tuple[FilePlan, ...], tuple[ShimPlan, ...]]:
    """Plan every file; if Nix must first supply libraries, plan again with them."""
    groups = [
        Group(
            name=part.scan.name,
            objects=part.scan.objects,
            needs=part.scan.needs,
            openings=part.scan.openings,
            files=tuple(sorted(part.reading.distribution.files)),
        )
        for part in scanned.parts
    ]
    machine = index.info.system.partition("-")[0]

    def plan(libs: Sequence[Path]) -> tuple[Reachable, tuple[FilePlan, ...], tuple[ShimPlan, ...]]:
        reachable = find_reachable(groups, libs, python=python, driver=options.driver)
        shims = plan_shims(
            groups,
            reachable.libraries,
            present or {},
            machine=machine,
            driver=options.driver,
            choose=options.chooses,
        )
        return reachable, plan_run_paths(groups, reachable, choose=options.chooses), shims

    reachable, plans, shims = plan(options.libs)
    if options.fetches:
        from wheelfix.patch import nix_store

        wanted = nix_store.find_wanted(plans, shims, groups, reachable, index)
        brought = nix_store.bring(wanted, options.nixpkgs, home)
        _, plans, shims = plan((*options.libs, *brought))
    return plans, shims
