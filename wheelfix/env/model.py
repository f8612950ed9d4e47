"""A complete environment: what is asked for, and what Nix is told."""

from __future__ import annotations

from pathlib import Path

from wheelfix.lock.model import LockOptions
from wheelfix.model.base import Struct


class EnvOptions(Struct):
    """What a user may ask of an environment.

    Attributes:
        lock: how its overlay is written; for uv2nix.
        requirements: a requirements.txt; or
        project: a pyproject.toml; both None take the pyproject.toml that is there.
        nixpkgs: flake reference.
        build: uv may build source distributions to learn what they require, which runs their code.
        quiet: no progress of uv.
    """

    lock: LockOptions
    requirements: Path | None = None
    project: Path | None = None
    nixpkgs: str = "github:NixOS/nixpkgs/nixos-unstable"
    build: bool = False
    quiet: bool = False


class EnvProject(Struct):
    """What an environment is made of.

    Attributes:
        name: of the environment, normalised.
        python: version of CPython.
        text: its pyproject.toml.
    """

    name: str
    python: str
    text: str


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
