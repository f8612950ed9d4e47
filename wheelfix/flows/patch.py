"""Run paths rewritten in a wheel, or in an installed environment, and taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.index.sources import open_index
from wheelfix.index.table import SonameTable
from wheelfix.model.base import Struct, replace
from wheelfix.model.scan import Finding, Level, find_warnings
from wheelfix.patch.model import FilePlan, Group, PatchReport

if TYPE_CHECKING:
    from wheelfix.patch.runpaths import Supply
    from wheelfix.scan.scan import ScannedPart

__all__ = ["PatchOptions", "open_index", "patch_target", "undo_target"]

Progress = Callable[[int, int], None]


class PatchOptions(Struct):
    """What a user may ask of a patch.

    Attributes:
        output: directory for the patched wheel; not for an environment.
        libs: directories of libraries, or store paths, in the order in which they are preferred.
        realise: fetch the store paths that the index names for what is missing.
        nixpkgs: path or flake reference that the attributes for what is missing are built from.
        driver: add the directory of the GPU driver where one of its libraries is needed.
        only: globs of paths that may change; empty for all.
        exclude: globs of paths that stay as they are.
        tag: build tag or local version of the patched wheel.
        dry_run: plan, and change nothing.
        prefer: attributes that win where several provide a library, strongest first.
        beside: wheels, directories of wheels and environments that are at hand: what these bring is not
            looked for elsewhere.
    """

    output: Path | None = None
    libs: Sequence[Path] = ()
    realise: bool = False
    nixpkgs: str | None = None
    driver: bool = False
    only: Sequence[str] = ()
    exclude: Sequence[str] = ()
    tag: str | None = None
    dry_run: bool = False
    prefer: Sequence[str] = ()
    beside: Sequence[str] = ()

    def chooses(self, path: str) -> bool:
        """Tell whether a file may change."""
        chosen = not self.only or any(fnmatchcase(path, glob) for glob in self.only)
        return chosen and not any(fnmatchcase(path, glob) for glob in self.exclude)


def patch_target(
    target: Path | str,
    *,
    index: SonameTable,
    options: PatchOptions | None = None,
    progress: Progress | None = None,
) -> PatchReport:
    """Give the ELF files of a wheel, or of an environment, run paths to the libraries they need.

    A wheel is copied, an environment is changed in place, with a manifest for :func:`undo_target`.

    Args:
        target: a wheel, or an environment.
        index: as in :func:`wheelfix.scan_wheel`.
        options: where the libraries are, and what to change.
        progress: told what is done and how much there is.

    Returns:
        What was planned and what was done. Files that could not be changed are as they were, and say why.

    Raises:
        InputError: the target or a directory of libraries cannot be read.
        IndexProblem: the index is damaged.
        ApplyError: nothing could be written.
    """
    from wheelfix.scan.scan import ScanOptions, scan_targets
    from wheelfix.scan.target import TargetKind, find_target

    options = options or PatchOptions()
    named = find_target(str(target), "patch")
    scanning = ScanOptions(
        index=index,
        prefer=options.prefer,
        beside=options.beside,
        progress=progress,
        follow_editable=False,  # nothing outside of an environment is changed
    )
    parts = scan_targets([named], scanning).parts
    if named.kind is TargetKind.WHEEL:
        return _patch_wheel(Path(target), parts[0], index, options, progress)
    return _patch_environment(Path(target), parts, index, options, progress)


def undo_target(
    directory: Path | str, *, progress: Progress | None = None, dry_run: bool = False
) -> PatchReport:
    """Take back all that was changed in an environment.

    Args:
        directory: the environment.
        progress: told files done and in all.
        dry_run: only tell.

    Returns:
        A report without plans: warnings for files that are not as they were left and stay as they are, and a
        note that says how many were restored.

    Raises:
        InputError: it cannot be read.
        ApplyError: a file cannot be written; those before it are restored, and the rest can be.
    """
    from wheelfix.patch.undo import undo_environment
    from wheelfix.scan.target import find_target

    find_target(str(directory), "patch")
    findings = undo_environment(Path(directory), progress=progress, dry_run=dry_run)
    return PatchReport(
        target=str(directory), output=None, applied=not dry_run, plans=(), results=(), findings=findings
    )


def _patch_wheel(
    target: Path, part: ScannedPart, index: SonameTable, options: PatchOptions, progress: Progress | None
) -> PatchReport:
    from wheelfix.patch.wheel import patch_wheel

    output = options.output or target.parent
    plans, warnings = _plan([part], index, options, home=output, python=None)
    report = PatchReport(
        target=target.name, output=None, applied=False, plans=plans, results=(), findings=warnings
    )
    if options.dry_run:
        return report
    done = patch_wheel(
        target,
        {plan.path: plan.edit for plan in plans if plan.edit},
        output,
        version=part.reading.distribution.version,
        tag=options.tag,
        progress=progress,
    )
    return replace(
        report,
        output=str(done.path),
        applied=True,
        results=done.results,
        findings=(*warnings, *done.findings),
    )


def _patch_environment(
    target: Path,
    parts: Sequence[ScannedPart],
    index: SonameTable,
    options: PatchOptions,
    progress: Progress | None,
) -> PatchReport:
    from wheelfix.patch.environment import patch_environment
    from wheelfix.patch.target import probe_environment
    from wheelfix.wheel.environment import find_site

    root = Path(find_site(target)[0])
    plans, warnings = _plan(parts, index, options, home=root, python=root / "bin" / "python3")
    notes = (f for part in parts for f in part.reading.findings if f.level is Level.NOTE)
    edits = {plan.path: plan.edit for plan in plans if plan.edit}
    if options.dry_run:
        results = probe_environment(target, edits)
    else:
        results = patch_environment(target, edits, progress=progress)
    return PatchReport(
        target=str(target),
        output=None,
        applied=not options.dry_run,
        plans=plans,
        results=results,
        findings=(*warnings, *notes),
    )


def _plan(
    parts: Sequence[ScannedPart],
    index: SonameTable,
    options: PatchOptions,
    *,
    home: Path,
    python: Path | None,
) -> tuple[tuple[FilePlan, ...], tuple[Finding, ...]]:
    """Decide for every file, twice where libraries have to be fetched first: then it is known which.

    What the scans warn of comes with it.
    """
    from wheelfix.patch.libraries import find_supply
    from wheelfix.patch.runpaths import plan_run_paths

    scans = [part.scan for part in parts]
    groups = [Group(name=s.name, objects=s.objects, needs=s.needs) for s in scans]
    supply = find_supply(groups, options.libs, python=python, driver=options.driver)
    plans = plan_run_paths(groups, supply, choose=options.chooses)
    if (options.realise or options.nixpkgs) and not options.dry_run:
        fetched = _fetch(plans, groups, index, options, (home, supply))
        supply = find_supply(groups, (*options.libs, *fetched), python=python, driver=options.driver)
        plans = plan_run_paths(groups, supply, choose=options.chooses)
    return plans, find_warnings(scans)


def _fetch(
    plans: Sequence[FilePlan],
    groups: Sequence[Group],
    index: SonameTable,
    options: PatchOptions,
    place: tuple[Path, Supply],
) -> tuple[Path, ...]:
    """Let Nix bring what is open, and keep it; returns where the libraries are."""
    from wheelfix.index.lookup import find_providers
    from wheelfix.patch import store

    (home, supply), system = place, index.info.system
    wanted = set(store.find_loaders(plans, groups, system)) - {lib.name for lib in supply.interpreters}
    loaders = find_providers(index, sorted(wanted))
    providers = (
        *store.find_missing(plans, groups, system),
        *(p for found in loaders for p in found.providers[:1]),
    )
    if not providers:
        return ()
    if options.nixpkgs:
        paths = store.build_providers(options.nixpkgs, providers)
    else:
        paths = store.realise_providers(providers)
    store.add_roots(paths, home)
    return store.find_directories(paths, providers)
