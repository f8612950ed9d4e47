"""Models of an overlay for a whole lock."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from wheelfix.lockfile.select import Asked
from wheelfix.model.base import Struct, field
from wheelfix.model.conda import CondaPackage
from wheelfix.model.lock import Choice, ChoiceKind, Lock, LockedPackage, ProviderRule, Runtime, Sourceless
from wheelfix.model.override import Adapter, Cuda, Dialect, Form, Input, Override, PythonDependency
from wheelfix.model.scan import (
    Finding,
    Level,
    WheelScan,
    find_warnings,
)
from wheelfix.model.sdist import PythonProject
from wheelfix.override.strip import NO_WISHES, Wishes
from wheelfix.scan.scan import ScanOptions
from wheelfix.sdist.model import CargoPlan


class LockOptions(Struct):
    """Options of a lock's overlay.

    Attributes:
        scan: options for scanning its wheels, with interpreter and platform.
        dialect: the tool to write for.
        by_lock: whether a lock of conda is written for conda in its place.
        cuda: where CUDA libraries come from.
        wishes: which dependencies to keep and to strip.
        asked: extras and groups.
        providers: rules as ``NAME=KINDS``, stronger than those of pyproject.toml.
        find_links: directories of wheels.
        form: form of the code for nixpkgs; other dialects have one alone.
        tests: whether recipes of nixpkgs run their tests with what the lock has.
        r_packages: names of R packages, as R has them, besides those of pyproject.toml.
        channels: of conda, for packages that are taken from there, instead of those of pyproject.toml.
    """

    scan: ScanOptions
    dialect: Dialect = Dialect.UV2NIX
    by_lock: bool = False
    form: Form = Form.FILE
    tests: bool = False
    cuda: Cuda = Cuda.WHEELS
    wishes: Wishes = NO_WISHES
    asked: Asked = field(default_factory=Asked)
    providers: tuple[str, ...] = ()
    find_links: tuple[Path, ...] = ()
    r_packages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


class LockRequest(Struct):
    """A lock, with the rules and the target.

    Attributes:
        lock: the lock.
        rules: which kinds of source each package may be taken from, the strongest first.
        runtime: the interpreter and platform.
        r_packages: names of R packages that are asked for, sorted.
        channels: of conda, for packages that are taken from there, strongest first.
        offers: conda's names of the packages that it has in the locked version, by name; of those alone for
            which it is asked.
        findings: about the choice of the interpreter.
    """

    lock: Lock
    rules: tuple[ProviderRule, ...]
    runtime: Runtime
    r_packages: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    offers: Mapping[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


class Selection(Struct):
    """The packages of an environment, and the source of each.

    Attributes:
        selected: packages that the lock leads to, including several versions of one name.
        packages: one package of each name.
        choices: source of each, sorted by name.
        lacks: packages without a source, which adapters may still remove from the environment.
        findings: about rules, and about builds of nixpkgs.
    """

    selected: tuple[LockedPackage, ...]
    packages: tuple[LockedPackage, ...]
    choices: tuple[Choice, ...]
    lacks: tuple[Sourceless, ...]
    findings: tuple[Finding, ...]

    @property
    def replaced(self) -> tuple[Choice, ...]:
        """The choices that builds of nixpkgs are to replace."""
        return tuple(choice for choice in self.choices if choice.kind is ChoiceKind.NIXPKGS)


class Clash(StrEnum):
    """Kind of a collision.

    ``IDENTICAL``: the same content, which every tool accepts. ``NAMESPACE``: an ``__init__.py`` that only
    makes a
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
        clash: its kind.
        distributions: normalised names, sorted.
        paths: relative to the prefix, sorted; site-packages is ``lib/python3/site-packages``.
        fix: pattern for the fix, relative to the prefix; empty if none is needed or possible.
    """

    clash: Clash
    distributions: tuple[str, ...]
    paths: tuple[str, ...]
    fix: str = ""


class SourceBuild(Struct):
    """A package that is built from source instead of taken as a wheel.

    Attributes:
        name: normalised.
        target: the source distribution, or its name in the lock.
        requires: build system, normalised names, sorted.
        backend: module that builds it, or empty if unknown.
        cargo: whether Rust is compiled.
        rust: plan of the Rust build, if the dialect can express it.
        asked: whether the user requested it; else no wheel fits, and the package set finds that itself.
        tools, libraries: attributes of nixpkgs that its build runs, and that it links.
    """

    name: str
    version: str
    target: str
    requires: tuple[str, ...] = ()
    backend: str = ""
    cargo: bool = False
    rust: CargoPlan | None = None
    asked: bool = False
    tools: tuple[Input, ...] = ()
    libraries: tuple[Input, ...] = ()


class SourcePackage(Struct):
    """A package of nixpkgs that is made of a source distribution.

    Attributes:
        name: normalised.
        attr: of the package in the Python package set.
        filename: of the source distribution.
        sha256: of that file, 32 bytes.
        url: where the lock says it is; empty for one of PyPI.
        recipe: version of nixpkgs' own recipe, which is followed; empty without one.
        fits: whether that recipe is for this version.
        build_systems: attributes of what builds it, in the Python package set, sorted.
        absent: distributions that build it, and that nixpkgs has not got, sorted.
        dependencies: sorted by name.
        project: what it says of itself.
        rust: plan of a build with cargo that no recipe has, or None.
    """

    name: str
    version: str
    attr: str
    filename: str
    sha256: bytes
    project: PythonProject
    url: str = ""
    recipe: str = ""
    fits: bool = False
    build_systems: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    dependencies: tuple[PythonDependency, ...] = ()
    rust: CargoPlan | None = None


class LockPlan(Struct):
    """An overlay for a lock, independent of the dialect.

    Attributes:
        lock: file name of the lock.
        python, system: the target.
        choices: source of each package, sorted by name.
        scans: of the wheels, sorted by name.
        overrides, adapters, builds: sorted by name.
        built: overrides of builds whose code opens libraries by name, sorted by name.
        collisions: sorted.
        findings: the residue, errors first.
        conda: packages of conda of the environment, for the target's platform, sorted by name.
        conda_scans: of these packages, which are at hand of each other, sorted by name.
        read: names of the wheels and packages of conda that were read now, sorted; readings of the others
            were stored.
        form, tests: as in :class:`LockOptions`.
        packages: made of source distributions, sorted by name; for nixpkgs alone.
        named: packages in whose place the user wants an attribute of nixpkgs, by name; for nixpkgs alone.
    """

    lock: str
    python: str
    system: str
    dialect: Dialect
    form: Form = Form.FILE
    tests: bool = False
    packages: tuple[SourcePackage, ...] = ()
    named: tuple[tuple[str, tuple[str, ...]], ...] = ()
    choices: tuple[Choice, ...] = ()
    scans: tuple[WheelScan, ...] = ()
    overrides: tuple[Override, ...] = ()
    adapters: tuple[Adapter, ...] = ()
    builds: tuple[SourceBuild, ...] = ()
    built: tuple[Override, ...] = ()
    collisions: tuple[Collision, ...] = ()
    findings: tuple[Finding, ...] = ()
    conda: tuple[CondaPackage, ...] = ()
    conda_scans: tuple[WheelScan, ...] = ()
    read: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[Finding, ...]:
        """The findings, and the warnings of the scans."""
        return (*self.findings, *find_warnings((*self.scans, *self.conda_scans)))

    @property
    def answered(self) -> bool:
        """Whether every need has an answer, and no finding is an error: exit code 0."""
        # What a package of conda has wrong, a build refuses.
        found = (*self.findings, *(finding for scan in self.conda_scans for finding in scan.findings))
        return not any(finding.level is Level.ERROR for finding in found)
