"""Models of what Nix has to know about one wheel, independent of the dialect."""

from __future__ import annotations

from enum import StrEnum

from wheelfix.model.base import Struct
from wheelfix.model.index import Permission


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


class Input(Struct):
    """A nixpkgs attribute among the inputs of a package.

    Attributes:
        attr: path below ``pkgs``, with dots.
        reason: one clause.
        baseline: whether uv2nix and poetry2nix add it by themselves for the wheel's tag.
        permissions: settings that nixpkgs refuses it without.
    """

    attr: str
    reason: str
    baseline: bool = False
    permissions: tuple[Permission, ...] = ()


class Ignored(Struct):
    """A soname that auto-patchelf must not look for."""

    soname: str
    reason: str


class Search(Struct):
    """A directory that auto-patchelf does not search by itself.

    Attributes:
        distribution: distribution that has it, or None.
        attr: nixpkgs attribute that has it, or None; exactly one of both is set.
        certain: whether the wheel itself requires the distribution; if not, the lock may lack it.
        directory: relative to site-packages for a distribution (``nvidia/cublas/lib``, ``../..`` is ``lib``
            of the prefix), relative to the store path for an attribute.
    """

    directory: str
    reason: str
    distribution: str | None = None
    attr: str | None = None
    certain: bool = True


class PackageDetails(Struct):
    """What a complete package states besides the libraries.

    Attributes:
        filename: of the wheel.
        sha256: of the file, 32 bytes.
        summary: one line, or empty.
        homepage: URL, or empty.
        spdx: the license as an SPDX expression, or empty.
        license: the license in the metadata's own words, or empty.
        requires: normalised names of its active requirements, sorted.
        imports: modules to import in a check, sorted.
    """

    filename: str
    sha256: bytes
    summary: str = ""
    homepage: str = ""
    spdx: str = ""
    license: str = ""
    requires: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()


class Adapter(Struct):
    """A package whose wheel is replaced by nixpkgs' build.

    Attributes:
        name: normalised distribution name.
        version: of the wheel.
        target: file name of the wheel, or the requirement.
        attr: path of the build below ``pkgs``.
    """

    name: str
    version: str
    target: str
    attr: tuple[str, ...]
    strip: StripPlan


class Override(Struct):
    """Everything that one wheel needs.

    Attributes:
        name: normalised distribution name.
        target: file name of the wheel.
        inputs: sorted by attribute.
        ignored: grouped by reason.
        searches: sorted.
        tags: of the wheel.
        driver: libraries of the GPU driver that it links, sorted: the run path has to lead to them.
        runpaths: attributes whose libraries are opened by name only.
        strip: dependencies to remove, or None.
        details: for a complete package; else None.
        hints: remarks for people, one paragraph each, written as comments.
        removed: directories below site-packages that another package has too, and that are not imported.
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
    strip: StripPlan | None = None
    details: PackageDetails | None = None
    hints: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


class KnownContents(Struct):
    """What a distribution is known to install for other distributions.

    Attributes:
        distribution: normalised name (PEP 503).
        sonames: libraries, or patterns of them.
        cuda: those of ``sonames`` that are CUDA's.
        note: another remark on a distribution that belongs to CUDA, or None.
        importable: whether it has, or may have, Python modules of its own.
    """

    distribution: str
    sonames: tuple[str, ...] = ()
    cuda: tuple[str, ...] = ()
    note: str | None = None
    importable: bool = True


class DependencyDecision(Struct):
    """A distribution, and why it is removed or kept.

    Attributes:
        name: normalised name (PEP 503).
        reason: one clause.
        unshown: whether nothing shows that it is imported, or that it is only linked against.
    """

    name: str
    reason: str
    unshown: bool = False


class StripPlan(Struct):
    """What happens to a package's dependencies when nixpkgs' build replaces its wheel.

    Attributes:
        stripped: its own dependencies that are removed, sorted by name.
        leaving: distributions that leave the environment with them, as nothing else requires them.
        kept: dependencies that look redundant and are not, with the reason to keep them.
        staying: redundant distributions that another dependency still requires.
        evidence: source of the dependencies' own requirements, in one clause.
    """

    stripped: tuple[DependencyDecision, ...] = ()
    leaving: tuple[DependencyDecision, ...] = ()
    kept: tuple[DependencyDecision, ...] = ()
    staying: tuple[DependencyDecision, ...] = ()
    evidence: str = ""
