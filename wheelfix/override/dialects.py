"""The dialects: what each is, what it can express, and which module writes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from wheelfix.errors import InputError
from wheelfix.model.base import Struct
from wheelfix.model.override import Adapter, Cuda, Dialect, Override
from wheelfix.model.scan import Finding, Level, WheelScan
from wheelfix.override.modules import render_devenv, render_nixos
from wheelfix.override.overlay import render_overlay
from wheelfix.override.package import render_packages
from wheelfix.override.shell import render_mach_nix, render_shell
from wheelfix.override.strip import Wishes
from wheelfix.scan.target import Target, TargetKind, quote_target

if TYPE_CHECKING:
    from wheelfix.scan.scan import TargetReading

P = TypeVar("P", bound="TargetReading")


_CONDA = frozenset({TargetKind.CONDA, TargetKind.CONDA_URL})


class Traits(Struct):
    """Properties of a dialect.

    Attributes:
        label: name of its tool, as users call it.
        title: the file that its code belongs into, and what that is, in a few words.
        place: where its code belongs, in one sentence.
        locked: whether its package set is made from a lock, and chooses wheels by pyproject.nix's rules.
        replaces: whether it can replace wheels by nixpkgs' builds.
        complete: whether its code is complete packages, which are made of wheel files.
        listed: whether its code is a list of libraries for what pip or uv installed: it accepts files of no
            package, and several wheels of one package.
        prefix: whether what its code is for may have packages of conda.
        whole: whether its code is a whole environment, which only a lock of conda tells.
        cuda: default source of CUDA libraries.
    """

    label: str
    title: str
    place: str
    locked: bool = False
    replaces: bool = False
    complete: bool = False
    listed: bool = False
    prefix: bool = False
    whole: bool = False
    cuda: Cuda = Cuda.WHEELS


_OVERLAY = "An overlay, given pkgs and lib: compose it after the one that"
TRAITS = {
    Dialect.UV2NIX: Traits(
        label="uv2nix",
        title="overrides.nix, the overlay for uv2nix",
        place=f"{_OVERLAY} uv2nix makes of the lock.",
        locked=True,
        replaces=True,
    ),
    Dialect.PYPROJECT_NIX: Traits(
        label="pyproject.nix",
        title="overrides.nix, the overlay for pyproject.nix",
        place=f"{_OVERLAY} makes the packages.",
        locked=True,
        replaces=True,
    ),
    Dialect.POETRY2NIX: Traits(
        label="poetry2nix",
        title="overrides.nix, the overrides for poetry2nix",
        place="An overlay, given pkgs and lib: goes into overrides of mkPoetryEnv.",
        locked=True,
    ),
    Dialect.NIXPKGS: Traits(
        label="nixpkgs",
        title="this.nix, beside the package of nixpkgs",
        place="One package: for python3Packages.callPackage. Several: an overlay for a Python package set.",
        complete=True,
        cuda=Cuda.NIXPKGS,  # it has no CUDA wheels
    ),
    Dialect.MACH_NIX: Traits(
        label="mach-nix",
        title="this.nix, the settings for mach-nix",
        place="Settings: merge them into the argument of mkPython.",
    ),
    Dialect.NIXOS: Traits(
        label="NixOS",
        title="nix-ld.nix, a module of NixOS",
        place="A module of NixOS: goes into imports of configuration.nix, as ./nix-ld.nix beside it.",
        listed=True,
        prefix=True,
    ),
    Dialect.DEVENV: Traits(
        label="devenv",
        title="libraries.nix, a module of devenv",
        place="A module of devenv: goes into imports of devenv.nix, as ./libraries.nix beside it.",
        listed=True,
        prefix=True,
    ),
    Dialect.SHELL: Traits(
        label="nix-shell",
        title="shell.nix",
        place="A shell.nix with the libraries for nix-ld, for what pip or uv installed.",
        listed=True,
        prefix=True,
    ),
    Dialect.CONDA: Traits(
        label="conda",
        title="environment.nix, an environment of conda",
        place="A function of nixpkgs: build its attribute environment, or enter its attribute shell.",
        locked=True,
        whole=True,
        prefix=True,
    ),
}
"""Every dialect, in the order in which code of several is shown."""


def check_targets(targets: Iterable[Target], dialect: Dialect, cuda: Cuda) -> None:
    """Refuse targets that a dialect cannot express: packages need names, complete packages need wheels.

    Raises:
        InputError: a target is not possible in the dialect, or the dialect does not support the source of
            CUDA.
    """
    traits = TRAITS[dialect]
    for target in targets:
        if traits.whole:
            problem = f"is no lock of conda, and code for {dialect} is a whole environment"
            raise InputError(target.text, problem, "run `wheelfix lock pixi.lock`, or name another dialect")
        command = f"run `wheelfix override --dialect shell {quote_target(target.text)}`"
        if target.kind is TargetKind.ELF and not traits.listed:
            problem = f"is an ELF file of no package, for which {dialect} has nothing"
            raise InputError(target.text, problem, command)
        if target.kind in _CONDA and not traits.listed:
            problem = f"is a package of conda, for which {dialect} has nothing: its sets are made of wheels"
            raise InputError(target.text, problem, command)
        if target.kind is TargetKind.ENVIRONMENT and traits.complete:
            problem = f"is an environment: packages for {dialect} are made of wheels"
            raise InputError(target.text, problem, command)
    if cuda is Cuda.PREBUILT and not traits.replaces:
        problem = f"is for uv2nix and pyproject-nix, not for {dialect}"
        raise InputError(f"--cuda {cuda}", problem, "use nixpkgs or wheels")


def check_choices(dialect: Dialect, wishes: Wishes, providers: Sequence[str] = ()) -> None:
    """Refuse choices between packages, or of their dependencies, for a list of libraries: all is installed.

    Raises:
        InputError: there are some.
    """
    if not TRAITS[dialect].listed:
        return
    for option, chosen in (("--provider", providers), ("--keep", wishes.keep), ("--strip", wishes.strip)):
        if chosen:
            problem = (
                f"is for package sets: {dialect} lists libraries for what pip or uv installed, all of it"
            )
            raise InputError(f"{option} {chosen[0]}", problem, "leave it out, or write for uv2nix")


def split_named(parts: Sequence[P], dialect: Dialect) -> tuple[tuple[P, ...], tuple[P, ...]]:
    """Separate files that belong to no distribution; only a shell can use them.

    Returns:
        Parts that code can be written for, and the rest.

    Raises:
        InputError: there is only the rest.
    """
    named = tuple(part for part in parts if TRAITS[dialect].listed or part.reading.distribution.name)
    if parts and not named:
        text = parts[0].target.text
        hint = f"run `wheelfix override --dialect shell {quote_target(text)}`"
        raise InputError(text, f"has ELF files of no package, for which {dialect} has nothing", hint)
    left = () if TRAITS[dialect].listed else (p for p in parts if not p.reading.distribution.name)
    return named, tuple(left)


def tell_unnamed(parts: Iterable[TargetReading]) -> tuple[Finding, ...]:
    """Report that code for package sets leaves out files that belong to no package."""
    found = []
    for part in parts:
        count, text = len(part.reading.objects), part.target.text
        message = (
            f"has {count} ELF file{'' if count == 1 else 's'} of no package, for which package sets have "
            f"no place: `wheelfix override --dialect shell {quote_target(text)}` has"
        )
        found.append(Finding(level=Level.WARNING, subject=text, message=message))
    return tuple(found)


def find_several_wheels(scans: Iterable[WheelScan]) -> dict[str, tuple[str, ...]]:
    """Find distributions with several wheels: for other Pythons, platforms or versions."""
    targets: dict[str, set[str]] = {}
    for scan in scans:
        targets.setdefault(scan.name, set()).add(scan.target)
    return {name: tuple(sorted(several)) for name, several in sorted(targets.items()) if len(several) > 1}


def refuse_doubles(scans: Iterable[WheelScan], dialect: Dialect) -> None:
    """Refuse several wheels of one package where code is for a package set.

    Raises:
        InputError: there are some; the message names the first.
    """
    if TRAITS[dialect].listed:
        return
    for name, several in find_several_wheels(scans).items():
        hint = "name one of them: a package set has one build of each package"
        raise InputError(name, f"is there in several wheels: {', '.join(several)}", hint)


def render_overrides(overrides: Sequence[Override], adapters: Sequence[Adapter], dialect: Dialect) -> str:
    """Write planned overrides and adapters, in a dialect."""
    match dialect:
        case Dialect.NIXPKGS:
            return render_packages(overrides)
        case Dialect.SHELL:
            return render_shell(overrides)
        case Dialect.NIXOS:
            return render_nixos(overrides)
        case Dialect.DEVENV:
            return render_devenv(overrides)
        case Dialect.MACH_NIX:
            return render_mach_nix(overrides)
        case _:
            return render_overlay(overrides, adapters, dialect)
