"""A complete environment, before Nix says it."""

from __future__ import annotations

from wheelfix.model.base import Struct


class Environment(Struct):
    """What the files of an environment have in common.

    Attributes:
        name: normalised name of the project.
        python: attribute of the interpreter below ``pkgs`` (``python312``).
        systems: Nix systems of the flake.
        nixpkgs: flake reference.
    """

    name: str
    python: str
    systems: tuple[str, ...]
    nixpkgs: str
