"""Models of a patch: its options, plans, results, and the edits of ELF files."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from wheelfix.errors import suggest
from wheelfix.model.backends import Backend
from wheelfix.model.base import Struct, field
from wheelfix.model.elf import ElfObject
from wheelfix.model.index import Permission
from wheelfix.model.scan import Finding, Level, Need, Opening
from wheelfix.pysource.shim import ShimTable


class PatchOptions(Struct):
    """Options of a patch.

    Attributes:
        output: directory for the patched wheel; not for an environment.
        libs: directories of libraries, or store paths, in the order in which they are preferred.
        realise: whether to fetch the store paths that the index names for missing libraries.
        nixpkgs: path or flake reference from which the attributes for missing libraries are built.
        origin: who named that: ``--nixpkgs``, a file of the project, or what has it on the machine.
        driver: whether to add the directory of the GPU driver if one of its libraries is needed.
        only: globs of paths that may change; empty for all.
        exclude: globs of paths that must not change.
        tag: build tag or local version of the patched wheel.
        dry_run: whether to plan only, and change nothing.
        prefer: attributes that win where several provide a library, strongest first.
        beside: wheels, directories of wheels and environments that are at hand; libraries in them are not
            searched for elsewhere.
        gpu: the backend that is used, of those that a wheel has files for; None chooses one.
        depends: digest of what the run depends on, other than the environment, with which the report is kept
            for the next run; None keeps nothing.
        before: how the distributions were before anything was read, as
            :func:`wheelfix.patch.last_run.list_distributions` tells it.
        again: the command that does the same again, for a shell.
        asks_late: whether the nixpkgs is asked which attributes it has only if something is missing.
    """

    output: Path | None = None
    libs: Sequence[Path] = ()
    realise: bool = False
    nixpkgs: str | None = None
    origin: str = "--nixpkgs"
    driver: bool = False
    only: Sequence[str] = ()
    exclude: Sequence[str] = ()
    tag: str | None = None
    dry_run: bool = False
    prefer: Sequence[str] = ()
    beside: Sequence[str] = ()
    gpu: Backend | None = None
    depends: str | None = None
    before: Mapping[str, str] = field(default_factory=dict)
    again: str = ""
    asks_late: bool = False

    @property
    def fetches(self) -> bool:
        """Whether Nix is to supply missing libraries."""
        return self.realise or bool(self.nixpkgs)

    def chooses(self, path: str) -> bool:
        """Tell whether a file may change."""
        chosen = not self.only or any(fnmatchcase(path, glob) for glob in self.only)
        return chosen and not any(fnmatchcase(path, glob) for glob in self.exclude)

    def find_useless(self, paths: Collection[str]) -> tuple[Finding, ...]:
        """Warn of globs that have no effect.

        Args:
            paths: of all files that may change.
        """
        tops = {path.partition("/")[0]: f"{path.partition('/')[0]}/*" for path in paths}
        otherwise = "a glob is for a whole path, as --dry-run lists them: write '*/NAME'"
        return tuple(
            Finding(
                level=Level.WARNING,
                subject=f"{option} {glob}",
                message=f"matches no file: {suggest(glob.partition('/')[0], tops, otherwise=otherwise)}",
            )
            for option, globs in (("--only", self.only), ("--exclude", self.exclude))
            for glob in globs
            if not any(fnmatchcase(path, glob) for path in paths)
        )


class Group(Struct):
    """The ELF files of one distribution, with the classes of what they need, and what it opens by name.

    Attributes:
        name: normalised distribution name; empty for files that belong to none.
        openings: answered.
        files: paths of all its files; empty if they are not known.
    """

    name: str
    objects: tuple[ElfObject, ...]
    needs: tuple[Need, ...]
    openings: tuple[Opening, ...] = ()
    files: tuple[str, ...] = ()


class AnswerKind(StrEnum):
    """How one need of one file is answered."""

    KEPT = "kept"
    """The unchanged run path answers it."""
    ADDED = "added"
    """A directory is added to the run path."""
    PINNED = "pinned"
    """The file's own run path gets the directory of the copy that it found through an inherited DT_RPATH."""
    LEFT = "left"
    """No run path is needed: a sibling, the driver or an object loaded before supplies it."""
    BROUGHT = "brought"
    """An attribute of nixpkgs answers it, as soon as Nix has brought it."""
    OPEN = "open"
    """No library at hand answers it."""


class Answer(Struct):
    """One need of one file, or a library that it opens by name.

    Attributes:
        soname: what is wanted.
        reason: one clause.
        directory: the run path entry that is added for it, if any; for what a Python source opens, the
            directory of the library.
        opened: whether the file opens it by name.
        optional: whether only plugins want it, without which the rest works.
        is_refused: whether nixpkgs has it, and refuses it without a permission of the user.
        attr: path below ``pkgs`` of what Nix is to bring for it, if any.
        unfit: path of a library at hand for which the C library of the interpreter is too old, if any.
    """

    soname: str
    kind: AnswerKind
    reason: str
    directory: str | None = None
    opened: bool = False
    optional: bool = False
    is_refused: bool = False
    attr: str | None = None
    unfit: str | None = None


class FilePlan(Struct):
    """One ELF file.

    Attributes:
        path: member path, or path relative to site-packages.
        distribution: normalised name, or empty.
        answers: one per need, in the order of DT_NEEDED, then one for each library that it opens by name.
        edit: None if the file does not change.
        run_path: its entries after the edit.
        conflict: why the edit that the answers ask for is not made, or None.
        interpreter: path below ``pkgs`` of what Nix is to bring for the loader of a program, if any.
    """

    path: str
    distribution: str
    answers: tuple[Answer, ...]
    edit: ElfEdit | None
    run_path: tuple[str, ...]
    conflict: str | None = None
    interpreter: str | None = None

    @property
    def waits(self) -> bool:
        """Whether Nix has to bring something before the file can change."""
        return bool(self.interpreter) or any(a.kind is AnswerKind.BROUGHT for a in self.answers)


class ShimPlan(Struct):
    """What finds the libraries that the Python sources of one distribution open by name.

    Attributes:
        distribution: normalised name.
        answers: one per name, sorted: ``KEPT`` if the shim that is there has it, ``ADDED``, or ``LEFT``.
        table: of the shim; None if nothing at hand answers any name.
    """

    distribution: str
    answers: tuple[Answer, ...]
    table: ShimTable | None = None


class Seeker(NamedTuple):
    """Who seeks a library.

    Attributes:
        distribution: normalised name, or empty.
        path: of the ELF file; empty for the Python sources of the distribution.
        soname: what it seeks: a soname, or a name that it opens; of a program loader the name of its file.
        is_program: whether it is a program that seeks its loader.
    """

    distribution: str
    path: str
    soname: str
    is_program: bool = False


class Supply(Struct):
    """An output of a package of nixpkgs that has what no library at hand answers.

    Attributes:
        name: path below ``pkgs``, with dots, of the output.
        directories: of the libraries, relative to the store path, sorted.
        store_path: as the index recorded it; None if it is not known.
        seekers: sorted.
        permissions: settings of nixpkgs' configuration without which it refuses the package.
        refused: those of them that the user has not given, so that it is not asked for.
        problem: why Nix could not bring it, or None.
    """

    name: str
    directories: tuple[str, ...]
    store_path: str | None
    seekers: tuple[Seeker, ...]
    permissions: tuple[Permission, ...] = ()
    refused: tuple[Permission, ...] = ()
    problem: str | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether Nix is asked for it, and nothing speaks against it so far."""
        return not self.refused and not self.problem

    @property
    def sonames(self) -> tuple[str, ...]:
        """What it has that is sought, sorted."""
        return tuple(sorted({one.soname for one in self.seekers}))


class Supplies(Struct):
    """What nixpkgs has of what is missing.

    Attributes:
        nixpkgs: a path, a path of NIX_PATH (``<nixpkgs>``), or a flake reference; None if the store paths
            that the index recorded are fetched.
        origin: who named it: an option, a file of the project, or what has it on the machine.
        outputs: sorted by name.
        command: brings those without a problem, with garbage collector roots; empty if there are none.
        problem: why it could not be run, or None.
    """

    nixpkgs: str | None
    origin: str
    outputs: tuple[Supply, ...] = ()
    command: tuple[str, ...] = ()
    problem: str | None = None


class FileResult(Struct):
    """The result of one planned edit.

    Attributes:
        method: the editor's method, as in :class:`wheelfix.patch.model.EditPlan`, or ``write`` for a file of
            a shim; None if it was not done.
        problem: why it was not done, or None.
    """

    path: str
    method: str | None
    problem: str | None = None


class PatchReport(Struct):
    """The result of ``wheelfix patch``, or its plan.

    Attributes:
        target: the wheel's file name, or the environment's directory.
        output: path of the patched wheel; None for an environment and for a plan alone.
        applied: False for a plan alone.
        plans: one per ELF file that was chosen, sorted by path.
        shims: one per distribution whose sources open libraries by name, sorted.
        results: one per plan with an edit, and per file of a shim, sorted by path; empty for the plan of a
            wheel.
        supplies: what Nix brought, or would bring; None if it was not asked.
        again: the command that does the same again, for a shell; empty if none is known.
        settled: whether nothing has changed since the last run, whose report this is.
        findings: other remarks for the user.
    """

    target: str
    output: str | None = None
    applied: bool
    plans: tuple[FilePlan, ...] = ()
    shims: tuple[ShimPlan, ...] = ()
    results: tuple[FileResult, ...] = ()
    supplies: Supplies | None = None
    again: str = ""
    settled: bool = False
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether a file could not be changed, which is then as it was, or Nix could not bring something."""
        files = any(r.problem for r in self.results) or any(p.conflict for p in self.plans)
        return files or any(one.problem for one in (self.supplies.outputs if self.supplies else ()))

    @property
    def stopped(self) -> bool:
        """Whether Nix has to bring something first, and is not there."""
        return bool(self.supplies and self.supplies.problem and self.supplies.command)

    @property
    def answered(self) -> bool:
        """Whether no need is left open but those of plugins, without which the rest works."""
        answers = (answer for plan in self.plans for answer in plan.answers)
        return not any(one.kind is AnswerKind.OPEN and not one.optional for one in answers)


class ElfEdit(Struct):
    """Changes to one ELF file; attributes with their default value change nothing.

    A run path keeps its tag: DT_RPATH stays DT_RPATH, DT_RUNPATH stays DT_RUNPATH, and a file with neither
    gets DT_RPATH, because a DT_RUNPATH would disable the DT_RPATH that it inherits from what loads it.

    Attributes:
        run_path: the new entries of the run path; empty removes it, None leaves it.
        drop_run_path: entries to remove from it, after ``run_path`` is applied.
        add_run_path: entries to append unless it has them, after ``drop_run_path``.
        replace_needed: pairs of a soname in DT_NEEDED and its replacement, also in the version needs.
        remove_needed: sonames to remove from DT_NEEDED.
        add_needed: sonames to append to DT_NEEDED unless it has them.
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
    """Bytes to write at one offset of a file.

    Attributes:
        offset: in bytes from the start of the file.
        data: the bytes.
    """

    offset: int
    data: bytes


class EditPlan(Struct):
    """All writes of an edit.

    Attributes:
        method: ``none`` (nothing to do), ``overwrite``, ``grow``, ``extend``, ``spare``, ``displace``,
            ``steal`` or ``rehome``; see :mod:`wheelfix.patch`.
        writes: in the order to write them: new data, headers, then wiped ranges. No two overlap.
        old_size: length in bytes of the file that the plan was made for.
        new_size: length in bytes afterwards.
    """

    method: str
    writes: tuple[Write, ...]
    old_size: int
    new_size: int


class AppliedEdit(Struct):
    """The changes of an edit, and the bytes before it.

    Attributes:
        method: as in :class:`EditPlan`.
        originals: the old bytes of each changed range, without ranges behind the old end.
        changed: the new bytes of these ranges, and of those behind the old end.
        old_size: length of the file in bytes before.
        new_size: length of the file in bytes after.
    """

    method: str
    originals: tuple[Write, ...]
    changed: tuple[Write, ...]
    old_size: int
    new_size: int


class Problem(Struct):
    """One defect that an edit caused.

    Attributes:
        check: which comparison found it, one word (``load``, ``segment``, ``dynamic``, ``tag``, ``symbols``,
            ``strings``, ``content``, ``section``, ``header``, ``run-path``, ``opinion``).
        message: what differs, in one clause.
    """

    check: str
    message: str
