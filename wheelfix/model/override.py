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
        directory: relative to site-packages for a distribution (``nvidia/cublas/lib``, ``../..`` is ``lib``
            of the prefix), relative to the store path for an attribute.
    """

    directory: str
    reason: str
    distribution: str | None = None
    attr: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a complete package needs beside the libraries.

    Attributes:
        filename: of the wheel.
        sha256: of the file, 32 bytes.
        summary: one line, or empty.
        homepage: URL, or empty.
        license: as the metadata words it, or empty.
        requires: normalised names of its active requirements, sorted.
        imports: modules to import in a check, sorted.
    """

    filename: str
    sha256: bytes
    summary: str = ""
    homepage: str = ""
    license: str = ""
    requires: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """All that one wheel needs.

    Attributes:
        name: normalised distribution name.
        target: file name of the wheel.
        inputs: sorted by attribute.
        ignored: sorted by soname.
        searches: sorted.
        driver: libraries of the GPU driver that it links, sorted: the run path has to lead to them.
        runpaths: attributes whose libraries are opened by name only.
        strip: dependencies to be taken away, or None.
        hints: what a person should read, one paragraph each; becomes comments.
    """

    name: str
    version: str
    target: str
    cuda: Cuda
    inputs: tuple[Input, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    searches: tuple[Search, ...] = ()
    driver: tuple[str, ...] = ()
    runpaths: tuple[Input, ...] = ()
    strip: StripPlan | None = None
    source: Source | None = None
    hints: tuple[str, ...] = ()
