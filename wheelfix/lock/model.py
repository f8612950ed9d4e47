"""What an overlay for a whole lock says."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from wheelfix.lockfile.select import Asked
from wheelfix.model.base import Struct, field
from wheelfix.model.lock import Choice, Kind, Lack, Lock, LockedPackage, ProviderRule, Runtime
from wheelfix.model.override import Adapter, Cuda, Dialect, Override
from wheelfix.model.scan import Finding, Level, WheelScan
from wheelfix.override.strip import NO_WISHES, Wishes
from wheelfix.scan.scan import ScanOptions
from wheelfix.sdist.model import CargoPlan


class LockOptions(Struct):
    """What a user may ask of a lock.

    Attributes:
        scan: how its wheels are scanned, and for which interpreter and platform.
        dialect: the tool to write for.
        cuda: where CUDA libraries come from.
        wishes: which dependencies to keep and to strip.
        asked: extras and groups.
        providers: rules as ``NAME=KINDS``, stronger than those of pyproject.toml.
        find_links: directories of wheels.
    """

    scan: ScanOptions
    dialect: Dialect = Dialect.UV2NIX
    cuda: Cuda = Cuda.WHEELS
    wishes: Wishes = NO_WISHES
    asked: Asked = field(default_factory=Asked)
    providers: tuple[str, ...] = ()
    find_links: tuple[Path, ...] = ()


class LockRequest(Struct):
    """A lock, and what is wanted of it.

    Attributes:
        lock: the lock.
        rules: which kinds of source each package may be taken from, the strongest first.
        runtime: the interpreter and platform.
    """

    lock: Lock
    rules: tuple[ProviderRule, ...]
    runtime: Runtime


class Selection(Struct):
    """The packages that an environment holds, and what each is taken from.

    Attributes:
        selected: where the lock leads, several versions of one name included.
        packages: one of each name.
        choices: what each is taken from, sorted by name.
        lacks: packages that there is no source of: they may leave the environment yet.
        findings: about rules, and about builds of nixpkgs.
    """

    selected: tuple[LockedPackage, ...]
    packages: tuple[LockedPackage, ...]
    choices: tuple[Choice, ...]
    lacks: tuple[Lack, ...]
    findings: tuple[Finding, ...]

    @property
    def replaced(self) -> tuple[Choice, ...]:
        """What builds of nixpkgs are to replace."""
        return tuple(choice for choice in self.choices if choice.kind is Kind.NIXPKGS)


class Clash(StrEnum):
    """What kind of collision it is.

    ``IDENTICAL``: the same content, which no tool minds. ``NAMESPACE``: an ``__init__.py`` that only makes a
    namespace package. ``LEFTOVER``: tests and the like at the top of site-packages. ``PAPER``: licences and
    read-me files. ``PROGRAM``: two programs of one name. ``REAL``: two distributions with the same module.
    """

    IDENTICAL = "identical"
    NAMESPACE = "namespace"
    LEFTOVER = "leftover"
    PAPER = "paper"
    PROGRAM = "program"
    REAL = "real"


class Collision(Struct):
    """Files that several distributions install to the same places.

    Attributes:
        clash: what kind it is.
        distributions: normalised names, sorted.
        paths: relative to the prefix, sorted; site-packages is ``lib/python3/site-packages``.
        fix: pattern for the fix relative to the prefix; empty where none is needed or possible.
    """

    clash: Clash
    distributions: tuple[str, ...]
    paths: tuple[str, ...]
    fix: str = ""


class SourceBuild(Struct):
    """A package that is built from source instead of taken as a wheel.

    Attributes:
        name: normalised.
        target: the source distribution, or how the lock names it.
        requires: build system, normalised names, sorted.
        backend: module that builds it, or empty if that is not known.
        cargo: Rust is compiled.
        rust: how, where the dialect can say it.
        asked: the user wants it so; else there is no wheel that fits, and the set knows that by itself.
    """

    name: str
    version: str
    target: str
    requires: tuple[str, ...] = ()
    backend: str = ""
    cargo: bool = False
    rust: CargoPlan | None = None
    asked: bool = False


class LockPlan(Struct):
    """An overlay for a lock, before any dialect says it.

    Attributes:
        lock: file name of the lock.
        python, system: the target.
        choices: what each package is taken from, sorted by name.
        scans: of the wheels, sorted by name.
        overrides, adapters, builds: sorted by name.
        collisions: sorted.
        findings: the residue, errors first.
        read: names of the wheels that had to be read this time, sorted; the others were known.
    """

    lock: str
    python: str
    system: str
    dialect: Dialect
    choices: tuple[Choice, ...] = ()
    scans: tuple[WheelScan, ...] = ()
    overrides: tuple[Override, ...] = ()
    adapters: tuple[Adapter, ...] = ()
    builds: tuple[SourceBuild, ...] = ()
    collisions: tuple[Collision, ...] = ()
    findings: tuple[Finding, ...] = ()
    read: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Every need has an answer, and no finding is an error: exit code 0."""
        return not any(finding.level is Level.ERROR for finding in self.findings)
