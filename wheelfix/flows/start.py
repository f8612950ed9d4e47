"""Finds the next commands for a directory: ``wheelfix`` without a command."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.errors import InputError, describe
from wheelfix.report.start import WRITTEN, Directory, ListKind, Start, plan_start

if TYPE_CHECKING:
    from wheelfix.lockfile.project import Project

_PROGRAMS = ("uv", "nix", "micromamba", "mamba", "conda")
_DEVENV = ".devenv/state/venv"
_PIXI = ".pixi/envs"
_LIST = re.compile(r"(.*[-_.])?requirements\b.*\.(txt|in)")
_MIXED = re.compile(r"^\s*(-[ecr]\b|--(?:editable|constraint|requirement)\b|\.)", re.MULTILINE)
_HASHED = re.compile(r"--hash[= ]sha256:")
_READ = 1 << 20
"""Bytes of a file of requirements that are looked at."""
_PROJECT = frozenset({"pyproject.toml", "setup.py"})
_TRIED = 4
"""Archives that are looked into, as any may have the name of a source distribution."""
_HEAD = 200
"""Bytes in which a file says who wrote it."""
_LARGEST = 8 << 20
"""Bytes of an archive that is looked into."""


def find_start(directory: Path) -> Start:
    """Find the commands that fit the contents of a directory.

    Read are names, and what tells how a command has to be written: the tables of pyproject.toml, the Python
    that is named, whether requirements have hashes, whether a source distribution builds Rust.

    Args:
        directory: the user's working directory.

    Raises:
        InputError: the directory cannot be listed.
    """
    try:
        names = sorted(path.name for path in directory.iterdir())
    except OSError as error:
        problem = f"cannot be listed ({describe(error)})"
        raise InputError(str(directory), problem, "go to a directory that you may read") from None
    environments = tuple(_find_environments(directory, names))
    prefixes = tuple(_find_prefixes(directory, names))
    tables, python = _read_project(directory, names)
    crate, sdist = _find_sdists(directory, names)
    return plan_start(
        Directory(
            names=tuple(names),
            environments=environments,
            prefixes=prefixes,
            active=_find_active(directory, (*environments, *prefixes)),
            tables=tables,
            lists={
                name: kind
                for name in names
                if f"{name.removesuffix('.in')}.txt" not in names and (kind := _read_list(directory / name))
            },
            crate=crate,
            sdist=sdist,
            written=frozenset(name for name in WRITTEN if name in names and _is_written(directory / name)),
            programs=frozenset(program for program in _PROGRAMS if shutil.which(program)),
            python=python,
        )
    )


# Not Path.is_file, which up to Python 3.13 raises an error for a directory without permission.
def _has(directory: Path, name: str) -> bool:
    return os.path.exists(directory / name)  # noqa: PTH110


def _find_environments(directory: Path, names: list[str]) -> Iterator[str]:
    for name in (*names, _DEVENV):
        if _has(directory, f"{name}/pyvenv.cfg"):
            yield name


def _find_prefixes(directory: Path, names: list[str]) -> Iterator[str]:
    try:
        made = [f"{_PIXI}/{name}" for name in sorted(os.listdir(directory / _PIXI))]  # noqa: PTH208
    except OSError:
        made = []  # there are none
    for name in (*names, *made):
        if _has(directory, f"{name}/conda-meta"):
            yield name


def _find_active(directory: Path, known: tuple[str, ...]) -> str:
    """Find the variable of an active environment that is neither a known one nor wheelfix's own."""
    places = {os.path.realpath(path) for path in (Path(sys.prefix), *(directory / name for name in known))}
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        value = os.environ.get(variable, "")
        if os.path.isdir(value) and os.path.realpath(value) not in places:  # noqa: PTH112
            return variable
    return ""


def _read_project(directory: Path, names: list[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Read the keys of pyproject.toml that tell who manages it, and what is to be said of the Python."""
    if {"pyproject.toml", ".python-version", ".python-versions"}.isdisjoint(names):
        return frozenset(), ()
    from wheelfix.lockfile.python import find_python
    from wheelfix.lockfile.read import read_project

    told = find_python(None, directory).findings
    try:
        project: Project | None = read_project(directory)
    except InputError:
        project = None  # that is told with the Python
    document = project.document if project else {}
    tool = document.get("tool", {})
    tables = frozenset((*document.keys(), *(f"tool.{name}" for name in tool)))
    return tables, tuple(f"{one.subject} {one.message}." for one in told)


def _read_list(path: Path) -> ListKind | None:
    """Tell what a file of requirements says; None for any other file, and for one that cannot be read."""
    if not _LIST.fullmatch(path.name):
        return None
    from wheelfix.wheel.tree import read_regular

    data = read_regular(str(path), root=os.path.realpath(path.parent), limit=_READ)
    if data is None:
        return None
    text = data.decode("utf-8", "replace")
    if _MIXED.search(text):
        return ListKind.MIXED
    return ListKind.HASHED if _HASHED.search(text) else ListKind.PLAIN


def _is_written(path: Path) -> bool:
    """Whether the head of a file says that wheelfix wrote it."""
    from wheelfix.wheel.tree import read_regular

    data = read_regular(str(path), root=os.path.realpath(path.parent), limit=_READ)
    head = re.sub(rb"[\s#]+", b" ", (data or b"")[:_HEAD])  # its comment is broken into lines
    return b"Written by wheelfix" in head


def _find_sdists(directory: Path, names: list[str]) -> tuple[str, str]:
    """Find a source distribution that builds Rust, and one that does not; empty where there is none."""
    found = {True: "", False: ""}
    called = [name for name in names if re.fullmatch(r"[A-Za-z0-9].*-\d.*\.tar\.gz", name)]
    if called:
        from wheelfix.wheel.sdist import read_sdist
    for name in called[:_TRIED]:
        try:
            if os.path.getsize(directory / name) > _LARGEST:  # noqa: PTH202
                continue
            files = read_sdist(directory / name).files
        except (InputError, OSError):
            continue  # damaged, hostile, or another archive: the commands for it have the better message
        if not _PROJECT.isdisjoint(files):
            rust = any(file.rpartition("/")[2] == "Cargo.toml" for file in files)
            found[rust] = found[rust] or name
    return found[True], found[False]
