"""Nix systems, from the table ``data/systems.toml``."""

from __future__ import annotations

from wheelfix.model.tables import Table, load_table

USUAL_SYSTEM = "x86_64-linux"
"""What answers are for where nothing else is named."""


class Systems(Table):
    """Table of the systems that a flake can have packages for.

    Attributes:
        names: all that nixpkgs knows.
        exposed: those that nixpkgs' own flake has packages for.
        built: those of these that cache.nixos.org has builds for.
    """

    FILE = "systems.toml"

    names: frozenset[str]
    exposed: frozenset[str]
    built: frozenset[str]


def list_systems() -> frozenset[str]:
    """Return the Nix systems that a flake can have packages for."""
    return load_table(Systems).names


def list_linux_systems() -> frozenset[str]:
    """Return the Nix systems that wheels for Linux can be for."""
    return frozenset(name for name in list_systems() if name.endswith("-linux"))


def list_exposed_systems() -> frozenset[str]:
    """Return the Nix systems that nixpkgs' own flake has packages for."""
    return load_table(Systems).exposed


def name_system(machine: str) -> str | None:
    """Name the Nix system of a machine type; None for one that nixpkgs has no system for.

    Args:
        machine: as in :class:`wheelfix.model.elf.ElfObject`.

    Example:
        >>> name_system("ppc64le"), name_system("x32")
        ('powerpc64le-linux', None)
    """
    return next((name for name in list_linux_systems() if name_machine(name) == machine), None)


def name_machine(system: str) -> str:
    """Name the machine of a Nix system as ``platform.machine()`` and platform tags do.

    Example:
        >>> name_machine("powerpc64le-linux")
        'ppc64le'
    """
    return system.partition("-")[0].replace("powerpc", "ppc")
