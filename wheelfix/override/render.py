"""Renders overrides in a dialect: chooses the module for the dialect."""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.model.override import Adapter, Dialect, Override
from wheelfix.override.overlay import render_overlay
from wheelfix.override.package import render_packages
from wheelfix.override.shell import render_mach_nix, render_shell


def render_overrides(overrides: Sequence[Override], adapters: Sequence[Adapter], dialect: Dialect) -> str:
    """Write planned overrides and adapters, in a dialect."""
    match dialect:
        case Dialect.NIXPKGS:
            return render_packages(overrides)
        case Dialect.SHELL:
            return render_shell(overrides)
        case Dialect.MACH_NIX:
            return render_mach_nix(overrides)
        case _:
            return render_overlay(overrides, adapters, dialect)
