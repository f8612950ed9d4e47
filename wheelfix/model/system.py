"""Nix systems; the table is ``data/systems.toml``."""

from __future__ import annotations

from wheelfix.model.tables import Table, load_table


class Systems(Table):
    """Those that a flake can have packages for."""

    FILE = "systems.toml"

    names: frozenset[str]


def list_systems() -> frozenset[str]:
    """Nix systems that a flake can have packages for."""
    return load_table(Systems).names


def list_linux_systems() -> frozenset[str]:
    """Those that wheels for Linux can be for."""
    return frozenset(name for name in list_systems() if name.endswith("-linux"))
