"""Plans a whole target, and lets Nix bring what the plan wants.

Plans of files are made from libraries that are on the disk (:mod:`~wheelfix.patch.runpaths`,
:mod:`~wheelfix.patch.openings`). What is left open after that, and is in nixpkgs, is brought by Nix, and all
is planned again. Where nothing may be brought, the plan says what would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wheelfix.index.table import SonameTable
from wheelfix.model.base import Struct, field, replace
from wheelfix.model.elf import ElfObject
from wheelfix.model.scan import Finding
from wheelfix.outside.places import find_store
from wheelfix.patch.libraries import drop_absent, find_reachable
from wheelfix.patch.model import AnswerKind, FilePlan, Group, PatchOptions, PatchReport, ShimPlan, Supplies
from wheelfix.patch.openings import plan_shims
from wheelfix.patch.runpaths import Reachable, plan_run_paths, set_run_path
from wheelfix.pysource.shim import ShimTable

_NO_SHIMS: Mapping[str, ShimTable] = {}


class Setting(Struct):
    """What a target is planned for.

    Attributes:
        groups: its distributions.
        index: where attributes are looked up.
        options: options of the patch.
        home: the environment, or the directory of patched wheels, where roots of the garbage collector go;
            all symbolic links resolved.
        python: interpreter of an environment.
        present: shims that are in place, by distribution.
    """

    groups: tuple[Group, ...]
    index: SonameTable
    options: PatchOptions
    home: Path
    python: Path | None = None
    present: Mapping[str, ShimTable] = field(default_factory=lambda: _NO_SHIMS)


class TargetPlan(Struct):
    """The plan for a target.

    Attributes:
        setting: what it was made for.
        files: one plan per ELF file that was chosen, sorted by path.
        shims: one per distribution whose sources open libraries by name, sorted.
        supplies: what Nix brought, or has to bring first; None if it is not asked.
        ready: whether it can be applied.
    """

    setting: Setting
    files: tuple[FilePlan, ...]
    shims: tuple[ShimPlan, ...]
    supplies: Supplies | None = None
    ready: bool = True

    def report(self, target: str, findings: Sequence[Finding]) -> PatchReport:
        """Report the plan, as not applied."""
        return PatchReport(
            target=target,
            applied=False,
            plans=self.files,
            shims=self.shims,
            supplies=self.supplies,
            again=self.setting.options.again,
            findings=tuple(findings),
        )


def plan_target(setting: Setting) -> TargetPlan:
    """Plan every file; what Nix has to supply is brought, unless the plan is all that is wanted.

    Raises:
        InputError: a directory of libraries cannot be read.
        IndexProblem: the index is damaged.
        ApplyError: Nix brings nothing of what is wanted.
    """
    options = setting.options
    plan, reachable = _plan(setting, options.libs)
    if not options.fetches:
        return replace(plan, ready=not options.dry_run)
    from wheelfix.patch.nix_store import bring, mark_absent, mark_brought, plan_bringing, plan_supplies

    outputs = plan_supplies(plan.files, plan.shims, setting.groups, reachable, setting.index)
    supplies = plan_bringing(outputs, options.nixpkgs, options.origin, setting.home)
    if not options.dry_run:
        brought = bring(supplies, setting.home)
        supplies = brought.supplies
        if not supplies.problem:
            plan, _ = _plan(setting, [*options.libs, *brought.directories])
            return replace(plan, files=mark_absent(plan.files, supplies.outputs), supplies=supplies)
    files, shims = mark_brought(plan.files, plan.shims, supplies.outputs)
    files = mark_absent(files, [one for one in supplies.outputs if not one.is_wanted])
    return replace(plan, files=files, shims=shims, supplies=supplies, ready=False)


def _plan(setting: Setting, libs: Sequence[Path]) -> tuple[TargetPlan, Reachable]:
    options = setting.options
    reachable = find_reachable(setting.groups, libs, python=setting.python, driver=options.driver)
    shims = plan_shims(
        setting.groups,
        reachable.libraries,
        setting.present,
        machine=setting.index.info.system.partition("-")[0],
        driver=options.driver,
        serves=reachable.serves,
        choose=options.chooses,
    )
    files = plan_run_paths(setting.groups, reachable, choose=options.chooses)
    return TargetPlan(setting=setting, files=files, shims=shims), reachable


def plan_again(plan: TargetPlan) -> TargetPlan | None:
    """Plan a target as it is after a plan was applied.

    So every need is looked for once more, with the run paths that the files have now.

    Returns:
        None if there is something left to do: a file to change, or to bring what was not brought.
    """
    edits = {file.path: file for file in plan.files if file.edit}

    def change(obj: ElfObject) -> ElfObject:
        file = edits.get(obj.path)
        if file is None or file.edit is None:
            return obj
        after = set_run_path(obj, file.run_path)
        return replace(after, interpreter=file.edit.interpreter or obj.interpreter)

    present = {shim.distribution: drop_absent(shim.table) for shim in plan.shims if shim.table}
    setting = replace(
        plan.setting,
        groups=tuple(replace(g, objects=tuple(map(change, g.objects))) for g in plan.setting.groups),
        options=replace(plan.setting.options, dry_run=True),
        present={**plan.setting.present, **present},
    )
    after = plan_target(setting)
    supplies = after.supplies
    # What was brought in vain may be there the next time: a nixpkgs moves on, or is mended.
    is_wanted = any(not one.refused for one in supplies.outputs) if supplies else False
    if is_wanted or any(file.edit or file.conflict for file in after.files):
        return None
    reasons = {(p.path, a.soname): a for p in plan.files for a in p.answers if a.kind is AnswerKind.OPEN}
    files = tuple(
        replace(
            file, answers=tuple(reasons.get((file.path, a.soname), a) for a in file.answers), interpreter=None
        )
        for file in after.files
    )
    return replace(after, files=files, ready=True)


def list_watched(plan: TargetPlan) -> tuple[str, ...]:
    """List what a plan depends on: ELF files, relative to site-packages, and files of the store."""
    store = f"{find_store()}/"
    objects = [obj for group in plan.setting.groups for obj in group.objects]
    paths = {obj.path for obj in objects}
    named = {entry for file in plan.files for entry in file.run_path}
    named |= {obj.interpreter for obj in objects if obj.interpreter}
    tables = [shim.table for shim in plan.shims if shim.table]
    named |= {path.rpartition("/")[0] for table in tables for path in table.libraries.values()}
    return tuple(sorted(paths | {entry for entry in named if entry.startswith(store)}))
