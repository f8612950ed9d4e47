"""What an environment is made of: its name, its Python, and the pyproject.toml that uv resolves."""

from __future__ import annotations

import os
from pathlib import Path

from wheelfix.env.model import EnvOptions, EnvProject
from wheelfix.errors import InputError
from wheelfix.lockfile.getters import Table
from wheelfix.lockfile.markers import fits_python, normalize_name
from wheelfix.lockfile.project import (
    drop_python,
    find_written_python,
    parse_requirement_lines,
    render_project,
    render_requirements,
)
from wheelfix.lockfile.read import parse_toml, read_text
from wheelfix.scan.requirement import find_runtime


def read_env_project(directory: Path, options: EnvOptions) -> EnvProject:
    """Read what an environment is to be made of.

    Args:
        directory: of the environment; need not be there.
        options: of these, where the requirements are, and the Python.

    Raises:
        InputError: there are no requirements, or they cannot be read, or are for another Python.
    """
    scan = options.lock.scan
    name = _find_name(directory)
    python = scan.python or _find_own_python(directory) or scan.chosen_python
    return EnvProject(name=name, python=python, text=_make_text(directory, name, python, options))


def _find_name(directory: Path) -> str:
    called = Path(os.path.realpath(directory)).name  # Path.resolve raises on links in a circle
    name = normalize_name("".join(c if c.isascii() and c.isalnum() else "-" for c in called))
    return name.strip("-") or "environment"


def _find_own_python(directory: Path) -> str | None:
    """The Python that an environment was written for before: it stays, unless the user names another one."""
    present = directory / "pyproject.toml"
    if not present.is_file():
        return None
    text = read_text(present)
    return find_written_python(text, parse_toml(present.name, text))


def _make_text(directory: Path, name: str, python: str, options: EnvOptions) -> str:
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
        _check_python(table, python, options.lock.scan.system)
        return text
    return render_project(table, name, python)


def _check_python(project: Table, python: str, system: str) -> None:
    """Refuse a Python that somebody's own pyproject.toml is not for, before uv is asked."""
    runtime = find_runtime(python, system)
    wanted = project.table("project").get("requires-python", str) or ""
    if not fits_python(wanted, runtime, project.lock):
        problem = f"is for Python {wanted}, not for {runtime.python}"
        raise InputError(
            project.lock, problem, "name another version with --python, or change requires-python"
        )
