"""Reads the project of an environment: its name, its Python, and the pyproject.toml that uv resolves."""

from __future__ import annotations

import os
from pathlib import Path

from wheelfix.env.model import EnvOptions, EnvProject
from wheelfix.errors import InputError
from wheelfix.lockfile.markers import fits_python
from wheelfix.lockfile.project import (
    Project,
    drop_python,
    find_written_python,
    parse_project,
    parse_requirement_lines,
    render_project,
    render_requirements,
)
from wheelfix.lockfile.python import ChosenPython, find_python
from wheelfix.lockfile.read import read_text
from wheelfix.scan.requirement import find_runtime
from wheelfix.wheel.metadata import normalize_name

_HINT = "give -r requirements.txt or --from pyproject.toml"


def read_env_project(directory: Path, options: EnvOptions) -> EnvProject:
    """Read the project of an environment.

    Args:
        directory: of the environment; need not exist.
        options: the requirements and the Python are taken from these.

    Raises:
        InputError: there are no requirements, they cannot be read, or they are for another Python.
    """
    scan = options.lock.scan
    name = find_name(directory)
    python = _choose_python(scan.python or _find_own_python(directory), directory, options)
    text = _make_text(directory, name, python.version, options)
    return EnvProject(name=name, python=python.version, text=text, findings=python.findings)


def find_name(directory: Path) -> str:
    """Name an environment after its directory, normalised."""
    called = Path(os.path.realpath(directory)).name  # Path.resolve raises for cyclic links
    name = normalize_name("".join(c if c.isascii() and c.isalnum() else "-" for c in called))
    return name.strip("-") or "environment"


def _choose_python(known: str | None, directory: Path, options: EnvOptions) -> ChosenPython:
    """Choose the Python of an environment: by what lies beside the requirements."""
    if options.project and not known:
        project = parse_project(options.project.name, read_text(options.project, hint=_HINT))
        required, place = project.requires_python, options.project.parent
        return find_python(None, place, required=required, file=project.file)
    return find_python(known, options.requirements.parent if options.requirements else directory)


def _find_own_python(directory: Path) -> str | None:
    """Find the Python that an environment was written for before; kept unless the user names another one."""
    present = directory / "pyproject.toml"
    if not present.is_file():
        return None
    text = read_text(present, hint=_HINT)
    return find_written_python(text, parse_project(present.name, text))


def _make_text(directory: Path, name: str, python: str, options: EnvOptions) -> str:
    if options.requirements:
        lines = parse_requirement_lines(
            options.requirements.name, read_text(options.requirements, hint=_HINT)
        )
        return render_requirements(name, lines, python, options.lock.r_packages)
    present = directory / "pyproject.toml"
    project = options.project or present
    if not project.exists() and not options.project:
        problem = "has no pyproject.toml to take requirements from"
        raise InputError(str(directory), problem, _HINT)
    text = read_text(project, hint=_HINT)
    parsed = parse_project(project.name, text)
    if present.exists() and present.resolve() == project.resolve():
        written, r_packages = find_written_python(text, parsed), options.lock.r_packages
        if written and (written != python or not set(r_packages).issubset(parsed.r_packages)):
            return render_project(drop_python(parsed), name, python, r_packages)  # for another Python, or R
        _check_python(parsed, python, options.lock.scan.system)
        return text
    return render_project(parsed, name, python, options.lock.r_packages)


def _check_python(project: Project, python: str, system: str) -> None:
    """Refuse a Python that a foreign pyproject.toml excludes, before uv is run."""
    runtime = find_runtime(python, system)
    wanted = project.requires_python
    if not fits_python(wanted, runtime, project.file):
        problem = f"is for Python {wanted}, not for {runtime.python}"
        raise InputError(
            project.file, problem, "name another version with --python, or change requires-python"
        )
