"""Finds the nixpkgs that a project uses, or else that of the machine.

A project names one in ``pyproject.toml``, or locks one in ``flake.lock`` (flakes) or ``devenv.lock``
(devenv), which have one format. A machine has one in the search path of Nix (``<nixpkgs>``), or in its flake
registry.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from wheelfix.errors import InputError
from wheelfix.model.base import Misfit, Struct, convert, decode_json, decode_toml, field
from wheelfix.model.index import Permission
from wheelfix.outside.processes import run
from wheelfix.wheel.input import open_input

_MAX: Final = 8 << 20
_ROUNDS: Final = 20
"""Inputs that follow each other; more lead in a circle."""
_HINT: Final = "correct it, or name a nixpkgs with --nixpkgs"
_LOCKS: Final = ("flake.lock", "devenv.lock")
_GIT_FLAGS: Final = ("allRefs", "lfs", "shallow", "submodules")
_SEARCHED: Final = "nixpkgs"
"""What ``<nixpkgs>`` looks for in the search path of Nix."""


PERMISSIONS: Final = {
    Permission.UNFREE: "NIXPKGS_ALLOW_UNFREE",
    Permission.INSECURE: "NIXPKGS_ALLOW_INSECURE",
}
"""Variables by which the user gives a nixpkgs a permission: they are 1."""


class NamedNixpkgs(Struct):
    """A nixpkgs that a project names, or that a machine has.

    Attributes:
        nixpkgs: a path, a path of NIX_PATH (``<nixpkgs>``), or a flake reference.
        origin: the file that names it, or what has it on the machine.
        required: whether it is named for wheelfix.
        confined: whether it is a stranger's code, which may come with a project.
        moves: whether it is fetched anew from time to time, and so is about as new as wheelfix' own answers.
    """

    nixpkgs: str
    origin: str
    required: bool = False
    confined: bool = True
    moves: bool = False


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


def find_nixpkgs(directory: Path, *, locked: bool) -> NamedNixpkgs | None:
    """Find the nixpkgs of the project in a directory.

    Args:
        directory: with the project's pyproject.toml, where ``[tool.wheelfix]`` may name one.
        locked: whether else the input ``nixpkgs`` of a flake.lock or a devenv.lock in it counts.

    Raises:
        InputError: a file cannot be read, or is not what its name says.
    """
    named = _read_project(directory / "pyproject.toml")
    for name in _LOCKS if locked and not named else ():
        named = named or _read_flake_lock(directory / name)
    return named


def find_nixpkgs_above(directory: Path) -> NamedNixpkgs | None:
    """Find the nixpkgs of the project that a directory is in.

    The project is looked for from the directory upwards, to the directory of a version control. What is named
    there is built, so directories and files count only if they belong to this user or to root, and not
    everybody can write to them.

    Args:
        directory: of an environment, or the working directory.

    Raises:
        InputError: as for :func:`find_nixpkgs`.
    """
    start = Path(os.path.abspath(directory))  # noqa: PTH100 - of the link, not of what it leads to
    for place in (start, *start.parents):
        if not _is_trusted(place):
            return None
        named = find_nixpkgs(place, locked=True)
        if named and _is_trusted(Path(named.origin)):
            return named
        if any(os.path.lexists(place / name) for name in (".git", ".hg", ".jj")):
            return None
    return None


def _is_trusted(path: Path) -> bool:
    """Whether a file or directory belongs to this user, or to root, and not everybody can write to it."""
    try:
        info = path.stat()
    except OSError:
        return False
    return info.st_uid in {0, os.geteuid()} and not info.st_mode & 0o002


def find_machine_nixpkgs() -> NamedNixpkgs:
    """Find the nixpkgs of the machine: that of the search path of Nix, else that of the flake registry.

    Without Nix it is the one that most machines with Nix have.
    """
    searched = NamedNixpkgs(nixpkgs=f"<{_SEARCHED}>", origin="the search path of Nix", confined=False)
    if not has_nix():
        return searched
    # Ends with an error, and has nothing else to tell, if there is none.
    found = run(("nix-instantiate", "--find-file", _SEARCHED))
    if found.code == 0 and found.output:
        return searched
    return NamedNixpkgs(nixpkgs="flake:nixpkgs", origin="the flake registry", confined=False, moves=True)


def read_variables() -> tuple[str, ...]:
    """Return the variables that decide what the nixpkgs of the machine is, and what it may evaluate."""
    return tuple(os.environ.get(name, "") for name in ("NIX_PATH", *PERMISSIONS.values()))


def write_permissions(permissions: Iterable[Permission]) -> str:
    """Write the variables that give permissions, for a shell."""
    return " ".join(f"{PERMISSIONS[one]}=1" for one in permissions)


def has_nix() -> bool:
    """Tell whether Nix is on PATH."""
    return has_program("nix-instantiate")


def has_program(name: str) -> bool:
    """Tell whether one of Nix' programs is on PATH."""
    return shutil.which(name) is not None


def _read_project(path: Path) -> NamedNixpkgs | None:
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
    return NamedNixpkgs(nixpkgs=where, origin=str(path), required=True)


def _read_flake_lock(path: Path) -> NamedNixpkgs | None:
    text = _read(path)
    if text is None:
        return None
    try:
        lock = decode_json(text, _FlakeLock)
    except ValueError as error:
        raise InputError(str(path), f"is no lock of a flake ({error})", _HINT) from None
    node = _follow(lock, ("nixpkgs",))
    reference = _write_reference(node.locked, path.parent) if node else None
    return NamedNixpkgs(nixpkgs=reference, origin=str(path)) if reference else None


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


def _write_reference(locked: dict[str, Any], directory: Path) -> str | None:
    """Write a locked input as a flake reference; None for a kind that is not known.

    Args:
        locked: the node's ``locked``.
        directory: of the lock, which relative paths are below.
    """
    parts = {key: value for key, value in locked.items() if isinstance(value, str)}
    digest = {"narHash": parts["narHash"]} if "narHash" in parts else {}
    match parts:
        case {"type": "github" | "gitlab" | "sourcehut" as kind, "owner": owner, "repo": repo, "rev": rev}:
            where = "/".join(quote(part, safe="") for part in (owner, repo, rev))
            options = digest | ({"host": parts["host"]} if "host" in parts else {})
            return f"{kind}:{where}{_write_query(options)}"
        case {"type": "git", "url": url, "rev": rev}:
            names = {"ref": parts["ref"]} if "ref" in parts else {}
            flags = {name: "1" for name in _GIT_FLAGS if locked.get(name) is True}
            return _add_query(f"git+{url}", {"rev": rev} | names | flags | digest)
        case {"type": "tarball", "url": url}:
            return _add_query(url, digest)
        case {"type": "path", "path": path} if "\0" not in path:
            # A reference would copy all of it into the store first.
            return os.path.normpath(os.path.abspath(directory / path))  # noqa: PTH100
        case _:
            return None


def _add_query(url: str, options: dict[str, str]) -> str:
    """Add options to an address, which may have some already."""
    return f"{url}&{urlencode(options)}" if options and "?" in url else f"{url}{_write_query(options)}"


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
