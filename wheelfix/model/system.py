"""Nix systems, from the table ``data/systems.toml``."""

from __future__ import annotations

from wheelfix.model.tables import Table, load_table


class Systems(Table):
    """Table of the systems that a flake can have packages for."""

    FILE = "systems.toml"

    names: frozenset[str]


def list_systems() -> frozenset[str]:
    """Return the Nix systems that a flake can have packages for."""
    return load_table(Systems).names


def list_linux_systems() -> frozenset[str]:
    """Return the Nix systems that wheels for Linux can be for."""
    return frozenset(name for name in list_systems() if name.endswith("-linux"))


def name_machine(system: str) -> str:
    """Name the machine of a Nix system as ``platform.machine()`` and platform tags do.

    Example:
        >>> name_machine("powerpc64le-linux")
        'ppc64le'
    """
    return system.partition("-")[0].replace("powerpc64le", "ppc64le")
