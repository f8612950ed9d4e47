"""Re-exports nixpkgs with a configuration: ``wheelfix flake``."""

from __future__ import annotations

from wheelfix.env.flake import check_flake, render_flake
from wheelfix.model.flake import FlakeConfig
from wheelfix.model.written import Written


def write_flake(config: FlakeConfig) -> Written[FlakeConfig]:
    """Write a flake that re-exports nixpkgs with a configuration.

    Raises:
        InputError: a system, a capability or their combination is not valid.
    """
    check_flake(config)
    return Written(plan=config, text=render_flake(config))
