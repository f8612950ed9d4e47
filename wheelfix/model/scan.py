"""What a scan concludes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from wheelfix.model.causes import Brought, Cause, No, Question, Stale

if TYPE_CHECKING:  # every command imports this module, and what these hold few
    from wheelfix.model.elf import ElfObject
    from wheelfix.model.hints import DlopenNote, OpeningKind, SourceCall
    from wheelfix.model.index import IndexInfo, Lookup, Provider


class NeedClass(StrEnum):
    """Who answers a need, in the order in which the question is decided."""

    BUNDLED = "bundled"
    LIBC = "libc"
    PYTHON = "python"
    DRIVER = "driver"
    SIBLING = "sibling"
    PROVIDED = "provided"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"


OPEN_CLASSES = frozenset({NeedClass.AMBIGUOUS, NeedClass.UNKNOWN})
"""These leave the user without an answer."""


class Level(StrEnum):
    """Weight of a finding; only an error changes the exit code."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A distribution known to carry a library.

    Attributes:
        distribution: normalised distribution name (PEP 503).
        directory: where it installs the library, relative to site-packages (``nvidia/cublas/lib``).
        exact: the soname is listed as it is; False if a pattern such as ``libarrow.so.*`` matched.
    """

    distribution: str
    directory: str
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SonameFacts:
    """All that is known about one soname outside the wheel.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A soname wanted by some objects of a wheel for one machine type.

    Attributes:
        cause: why it is in its class.
        wanted_by: member paths, sorted.
        providers: best first; also given where the class is not ``provided``.
        versions: symbol versions asked of it, sorted.
        optional: plugins alone want it: without it, they are not loaded and the rest works.
        stale: a distribution at hand that should bring it, and does not carry it.
    """

    soname: str
    machine: str
    need_class: NeedClass
    cause: Cause
    wanted_by: tuple[str, ...]
    providers: tuple[Provider, ...] = ()
    versions: tuple[str, ...] = ()
    optional: bool = False
    stale: Stale | None = None

    @property
    def distribution(self) -> str | None:
        """Who brings it, for class ``sibling``."""
        return self.cause.distribution if isinstance(self.cause, Brought) else None

    @property
    def directory(self) -> str | None:
        """Where that distribution installs it, relative to site-packages, if that is known."""
        return self.cause.directory if isinstance(self.cause, Brought) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One question on the way to a class.

    Attributes:
        question: what was asked.
        cause: the answer.
        need_class: set if the answer decides.
        evidence: what the answer rests on, one line each; given only where an explanation was asked for.
    """

    question: Question
    cause: Cause = field(default_factory=No)
    need_class: NeedClass | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedTrace:
    """Why a need is in its class.

    Attributes:
        steps: the questions in order; the last one decided.
    """

    target: str
    need: Need
    steps: tuple[Step, ...]


class OpeningForm(StrEnum):
    """How Nix code answers an opening."""

    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A place where a file opens a library, or runs a program, by name at run time.

    Attributes:
        file: member path.
        line: of the call, from 1; None for an ELF file.
        kind: how it is opened.
        names: file names, absolute paths, or ``libx.so`` for any version of a library, in the order in which
            they are tried: one of them is opened. Never empty.
        optional: failing is survived: a note that is no ``required`` one, or as
            :class:`wheelfix.model.hints.SourceCall` has it. False where it cannot be told, as of a string.
        answered: the name that the answer is about: the first that anybody brings; None without one.
        need_class: who brings it; None for a program.
        distribution: who brings it, for class ``sibling``.
        providers: of that name, best first.
        form: how code answers it.
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
    distribution: str | None = None
    providers: tuple[Provider, ...] = ()
    form: OpeningForm = OpeningForm.NONE
    note: DlopenNote | None = None
    call: SourceCall | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something the user should know that is not a need."""

    level: Level
    subject: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelScan:
    """The whole result of scanning one wheel.

    Attributes:
        target: file name of the wheel.
        name: normalised distribution name.
        machine: the machine type ``build_inputs`` and ``ignore_missing`` are for, None without ELF files.
        needs: sorted by soname, then machine.
        openings: sorted by file, then line.
        build_inputs: all nixpkgs attributes the wheel needs, as one writes them below ``pkgs``.
        baseline_inputs: the subset uv2nix and poetry2nix add by themselves for the wheel's tag.
        ignore_missing: the exact entries for ``autoPatchelfIgnoreMissingDeps``.
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
    ignore_missing: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def opened(self) -> tuple[str, ...]:
        """Every name of a library that is opened by name, sorted."""
        from wheelfix.model.hints import OpeningKind

        libraries = (o for o in self.openings if o.kind is not OpeningKind.PROGRAM)
        return tuple(sorted({name for opening in libraries for name in opening.names}))

    @property
    def answered(self) -> bool:
        """Every need has an answer and no finding is an error: exit code 0."""
        return not any(n.need_class in OPEN_CLASSES for n in self.needs) and not any(
            f.level is Level.ERROR for f in self.findings
        )


def find_warnings(scans: Iterable[WheelScan]) -> tuple[Finding, ...]:
    """What must not be overlooked of scans, whatever is made of them.

    Returns:
        Findings that are more than notes, in the order of the scans, each once; those that are about a part
        of a distribution name the whole as well.
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
