"""The configuration of a flake that re-exports nixpkgs."""

from __future__ import annotations

from wheelfix.model.base import Struct


class FlakeConfig(Struct):
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
