"""Models of a complete environment: options, project, and Nix files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from wheelfix.lock.model import LockOptions, LockPlan
from wheelfix.model.base import Struct
from wheelfix.model.conda_project import CondaProject
from wheelfix.model.scan import Finding


class EnvOptions(Struct):
    """Options of an environment.

    Attributes:
        lock: options of its overlay, for uv2nix.
        requirements: a requirements.txt, or None.
        project: a pyproject.toml, environment.yml or pixi.toml, or None; if both are None, the file in the
            environment's own directory is used.
        environment: of pixi's manifest; empty for its default one.
        channels: of conda, instead of those that the file names.
        nixpkgs: flake reference.
        build: whether uv may build source distributions to learn their requirements, which runs their code.
        quiet: whether uv's progress is hidden.
    """

    lock: LockOptions
    requirements: Path | None = None
    project: Path | None = None
    environment: str = ""
    channels: tuple[str, ...] = ()
    nixpkgs: str = "github:NixOS/nixpkgs/nixos-unstable"
    build: bool = False
    quiet: bool = False


class EnvProject(Struct):
    """The project that an environment is made of.

    Attributes:
        name: of the environment, normalised.
        python: version of CPython.
        text: its pyproject.toml.
        findings: about the choice of the Python.
    """

    name: str
    python: str
    text: str
    findings: tuple[Finding, ...] = ()


class CondaSource(Struct):
    """The file that an environment of conda is made from.

    Attributes:
        path: the file.
        name: of its copy in the environment's directory.
        text: its contents.
        project: what it asks for.
        subdir: the platform, as conda names it.
        lock: the pixi.lock beside it, or None.
    """

    path: Path
    name: str
    text: str
    project: CondaProject
    subdir: str
    lock: Path | None = None


class CondaLocked(Struct):
    """The lock of an environment of conda.

    Attributes:
        path: the lock.
        text: its contents.
        groups: what of it is taken.
        findings: about what was solved.
    """

    path: Path
    text: str
    groups: tuple[str, ...]
    findings: tuple[Finding, ...] = ()


class Program(Struct):
    """The program that an environment is there for.

    Attributes:
        name: file in the environment's ``bin``.
        arguments: in a container.
        port: on which it listens there, or None.
    """

    name: str
    arguments: tuple[str, ...] = ()
    port: int | None = None


class Environment(Struct):
    """Values that the files of an environment share.

    Attributes:
        name: normalised name of the project.
        python: attribute of the interpreter below ``pkgs`` (``python312``).
        systems: Nix systems of the flake.
        nixpkgs: flake reference.
        program: what ``nix run`` and a container start.
        variables: of the shell, which the file of an environment of conda sets.
    """

    name: str
    python: str
    systems: tuple[str, ...]
    nixpkgs: str
    program: Program
    variables: tuple[tuple[str, str], ...] = ()


class EnvWritten(Struct):
    """The result of writing an environment's directory.

    Attributes:
        plan: the plan of the overlay.
        files: contents of the files that wheelfix writes, by name.
        changed: names of the written files, sorted; the others were up to date.
    """

    plan: LockPlan
    files: Mapping[str, str]
    changed: tuple[str, ...]
