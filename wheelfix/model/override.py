"""Models of what Nix has to know about one wheel, independent of the dialect."""

from __future__ import annotations

from enum import StrEnum

from wheelfix.model.base import Struct
from wheelfix.model.hints import SourceEdit
from wheelfix.model.hook import LostOpening
from wheelfix.model.index import Permission, list_permissions
from wheelfix.model.scan import Finding
from wheelfix.model.variables import Variable


class Cuda(StrEnum):
    """Where CUDA libraries come from."""

    PREBUILT = "prebuilt"
    NIXPKGS = "nixpkgs"
    WHEELS = "wheels"


class Dialect(StrEnum):
    """The tool that generated code is for."""

    UV2NIX = "uv2nix"
    PYPROJECT_NIX = "pyproject-nix"
    POETRY2NIX = "poetry2nix"
    NIXPKGS = "nixpkgs"
    MACH_NIX = "mach-nix"
    SHELL = "shell"
    NIXOS = "nixos"
    DEVENV = "devenv"
    CONDA = "conda"


PACKAGE_DIALECTS = tuple(dialect for dialect in Dialect if dialect is not Dialect.CONDA)
"""The dialects in which code for single packages is written; the other one has whole environments."""


class Form(StrEnum):
    """The form of the code for nixpkgs that a lock becomes.

    ``FILE``: complete packages, which know nothing of those that nixpkgs has. ``OVERRIDES``: the same set of
    changes for one Python, which keeps what other packages read of nixpkgs' own (``packageOverrides``).
    ``OVERLAY``: these as an overlay for all of nixpkgs.
    """

    FILE = "file"
    OVERRIDES = "python-overrides"
    OVERLAY = "overlay"


class Input(Struct):
    """A nixpkgs attribute among the inputs of a package.

    Attributes:
        attr: path below ``pkgs``, with dots.
        reason: one clause.
        directory: where its library is, below the store path (``lib``).
        baseline: whether uv2nix and poetry2nix add it by themselves for the wheel's tag.
        permissions: settings that nixpkgs refuses it without.
    """

    attr: str
    reason: str
    directory: str = "lib"
    baseline: bool = False
    permissions: tuple[Permission, ...] = ()


class Ignored(Struct):
    """A soname that auto-patchelf must not look for.

    Attributes:
        soname: or an entry of ``.note.dlopen`` with several, as auto-patchelf writes it: ``any(a, b)``.
        reason: one clause.
    """

    soname: str
    reason: str


class Search(Struct):
    """A directory that auto-patchelf does not search by itself.

    Attributes:
        distribution: distribution that has it, or None.
        attr: nixpkgs attribute that has it, or None; exactly one of both is set.
        certain: whether the distribution is known to be in the environment; a set may be without it even if
            the wheel requires it, as a lock has the metadata of one wheel of each version.
        directory: relative to site-packages for a distribution (``nvidia/cublas/lib``, ``../..`` is ``lib``
            of the prefix), relative to the store path for an attribute.
    """

    directory: str
    reason: str
    distribution: str | None = None
    attr: str | None = None
    certain: bool = True


class PythonDependency(Struct):
    """A distribution that a wheel requires, and what nixpkgs has of it.

    Attributes:
        name: normalised (PEP 503).
        spelled: as in the metadata.
        attr: of its package in the Python package set; None if nixpkgs has not got it.
        extras: of it that are asked for, normalised, sorted.
        refused: the requirement that nixpkgs' version does not meet, and that version; empty if it does.
        pinned: whether that requirement is for one version only.
        unfree, insecure, broken: as nixpkgs says.
        taken: whether something else has its name in nixpkgs, if ``attr`` is None.
        circular: whether it requires the wheel in turn, in one file with it: one of them has to go without.
    """

    name: str
    spelled: str
    attr: str | None
    extras: tuple[str, ...] = ()
    refused: str = ""
    pinned: bool = False
    unfree: bool = False
    insecure: bool = False
    broken: bool = False
    taken: bool = False
    circular: bool = False

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """Settings that nixpkgs refuses it without."""
        return list_permissions(unfree=self.unfree, insecure=self.insecure)


class PackageDetails(Struct):
    """What a complete package states besides the libraries.

    Attributes:
        filename: of the wheel.
        sha256: of the file, 32 bytes.
        attr: of the package in the Python package set.
        url: where the wheel was fetched from; empty for one of a package index, or a file.
        summary: one line, or empty.
        homepage, changelog: URL, or empty.
        spdx: the license as an SPDX expression, or empty.
        license: the license in the metadata's own words, or empty.
        present: attribute and version of nixpkgs' own package; empty without one.
        pythons: the oldest version of Python that its metadata accepts, and the oldest of those above them
            that it refuses; each may be empty.
        dependencies: what its active requirements name, sorted by name.
        imports: modules to import in a check, sorted.
        patched: whether it has ELF files, which auto-patchelf has to change.
        provenance: names below ``lib.sourceTypes`` of what it has besides source code.
        shadowed: attributes of nixpkgs among its inputs whose names the Python package set has, too.
    """

    filename: str
    sha256: bytes
    attr: str
    url: str = ""
    summary: str = ""
    homepage: str = ""
    changelog: str = ""
    spdx: str = ""
    license: str = ""
    present: str = ""
    pythons: tuple[str, str] = ("", "")
    dependencies: tuple[PythonDependency, ...] = ()
    imports: tuple[str, ...] = ()
    patched: bool = False
    provenance: tuple[str, ...] = ()
    shadowed: frozenset[str] = frozenset()


class Adapter(Struct):
    """A package whose wheel is replaced by nixpkgs' build.

    Attributes:
        name: normalised distribution name.
        version: of the wheel.
        target: file name of the wheel, or the requirement.
        attr: path of the build below ``pkgs``.
        strip: what becomes of its dependencies.
        reason: why it is replaced with another package, in one clause; empty if the user asked for it.
        permissions: settings that nixpkgs refuses the build without.
    """

    name: str
    version: str
    target: str
    attr: tuple[str, ...]
    strip: StripPlan
    reason: str = ""
    permissions: tuple[Permission, ...] = ()


class AdapterPlan(Struct):
    """Packages that nixpkgs' builds replace.

    Attributes:
        adapters: those that the user named first, in their order; then what is bound to them, by name.
        findings: what does not fit, and what is to be known of the builds.
    """

    adapters: tuple[Adapter, ...] = ()
    findings: tuple[Finding, ...] = ()


class NixpkgsBuild(Struct):
    """nixpkgs' build of a distribution.

    Attributes:
        attr: path below ``pkgs``.
        version: of the build, or empty if unknown.
        dependencies: normalised names of the distributions that its recipe propagates; None if unknown.
        unfree, insecure, broken: as in :class:`~wheelfix.model.index.Attribute`.
    """

    attr: tuple[str, ...]
    version: str = ""
    dependencies: frozenset[str] | None = None
    unfree: bool = False
    insecure: bool = False
    broken: bool = False


class VersionGap(Struct):
    """A library of nixpkgs that is linked in place of one of another version.

    Attributes:
        distribution: that brings the library where all is taken from wheels.
        wanted: its version that the lock or the wheel's metadata names.
        attr: the attribute that is linked.
        version: of the attribute.
        older: whether that is older.
    """

    distribution: str
    wanted: str
    attr: str
    version: str
    older: bool


class WheelSource(Struct):
    """A wheel that an overlay fetches in place of the one that the package set takes by itself.

    Attributes:
        url: its address.
        filename: its name, by which it is installed.
        sha256: of the file, 32 bytes.
        passed_over: file name of the other wheel.
    """

    url: str
    filename: str
    sha256: bytes
    passed_over: str


class OpenedLibrary(Struct):
    """A library that Python code of a package opens by name, and where it is.

    Attributes:
        attr: path below ``pkgs``, with dots; empty for the GPU driver's, which are in no package.
        path: below the store path (``/lib/libmagic.so.1``); absolute for the GPU driver's.
        reason: file, line and call that open it, in one clause.
        why: why the code has its form, in one clause.
        permissions: settings that nixpkgs refuses it without.
    """

    attr: str
    path: str
    reason: str
    why: str
    permissions: tuple[Permission, ...] = ()


class Substitution(Struct):
    """A replacement in an installed Python source, by which it opens a library by its path.

    Attributes:
        file: path relative to site-packages.
        name: as it is opened.
    """

    file: str
    name: str
    edit: SourceEdit
    library: OpenedLibrary


class Shim(Struct):
    """A loader shim (:mod:`wheelfix.pysource.shim`): what it answers, and to whom.

    Attributes:
        modules: dotted names of the modules whose code it answers, sorted.
        libraries: by the names that are opened, sorted.
        preload: those of the names that cffi opens, which compiled code may do without asking Python, sorted.
        sources: number of the files that need it.
        anchors: imports before which it can be started, by file relative to site-packages, sorted; files
            without any are left out.
        variables: of the environment, which it sets to the path of what is opened below them, by name.
        r_packages: attributes below ``pkgs.rPackages``, sorted, which R finds besides its own.
    """

    modules: tuple[str, ...]
    libraries: tuple[tuple[str, OpenedLibrary], ...] = ()
    preload: tuple[str, ...] = ()
    sources: int = 0
    anchors: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, OpenedLibrary], ...] = ()
    r_packages: tuple[str, ...] = ()


class Override(Struct):
    """Everything that one wheel needs.

    Attributes:
        name: normalised distribution name.
        target: file name of the wheel.
        inputs: sorted by attribute.
        ignored: grouped by reason.
        searches: sorted.
        tags: of the wheel.
        driver: libraries of the GPU driver that its ELF files link or open, sorted: the run path has to lead
            to them.
        runpaths: attributes whose libraries ELF files open by name, sorted.
        substitutions: replacements in Python sources that open libraries by name, sorted by file.
        shim: what answers the Python sources that cannot be changed exactly, or None.
        variables: by which its code finds more, in the order of the table.
        strip: dependencies to remove, or None.
        details: for a complete package; else None.
        hints: remarks for people, one paragraph each, written as comments.
        removed: directories below site-packages that another package has too, and that are not imported.
        gaps: libraries of nixpkgs in other versions than the wheel wants, sorted by attribute.
        interpreter: why the package set's own Python is among the inputs, where nothing else puts it there:
            the library of the interpreter, and who wants it; empty if it is not.
        lost_openings: what is opened through run paths that auto-patchelf replaces unless told not to.
        source: the wheel itself, where the package set takes another one by itself; else None.
    """

    name: str
    version: str
    target: str
    tags: tuple[str, ...]
    cuda: Cuda
    inputs: tuple[Input, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    searches: tuple[Search, ...] = ()
    driver: tuple[str, ...] = ()
    runpaths: tuple[Input, ...] = ()
    substitutions: tuple[Substitution, ...] = ()
    shim: Shim | None = None
    variables: tuple[Variable, ...] = ()
    strip: StripPlan | None = None
    details: PackageDetails | None = None
    hints: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    gaps: tuple[VersionGap, ...] = ()
    interpreter: str = ""
    lost_openings: tuple[LostOpening, ...] = ()
    source: WheelSource | None = None

    @property
    def opened(self) -> tuple[Input, ...]:
        """The attributes whose libraries Python code opens by name, one for each directory, sorted."""
        libraries = [one.library for one in self.substitutions]
        shim = self.shim
        libraries += [one for _, one in (*shim.libraries, *shim.variables)] if shim else []
        found: dict[tuple[str, str], Input] = {}
        for one in libraries:
            directory = one.path.rpartition("/")[0].strip("/")
            key = (one.attr, directory)
            if one.attr and key not in found:
                found[key] = Input(
                    attr=one.attr, reason=one.reason, directory=directory, permissions=one.permissions
                )
        return tuple(found[key] for key in sorted(found))

    @property
    def written(self) -> tuple[Input, ...]:
        """Every attribute of nixpkgs that the code names for its libraries."""
        return (*self.inputs, *self.runpaths, *self.opened)


class KnownContents(Struct):
    """What a distribution is known to install for other distributions.

    Attributes:
        distribution: normalised name (PEP 503).
        sonames: libraries, or patterns of them.
        cuda: those of ``sonames`` that are CUDA's.
        note: another remark on a distribution that belongs to CUDA, or None.
        importable: whether it has, or may have, Python modules of its own.
        independent: whether it belongs to CUDA, and also works with a CUDA that is not of wheels.
    """

    distribution: str
    sonames: tuple[str, ...] = ()
    cuda: tuple[str, ...] = ()
    note: str | None = None
    importable: bool = True
    independent: bool = False


class DependencyDecision(Struct):
    """A distribution, and why it is removed or kept.

    Attributes:
        name: normalised name (PEP 503).
        reason: one clause.
        unshown: whether nothing shows that it is imported, or that it is only linked against.
        required: whether the package requires it with no extra chosen.
        extras: extras of the package that require it, sorted.
    """

    name: str
    reason: str
    unshown: bool = False
    required: bool = True
    extras: tuple[str, ...] = ()


class StripPlan(Struct):
    """What happens to a package's dependencies when nixpkgs' build replaces its wheel.

    Attributes:
        stripped: its own dependencies that are removed, those of extras too, sorted by name.
        added: what the package requires only through its parts, which are stripped, sorted.
        leaving: distributions that leave the environment with them, as nothing else requires them.
        kept: dependencies that look redundant and are not, with the reason to keep them.
        staying: redundant distributions that another dependency still requires.
        evidence: source of the dependencies' own requirements, in one clause.
    """

    stripped: tuple[DependencyDecision, ...] = ()
    added: tuple[str, ...] = ()
    leaving: tuple[DependencyDecision, ...] = ()
    kept: tuple[DependencyDecision, ...] = ()
    staying: tuple[DependencyDecision, ...] = ()
    evidence: str = ""
