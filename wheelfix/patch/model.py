"""Which files of a wheel or environment are to change, why, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wheelfix.model.elf import ElfObject
from wheelfix.model.scan import Finding, Need
from wheelfix.patch.edited import ElfEdit


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """A library outside of what is patched.

    Attributes:
        name: file name, which is what run paths find.
        directory: absolute path of its directory.
        machine: as in :class:`wheelfix.model.elf.ElfObject`.
        musl: it is linked with musl; None if it is linked with no C library.
    """

    name: str
    directory: str
    machine: str
    musl: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One need of one file.

    Attributes:
        directory: the run path entry that answers it from now on, where one is added.
        reason: one clause.
    """

    soname: str
    kind: AnswerKind
    reason: str
    directory: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What became of one planned edit.

    Attributes:
        method: how the editor did it, as in :class:`wheelfix.patch.edited.EditPlan`; None if it was not done.
        problem: why it was not done, or None.
    """

    path: str
    method: str | None
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchReport:
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
    output: str | None
    applied: bool
    plans: tuple[FilePlan, ...]
    results: tuple[FileResult, ...]
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Some file could not be changed, and is as it was."""
        return any(r.problem for r in self.results) or any(p.conflict for p in self.plans)

    @property
    def answered(self) -> bool:
        """No need is left open."""
        return not any(a.kind is AnswerKind.OPEN for plan in self.plans for a in plan.answers)
