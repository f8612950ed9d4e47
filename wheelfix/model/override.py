"""What has to be said to Nix about one wheel, before any dialect says it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wheelfix.model.strip import StripPlan


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A nixpkgs attribute that supplies libraries.

    Attributes:
        attr: path below ``pkgs``, with dots.
        reason: one clause.
        baseline: uv2nix and poetry2nix add it by themselves for the wheel's tag.
    """

    attr: str
    reason: str
    baseline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A soname that auto-patchelf must not look for."""

    soname: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a complete package needs beside the libraries.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A package, and nixpkgs' build that replaces its wheel.

    Attributes:
        name: normalised distribution name.
        version: of the wheel.
        target: file name of the wheel, or the requirement.
        attr: path of the build below ``pkgs``.
        python: attribute of the interpreter that ``attr`` belongs to (``python312``).
    """

    name: str
    version: str
    target: str
    attr: tuple[str, ...]
    python: str
    strip: StripPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class FlakeConfig:
    """How nixpkgs is to be configured.

    Attributes:
        nixpkgs: flake reference.
        systems: Nix systems.
        capabilities: CUDA compute capabilities (``8.9``), in the order given; empty for nixpkgs' default.
    """

    nixpkgs: str
    systems: tuple[str, ...]
    cuda: bool = False
    capabilities: tuple[str, ...] = ()
    unfree: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
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
    source: Source | None = None
    hints: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
