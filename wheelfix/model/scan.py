"""Models of the result of a scan: needs, openings, findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from wheelfix.model.backends import Alternative, Unused
from wheelfix.model.base import Struct, field, replace
from wheelfix.model.classes import OPEN_CLASSES, Cause, Classed, NeedClass, No, Question, Stale
from wheelfix.model.conda import CondaBuild
from wheelfix.model.hook import LostOpening, Missed
from wheelfix.model.index import Attribute, IndexInfo, Lookup, NixpkgsInfo, Permission, Provider, Refused
from wheelfix.model.names import NameKind

if TYPE_CHECKING:
    from wheelfix.model.elf import ElfObject
    from wheelfix.model.hints import DlopenNote, OpeningKind, SourceCall
    from wheelfix.model.policies import TagCheck


class Level(StrEnum):
    """Severity of a finding; only an error changes the exit code."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Carrier(Struct):
    """A distribution known to carry a library.

    Attributes:
        distribution: normalised distribution name (PEP 503).
        directory: where it installs the library, relative to site-packages (``nvidia/cublas/lib``).
        exact: whether the soname itself is listed; False if a pattern such as ``libarrow.so.*`` matched.
    """

    distribution: str
    directory: str
    exact: bool


class Known(Struct):
    """Everything that is known about one soname outside the wheel.

    Attributes:
        lookup: the answer of the index.
        libc: ``glibc`` or ``musl`` if the C library owns it on that machine, else None.
        driver: why it belongs to the GPU driver, else None.
        carriers: distributions that carry it.
    """

    soname: str
    machine: str
    lookup: Lookup
    libc: str | None = None
    driver: str | None = None
    carriers: tuple[Carrier, ...] = ()


class Need(Classed):
    """A soname wanted by some objects of a wheel for one machine type.

    Attributes:
        wanted_by: member paths, sorted.
        providers: best first; also given where the class is not ``provided``.
        versions: symbol versions asked of it, sorted.
        optional: only plugins want it: without it they are not loaded, and the rest works.
        unused: only files for backends that are not chosen want it: it keeps its class, and brings nothing.
        refused: only plugins want it, and nixpkgs refuses its provider: it brings nothing.
        gone: attributes that have it in the index, and that nixpkgs has no longer, or only broken.
        stale: a distribution at hand that should bring it, and does not carry it.
    """

    soname: str
    machine: str
    wanted_by: tuple[str, ...]
    providers: tuple[Provider, ...] = ()
    versions: tuple[str, ...] = ()
    optional: bool = False
    unused: Unused | None = None
    refused: Refused | None = None
    gone: tuple[str, ...] = ()
    stale: Stale | None = None

    @property
    def is_used(self) -> bool:
        """Whether code has to bring it."""
        return self.unused is None and self.refused is None


class Step(Struct):
    """One question on the way to a class.

    Attributes:
        question: what was asked.
        cause: the answer.
        need_class: set if the answer decides.
        evidence: grounds of the answer, one line each; only if an explanation was requested.
    """

    question: Question
    cause: Cause = field(default_factory=No)
    need_class: NeedClass | None = None
    evidence: tuple[str, ...] = ()


class OpeningForm(StrEnum):
    """How code answers an opening.

    ``SUBSTITUTE``: the source gets the path of the library in place of the name. ``RUN_PATH``: the run paths
    of the ELF files lead to it. ``SHIM``: a module that starts with the interpreter finds it by the name.
    ``NONE``: there is nothing to write.
    """

    SUBSTITUTE = "substitute"
    RUN_PATH = "run-path"
    SHIM = "shim"
    NONE = "none"


class Held(StrEnum):
    """Why nothing is written for an opening that has an answer.

    ``CARRIED``: the wheel has a library of that name. ``NEWER``: the same file opens a newer version of it.
    ``OTHER_GPU``: it is for a backend that is not chosen. ``REFUSED``: nixpkgs refuses the attribute without
    a permission, and nothing shows that the program cannot do without.
    """

    CARRIED = "carried"
    NEWER = "newer"
    OTHER_GPU = "other-gpu"
    REFUSED = "refused"


class Opening(Struct):
    """A place where a file opens a library, or runs a program, by name at run time.

    Attributes:
        file: member path.
        line: of the call, from 1; None for an ELF file.
        kind: how it is opened.
        names: file names, absolute paths, or ``libx.so`` for any version of a library, in the order in which
            they are tried: one of them is opened. Never empty.
        optional: whether the program survives a failure: a note that is not ``required``, or as defined by
            :class:`wheelfix.model.hints.SourceCall`. False where it cannot be told, as for a string.
        answered: the name that the answer is about: the first whose class is not unknown; None without one.
        need_class: class of that name; None for a program.
        cause: why it is in that class; None for a program, or without an answer.
        distribution: the distribution that brings it, for class ``sibling``.
        providers: of that name, best first.
        form: how code answers it.
        held: why there is no code for it though it has an answer; None if there is, or if it has none.
        permissions: settings that nixpkgs refuses its provider without.
        anchor: for a Python source, as in :class:`wheelfix.model.hints.SourceUse`.
        note: the entry, for kind ``note``.
        call: the call, for a Python source.
    """

    file: str
    kind: OpeningKind
    names: tuple[str, ...]
    line: int | None = None
    optional: bool = False
    answered: str | None = None
    need_class: NeedClass | None = None
    cause: Cause | None = None
    distribution: str | None = None
    providers: tuple[Provider, ...] = ()
    form: OpeningForm = OpeningForm.NONE
    held: Held | None = None
    permissions: tuple[Permission, ...] = ()
    anchor: str = ""
    note: DlopenNote | None = None
    call: SourceCall | None = None


class NeedTrace(Struct):
    """Why a need is in its class.

    Attributes:
        steps: the questions in order; the last one decided.
        openings: who opens it by name, where nothing is linked against it: the need is then what it would be
            if something were.
    """

    target: str
    need: Need
    steps: tuple[Step, ...]
    openings: tuple[Opening, ...] = ()


class Finding(Struct):
    """Something the user should know that is not a need."""

    level: Level
    subject: str
    message: str


class WheelScan(Struct):
    """The whole result of scanning one wheel.

    Attributes:
        target: file name of the wheel.
        name: normalised distribution name.
        machine: the machine type ``build_inputs`` and ``ignore_missing`` are for, None without ELF files.
        needs: sorted by soname, then machine.
        openings: sorted by file, then line.
        build_inputs: all nixpkgs attributes the wheel needs, as one writes them below ``pkgs``.
        baseline_inputs: the subset uv2nix and poetry2nix add by themselves for the wheel's tag.
        missed: sonames that auto-patchelf has to be told to ignore, sorted.
        lost_openings: what is opened through run paths that auto-patchelf replaces, sorted.
        tag_checks: whether its platform tags hold, sorted by tag.
        variant: label of the wheel variant (PEP 825); empty for a wheel that is none.
        alternatives: files for different backends, of which one is used; empty if there are none.
        attributes: what nixpkgs says of the attributes that needs and openings name; those that it was not
            asked about are missing.
        nixpkgs: which nixpkgs says it.
        computed: calls in Python sources that open a library whose name is put together at run time, as file
            and line, sorted.
        conda: of a package of conda.
    """

    target: str
    name: str
    version: str
    tags: tuple[str, ...]
    requires_dist: tuple[str, ...]
    index: IndexInfo
    machine: str | None
    objects: tuple[ElfObject, ...]
    needs: tuple[Need, ...]
    openings: tuple[Opening, ...]
    build_inputs: tuple[str, ...]
    baseline_inputs: tuple[str, ...]
    missed: tuple[Missed, ...]
    findings: tuple[Finding, ...]
    lost_openings: tuple[LostOpening, ...] = ()
    tag_checks: tuple[TagCheck, ...] = ()
    variant: str = ""
    alternatives: tuple[Alternative, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    nixpkgs: NixpkgsInfo | None = None
    computed: tuple[tuple[str, int], ...] = ()
    conda: CondaBuild | None = None

    @property
    def used(self) -> tuple[Need, ...]:
        """The needs that code has to bring."""
        return tuple(need for need in self.needs if need.is_used)

    @property
    def ignore_missing(self) -> tuple[str, ...]:
        """The exact entries for ``autoPatchelfIgnoreMissingDeps``, sorted; of a path, its last part."""
        return tuple(sorted({missed.soname.rpartition("/")[2] for missed in self.missed}))

    @property
    def opened(self) -> tuple[str, ...]:
        """Every name of a library that is opened by name, sorted."""
        from wheelfix.model.hints import OpeningKind

        libraries = (o for o in self.openings if o.kind is not OpeningKind.PROGRAM)
        return tuple(sorted({name for opening in libraries for name in opening.names}))

    @property
    def coded(self) -> tuple[Opening, ...]:
        """What is opened by name, and has code."""
        return tuple(opening for opening in self.openings if opening.form is not OpeningForm.NONE)

    @property
    def answered(self) -> bool:
        """Every need has an answer and no finding is an error: exit code 0."""
        return not any(n.need_class in OPEN_CLASSES for n in self.used) and not any(
            f.level is Level.ERROR for f in self.findings
        )


def find_warnings(scans: Iterable[WheelScan]) -> tuple[Finding, ...]:
    """Collect the findings of scans that every command has to show.

    Returns:
        Findings that are more than notes, in the order of the scans, without repetition; those about a part
        of a distribution also name the distribution.
    """
    found = {
        finding
        if finding.subject == scan.target
        else replace(finding, subject=f"{scan.target}: {finding.subject}"): None
        for scan in scans
        for finding in scan.findings
        if finding.level is not Level.NOTE
    }
    return tuple(found)


class Located(Struct):
    """The answer of the index for one name.

    Attributes:
        name: as it was asked for, or as a pattern found it.
        kind: what was looked for.
        need_class: ``provided``, ``driver``, ``libc``, ``python``, ``ambiguous`` or ``unknown``.
        cause: reason for the class.
        providers: best first.
        nearest: other majors of a library; for a name that nobody has, those that are near; for a program,
            the libraries that are called so. Nearest first.
        holders: the attributes that have them, by name, where the name itself has no provider.
        note: a remark of the index on its answer, or None.
        attributes: what nixpkgs says of the providers' attributes, as in :class:`WheelScan`.
    """

    name: str
    kind: NameKind
    need_class: NeedClass
    cause: Cause
    providers: tuple[Provider, ...] = ()
    nearest: tuple[str, ...] = ()
    holders: Mapping[str, str] = field(default_factory=dict)
    note: str | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)


class FileHit(Struct):
    """One file of one package, as a nix-index database has it.

    Attributes:
        attr: as the database records it.
        kind: ``r`` regular, ``x`` executable, ``s`` symbolic link, ``d`` directory.
        path: from the root of the store path.
        size: bytes of a file.
    """

    attr: str
    output: str
    store_path: str
    kind: str
    path: str
    size: int
    toplevel: bool


class IndexSource(Struct):
    """One place where an index may be.

    Attributes:
        name: ``nix-index``, ``fetched`` or ``bundled``.
        path: of the database or table.
        state: what is there, in one clause.
        used: whether a command without --index uses this one.
    """

    name: str
    path: str
    state: str
    used: bool
