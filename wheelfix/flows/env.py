"""Writes a complete, portable definition of a Python environment: ``wheelfix env``."""

from __future__ import annotations

from pathlib import Path

from wheelfix.env.conda import drop_python, find_conda_source, lock_conda
from wheelfix.env.image import IMAGE_LOCAL, find_program, render_image_local
from wheelfix.env.model import CondaSource, Environment, EnvOptions, EnvWritten
from wheelfix.env.project import find_name, read_env_project
from wheelfix.env.render import (
    CONDA_NIX,
    LOCAL,
    render_conda_files,
    render_conda_local,
    render_files,
    render_local,
)
from wheelfix.env.resolve import apply_files, resolve_project
from wheelfix.lock.lock import plan_lock
from wheelfix.lock.render import render_lock
from wheelfix.lockfile.project import list_required, parse_project
from wheelfix.lockfile.select import Asked
from wheelfix.model.base import replace
from wheelfix.model.lock import name_interpreter
from wheelfix.model.override import Dialect


def write_env(directory: Path, options: EnvOptions) -> EnvWritten:
    """Write or update the definition of an environment.

    Versions in an existing uv.lock or conda-lock.yml are kept as far as the requirements allow. No file is
    written before all contents are known; overrides-local.nix and image-local.nix are made once and then not
    changed.

    Args:
        directory: directory of the environment; made if it is missing.
        options: requirements, and options of the resolution and the scan.

    Raises:
        InputError: the requirements cannot be read or resolved, or a package cannot be read.
        IndexProblem: the index is damaged.
        ApplyError: the directory cannot be written.
    """
    source = find_conda_source(directory, options)
    return _write_conda(directory, source, options) if source else _write_python(directory, options)


def _write_python(directory: Path, options: EnvOptions) -> EnvWritten:
    project = read_env_project(directory, options)
    scan = replace(options.lock.scan, python=project.python)
    with resolve_project(directory, project, options) as lock:
        plan = plan_lock(lock, replace(options.lock, scan=scan, asked=Asked(groups=())))
        plan = replace(plan, findings=(*project.findings, *plan.findings))
        required = list_required(parse_project("pyproject.toml", project.text))
        environment = Environment(
            name=project.name,
            python=name_interpreter(project.python),
            systems=(scan.system,),
            nixpkgs=options.nixpkgs,
            program=find_program(required & {choice.package.name for choice in plan.choices}),
        )
        files = {
            "pyproject.toml": project.text,
            "uv.lock": lock.read_text("utf-8"),
            "overrides.nix": render_lock(plan),
            **render_files(environment),
        }
        local = {LOCAL: render_local(), IMAGE_LOCAL: render_image_local()}
        changed = apply_files(directory, files, once=local)
        made = {name: text for name, text in local.items() if name in changed}
        return EnvWritten(plan=plan, files=files | made, changed=changed)


def _write_conda(directory: Path, source: CondaSource, options: EnvOptions) -> EnvWritten:
    with lock_conda(directory, source, options) as locked:
        asked = replace(drop_python(options).lock, dialect=Dialect.CONDA, asked=Asked(groups=locked.groups))
        plan = plan_lock(locked.path, asked)
        findings = (*source.project.findings, *locked.findings, *plan.findings)
        plan = replace(plan, lock=locked.path.name, findings=findings)
        environment = Environment(
            name=find_name(directory),
            python=plan.python,
            systems=(asked.scan.system,),
            nixpkgs=options.nixpkgs,
            program=find_program({package.name for package in plan.conda}),
            variables=source.project.variables,
        )
        files = {
            source.name: source.text,
            locked.path.name: locked.text,
            CONDA_NIX: render_lock(plan),
            **render_conda_files(environment),
        }
        local = {LOCAL: render_conda_local(), IMAGE_LOCAL: render_image_local()}
        changed = apply_files(directory, files, once=local)
        made = {name: text for name, text in local.items() if name in changed}
        return EnvWritten(plan=plan, files=files | made, changed=changed)
