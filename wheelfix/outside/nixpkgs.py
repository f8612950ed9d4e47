"""Finds the nixpkgs that a project uses: named in ``pyproject.toml``, or locked in ``flake.lock``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from wheelfix.errors import InputError
from wheelfix.model.base import Misfit, Struct, convert, decode_json, decode_toml, field
from wheelfix.wheel.input import open_input

_MAX: Final = 8 << 20
_ROUNDS: Final = 20
"""Inputs that follow each other; more lead in a circle."""
_HINT: Final = "correct it, or name a nixpkgs with --nixpkgs"


class ProjectNixpkgs(Struct):
    """A nixpkgs that a project names.

    Attributes:
        nixpkgs: a path, or a flake reference.
        origin: the file that names it.
        required: whether it is named for wheelfix.
    """

    nixpkgs: str
    origin: str
    required: bool


class _Wheelfix(Struct):
    nixpkgs: str | None = None


class _Tool(Struct):
    wheelfix: _Wheelfix = _Wheelfix()


class _Project(Struct):
    tool: _Tool = _Tool()


class _Node(Struct):
    """A flake in a lock: names of its inputs' nodes, or the path to one through other inputs."""

    inputs: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    locked: dict[str, Any] = field(default_factory=dict)


class _FlakeLock(Struct):
    root: str
    nodes: dict[str, _Node]


def find_nixpkgs(directory: Path, *, locked: bool) -> ProjectNixpkgs | None:
    """Find the nixpkgs of the project in a directory.

    Args:
        directory: with the project's pyproject.toml, where ``[tool.wheelfix]`` may name one.
        locked: whether else the input ``nixpkgs`` of a flake.lock in it counts.

    Raises:
        InputError: a file cannot be read, or is not what its name says.
    """
    named = _read_project(directory / "pyproject.toml")
    return named or (_read_flake_lock(directory / "flake.lock") if locked else None)


def has_nix() -> bool:
    """Tell whether Nix is on PATH."""
    return shutil.which("nix-instantiate") is not None


def _read_project(path: Path) -> ProjectNixpkgs | None:
    text = _read(path)
    if text is None:
        return None
    try:
        nixpkgs = convert(decode_toml(text), _Project).tool.wheelfix.nixpkgs
    except Misfit as misfit:
        raise misfit.tell(str(path), _HINT) from None
    if nixpkgs is None:
        return None
    below = path.parent / nixpkgs
    where = str(below) if below.is_dir() else nixpkgs
    return ProjectNixpkgs(nixpkgs=where, origin=str(path), required=True)


def _read_flake_lock(path: Path) -> ProjectNixpkgs | None:
    text = _read(path)
    if text is None:
        return None
    try:
        lock = decode_json(text, _FlakeLock)
    except ValueError as error:
        raise InputError(str(path), f"is no lock of a flake ({error})", _HINT) from None
    node = _follow(lock, ("nixpkgs",))
    reference = _write_reference(node.locked) if node else None
    return ProjectNixpkgs(nixpkgs=reference, origin=str(path), required=False) if reference else None


def _follow(lock: _FlakeLock, names: tuple[str, ...]) -> _Node | None:
    """Find the node of an input of the root; an input that follows another is a path from the root."""
    for _ in range(_ROUNDS):
        name = lock.root
        for index, part in enumerate(names):
            node = lock.nodes.get(name)
            found = node.inputs.get(part) if node else None
            if found is None:
                return None
            if not isinstance(found, str):
                names = (*found, *names[index + 1 :])
                break
            name = found
        else:
            return lock.nodes.get(name)
    return None


def _write_reference(locked: dict[str, Any]) -> str | None:
    """Write a locked input as a flake reference; None for a kind that is not known."""
    parts = {key: value for key, value in locked.items() if isinstance(value, str)}
    digest = {"narHash": parts["narHash"]} if "narHash" in parts else {}
    match parts:
        case {"type": "github" | "gitlab" | "sourcehut" as kind, "owner": owner, "repo": repo, "rev": rev}:
            where = "/".join(quote(part, safe="") for part in (owner, repo, rev))
            options = digest | ({"host": parts["host"]} if "host" in parts else {})
            return f"{kind}:{where}{_write_query(options)}"
        case {"type": "git", "url": url, "rev": rev}:
            return f"git+{url}{_write_query({'rev': rev} | digest)}"
        case {"type": "tarball", "url": url}:
            return f"{url}{_write_query(digest)}"
        case {"type": "path", "path": path} if path.startswith("/"):
            return path  # a reference would copy all of it into the store first
        case _:
            return None


def _write_query(options: dict[str, str]) -> str:
    return f"?{urlencode(options)}" if options else ""


def _read(path: Path) -> str | None:
    """Return the text of a file; None if there is none."""
    if not path.is_file():
        return None
    with open_input(path, hint=_HINT) as file:
        data = file.read(_MAX + 1)
    if len(data) > _MAX:
        raise InputError(str(path), f"is larger than {_MAX >> 20} MB", _HINT)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(str(path), "is no text in UTF-8", _HINT) from None
