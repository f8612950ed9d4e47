"""A complete, portable definition of a Python environment: resolve with uv, write the overlay, write Nix."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from wheelfix.env.model import Environment
from wheelfix.env.render import render_default, render_flake, render_local, render_shell
from wheelfix.errors import ApplyError, InputError, describe
from wheelfix.flows.lock import Asked, LockOptions, LockWritten, write_lock
from wheelfix.lockfile.getters import Table
from wheelfix.lockfile.markers import fits_python, make_runtime, normalize_name
from wheelfix.lockfile.project import (
    drop_python,
    find_written_python,
    parse_requirement_lines,
    render_project,
    render_requirements,
)
from wheelfix.lockfile.read import parse_toml, read_text
from wheelfix.model.base import Struct, replace
from wheelfix.model.lock import name_interpreter
from wheelfix.outside.configuration import find_package_sources
from wheelfix.outside.requirements import find_platforms
from wheelfix.outside.uv import run_uv_lock

__all__ = ["EnvOptions", "EnvWritten", "write_env"]

LOCAL = "overrides-local.nix"
"""The one file that belongs to the user."""


class EnvOptions(Struct):
    """What a user may ask of an environment.

    Attributes:
        lock: how its overlay is written; for uv2nix.
        requirements: a requirements.txt; or
        project: a pyproject.toml; both None take the pyproject.toml that is there.
        nixpkgs: flake reference.
        build: uv may build source distributions to learn what they require, which runs their code.
    """

    lock: LockOptions
    requirements: Path | None = None
    project: Path | None = None
    nixpkgs: str = "github:NixOS/nixpkgs/nixos-unstable"
    build: bool = False


class EnvWritten(Struct):
    """What became of a directory.

    Attributes:
        files: what is in the files that wheelfix writes, by name.
        changed: names of those that were written, sorted; the others were as they should be.
        overlay: what the overlay rests on.
    """

    files: Mapping[str, str]
    changed: tuple[str, ...]
    overlay: LockWritten


def write_env(directory: Path, options: EnvOptions) -> EnvWritten:
    """Write the definition of an environment, or bring one up to date.

    Versions that a uv.lock is there for stay, as far as the requirements allow. Nothing is written before
    everything is known; overrides-local.nix is made once and kept.

    Args:
        directory: where to; made if it is missing.
        options: from what, and how.

    Raises:
        InputError: the requirements cannot be read or resolved, or a wheel cannot be read.
        ApplyError: the directory cannot be written.
    """
    name = _find_name(directory)
    code = options.lock.code
    python = code.python or _find_own_python(directory) or code.chosen_python
    options = replace(options, lock=replace(options.lock, code=replace(code, python=python)))
    text = _make_project(directory, name, python, options)
    try:
        with tempfile.TemporaryDirectory(prefix="wheelfix-env-") as work_name:
            work = Path(work_name)
            (work / "pyproject.toml").write_text(text, "utf-8")
            if (directory / "uv.lock").is_file():
                shutil.copyfile(directory / "uv.lock", work / "uv.lock")
            run_uv_lock(
                work,
                python=python,
                sources=options.lock.code.sources or find_package_sources(directory=directory),
                build=options.build,
                quiet=options.lock.code.quiet,
            )
            asked = replace(options.lock, asked=Asked(groups=()))
            overlay = write_lock(work / "uv.lock", asked)
            environment = Environment(
                name=name,
                python=name_interpreter(python),
                systems=(options.lock.code.system,),
                nixpkgs=options.nixpkgs,
            )
            files = {
                "pyproject.toml": text,
                "uv.lock": (work / "uv.lock").read_text("utf-8"),
                "overrides.nix": overlay.text,
                "default.nix": render_default(environment),
                "flake.nix": render_flake(environment),
                "shell.nix": render_shell(environment),
            }
            if not (directory / LOCAL).exists():
                files[LOCAL] = render_local()
            return EnvWritten(files=files, changed=_apply(directory, files), overlay=overlay)
    except OSError as error:
        problem = f"cannot be written ({describe(error)})"
        raise ApplyError(str(directory), problem, "name another directory") from None


def _find_name(directory: Path) -> str:
    called = Path(os.path.realpath(directory)).name  # Path.resolve raises on links in a circle
    name = normalize_name("".join(c if c.isascii() and c.isalnum() else "-" for c in called))
    return name.strip("-") or "environment"


def _make_project(directory: Path, name: str, python: str, options: EnvOptions) -> str:
    if options.requirements:
        lines = parse_requirement_lines(options.requirements.name, read_text(options.requirements))
        return render_requirements(name, lines, python)
    present = directory / "pyproject.toml"
    project = options.project or present
    if not project.exists() and not options.project:
        problem = "has no pyproject.toml to take requirements from"
        raise InputError(str(directory), problem, "give -r requirements.txt or --from pyproject.toml")
    text = read_text(project)
    table = parse_toml(project.name, text)
    if present.exists() and present.resolve() == project.resolve():
        if find_written_python(text, table) not in {None, python}:
            return render_project(drop_python(table), name, python)  # ours, and for another Python
        _check_python(table, options)
        return text
    return render_project(table, name, python)


def _find_own_python(directory: Path) -> str | None:
    """The Python that an environment was written for before: it stays, unless the user names another one."""
    present = directory / "pyproject.toml"
    if not present.is_file():
        return None
    text = read_text(present)
    return find_written_python(text, parse_toml(present.name, text))


def _check_python(project: Table, options: EnvOptions) -> None:
    """Refuse a Python that somebody's own pyproject.toml is not for, before uv is asked."""
    code = options.lock.code
    runtime = make_runtime(code.chosen_python, code.system, find_platforms(code.system))
    wanted = project.table("project").get("requires-python", str) or ""
    if not fits_python(wanted, runtime, project.lock):
        problem = f"is for Python {wanted}, not for {runtime.python}"
        raise InputError(
            project.lock, problem, "name another version with --python, or change requires-python"
        )


def _apply(directory: Path, files: dict[str, str]) -> tuple[str, ...]:
    """Write the files that differ: each beside its place first, then all are renamed."""
    directory.mkdir(parents=True, exist_ok=True)
    changed = {n: t for n, t in sorted(files.items()) if _read(directory / n) != t}
    partial: list[tuple[Path, Path]] = []
    try:
        for name, text in changed.items():
            handle, made = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
            partial.append((Path(made), directory / name))
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(made).chmod(0o644)
        for made_path, place in partial:
            made_path.replace(place)
    finally:
        for made_path, _ in partial:
            made_path.unlink(missing_ok=True)
    return tuple(changed)


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
