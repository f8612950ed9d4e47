"""What has to be said to Nix about one wheel, before any dialect says it."""

from __future__ import annotations

from enum import StrEnum

from wheelfix.model.base import Struct


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
    """A nixpkgs attribute that supplies libraries.

    Attributes:
        attr: path below ``pkgs``, with dots.
        reason: one clause.
        baseline: uv2nix and poetry2nix add it by themselves for the wheel's tag.
    """

    attr: str
    reason: str
    baseline: bool = False


class Ignored(Struct):
    """A soname that auto-patchelf must not look for."""

    soname: str
    reason: str


class Search(Struct):
    """A directory that auto-patchelf would not look into by itself.

    Attributes:
        distribution: Python package that has it; or
        attr: nixpkgs attribute that has it; one of both is None.
        certain: the wheel itself requires the distribution; else the lock may lack it.
        directory: relative to site-packages for a distribution (``nvidia/cublas/lib``, ``../..`` is ``lib``
            of the prefix), relative to the store path for an attribute.
    """

    directory: str
    reason: str
    distribution: str | None = None
    attr: str | None = None
    certain: bool = True


class PackageDetails(Struct):
    """What a complete package says beside the libraries.

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
    """A package, and nixpkgs' build that replaces its wheel.

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
    """All that one wheel needs.

    Attributes:
        name: normalised distribution name.
        target: file name of the wheel.
        inputs: sorted by attribute.
        ignored: those of one reason together.
        searches: sorted.
        tags: of the wheel.
        driver: libraries of the GPU driver that it links, sorted: the run path has to lead to them.
        runpaths: attributes whose libraries are opened by name only.
        strip: dependencies to be taken away, or None.
        details: for a complete package; else None.
        hints: what a person should read, one paragraph each; becomes comments.
        removed: directories below site-packages that another package has, too, and nobody imports.
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


class Carries(Struct):
    """What a distribution is known to install for others.

    Attributes:
        distribution: normalised name (PEP 503).
        sonames: libraries, or patterns of them.
        cuda: those of them that are CUDA's.
        note: what else is known of a distribution that belongs to CUDA, or None.
        importable: it has, or may have, Python modules of its own.
    """

    distribution: str
    sonames: tuple[str, ...] = ()
    cuda: tuple[str, ...] = ()
    note: str | None = None
    importable: bool = True


class Judged(Struct):
    """A distribution, and why it goes or stays.

    Attributes:
        name: normalised name (PEP 503).
        reason: one clause.
        unshown: it stays because nothing shows that it is only linked: an import of it would.
    """

    name: str
    reason: str
    unshown: bool = False


class StripPlan(Struct):
    """What becomes of a package's dependencies when nixpkgs' build replaces its wheel.

    Attributes:
        stripped: its own dependencies that are taken away, sorted by name.
        leaving: distributions that leave the environment with them, as nobody else wants them.
        kept: dependencies that look like candidates and are not, with the reason to keep them.
        staying: redundant distributions that another dependency still wants.
        evidence: where the dependencies' own dependencies come from, in one clause.
    """

    stripped: tuple[Judged, ...] = ()
    leaving: tuple[Judged, ...] = ()
    kept: tuple[Judged, ...] = ()
    staying: tuple[Judged, ...] = ()
    evidence: str = ""
