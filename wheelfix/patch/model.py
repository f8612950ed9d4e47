"""What a user may ask of a patch; which files are to change, why, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from wheelfix.model.base import Struct
from wheelfix.model.elf import ElfObject
from wheelfix.model.scan import Finding, Need


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

    @property
    def fetches(self) -> bool:
        """Nix brings what is missing."""
        return (self.realise or bool(self.nixpkgs)) and not self.dry_run

    def chooses(self, path: str) -> bool:
        """Tell whether a file may change."""
        chosen = not self.only or any(fnmatchcase(path, glob) for glob in self.only)
        return chosen and not any(fnmatchcase(path, glob) for glob in self.exclude)


class Group(Struct):
    """The ELF files of one distribution, with the classes of what they need.

    Attributes:
        name: normalised distribution name; empty for files that belong to none.
    """

    name: str
    objects: tuple[ElfObject, ...]
    needs: tuple[Need, ...]


class AnswerKind(StrEnum):
    """What is done about one need of one file."""

    KEPT = "kept"
    """It is answered as the file is."""
    ADDED = "added"
    """A directory is added to the run path."""
    PINNED = "pinned"
    """The directory of the copy that the file used to find is written into its own run path."""
    LEFT = "left"
    """Somebody else brings it: a sibling, the driver, whoever loads it first."""
    OPEN = "open"
    """Nothing at hand answers it."""


class Answer(Struct):
    """One need of one file.

    Attributes:
        directory: the run path entry that answers it from now on, where one is added.
        reason: one clause.
    """

    soname: str
    kind: AnswerKind
    reason: str
    directory: str | None = None


class FilePlan(Struct):
    """One ELF file.

    Attributes:
        path: member path, or path relative to site-packages.
        distribution: normalised name, or empty.
        answers: one per need, in the order of DT_NEEDED.
        edit: None if the file stays as it is.
        run_path: its entries from now on.
        conflict: why the edit that the answers ask for is not made, or None.
    """

    path: str
    distribution: str
    answers: tuple[Answer, ...]
    edit: ElfEdit | None
    run_path: tuple[str, ...]
    conflict: str | None = None


class FileResult(Struct):
    """What became of one planned edit.

    Attributes:
        method: how the editor did it, as in :class:`wheelfix.patch.model.EditPlan`; None if it was not done.
        problem: why it was not done, or None.
    """

    path: str
    method: str | None
    problem: str | None = None


class PatchReport(Struct):
    """What a run of ``wheelfix patch`` did, or would do.

    Attributes:
        target: the wheel's file name, or the environment's directory.
        output: path of the patched wheel; None for an environment and for a plan alone.
        applied: False for a plan alone.
        plans: one per ELF file that was chosen, sorted by path.
        results: one per plan with an edit, sorted by path; empty where a wheel was only planned for.
        findings: what else the user should know.
    """

    target: str
    output: str | None = None
    applied: bool
    plans: tuple[FilePlan, ...] = ()
    results: tuple[FileResult, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Some file could not be changed, and is as it was."""
        return any(r.problem for r in self.results) or any(p.conflict for p in self.plans)

    @property
    def answered(self) -> bool:
        """No need is left open."""
        return not any(a.kind is AnswerKind.OPEN for plan in self.plans for a in plan.answers)


class ElfEdit(Struct):
    """Changes to one ELF file; what is left at its default stays as it is.

    A run path keeps its tag: DT_RPATH stays DT_RPATH, DT_RUNPATH stays DT_RUNPATH, and a file with neither
    gets DT_RPATH, because a DT_RUNPATH would switch off the DT_RPATH that it inherits from whoever loads it.

    Attributes:
        run_path: the entries of the run path from now on; empty removes it, None leaves it.
        drop_run_path: entries to take out of it, after ``run_path`` is applied.
        add_run_path: entries to put at its end unless it has them, after ``drop_run_path``.
        replace_needed: pairs of a soname in DT_NEEDED and the one to ask for instead, versions included.
        remove_needed: sonames to take out of DT_NEEDED.
        add_needed: sonames to put at the end of DT_NEEDED unless it has them.
        interpreter: path for PT_INTERP.
    """

    run_path: tuple[str, ...] | None = None
    drop_run_path: tuple[str, ...] = ()
    add_run_path: tuple[str, ...] = ()
    replace_needed: tuple[tuple[str, str], ...] = ()
    remove_needed: tuple[str, ...] = ()
    add_needed: tuple[str, ...] = ()
    interpreter: str | None = None


class Write(Struct):
    """Bytes for one place of a file.

    Attributes:
        offset: in bytes from the start of the file.
        data: what belongs there.
    """

    offset: int
    data: bytes


class EditPlan(Struct):
    """All that has to be written for an edit.

    Attributes:
        method: ``none`` (nothing to do), ``overwrite``, ``grow``, ``extend``, ``spare``, ``displace``,
            ``steal`` or ``rehome``; see :mod:`wheelfix.patch`.
        writes: in the order to write them: new data first, headers next, what is wiped last. No two overlap.
        old_size: length in bytes of the file that the plan was made for.
        new_size: length in bytes afterwards.
    """

    method: str
    writes: tuple[Write, ...]
    old_size: int
    new_size: int


class AppliedEdit(Struct):
    """What an edit changed, and what was there before.

    Attributes:
        method: as in :class:`EditPlan`.
        originals: the bytes that each changed range held; nothing of what lay behind the old end.
        changed: the same ranges, and those behind the old end, with the bytes they hold now.
        old_size: length in bytes before.
        new_size: length in bytes now.
    """

    method: str
    originals: tuple[Write, ...]
    changed: tuple[Write, ...]
    old_size: int
    new_size: int


class Problem(Struct):
    """One thing that an edit broke.

    Attributes:
        check: which comparison found it, one word (``load``, ``segment``, ``dynamic``, ``tag``, ``symbols``,
            ``strings``, ``content``, ``section``, ``header``, ``run-path``, ``opinion``).
        message: what differs, in one clause.
    """

    check: str
    message: str
