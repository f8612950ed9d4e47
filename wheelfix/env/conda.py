"""Reads, solves and locks an environment of conda: of an environment.yml, or of pixi's manifest.

A pixi.lock beside the manifest wins: nothing is solved then. Else rattler solves, uv resolves the PyPI part,
and both are written into one conda-lock.yml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from wheelfix.env.model import CondaLocked, CondaSource, EnvOptions
from wheelfix.env.pypi import resolve_pypi
from wheelfix.env.render import CONDA_NIX
from wheelfix.errors import ApplyError, InputError, describe
from wheelfix.index.lookup import find_glibc
from wheelfix.lock.provided import name_distributions
from wheelfix.lockfile.conda_lock import render_conda_lock
from wheelfix.lockfile.environment_yml import drop_channel, parse_environment
from wheelfix.lockfile.narrow import spell_python
from wheelfix.lockfile.pixi_toml import DEFAULT, has_manifest, parse_manifest
from wheelfix.lockfile.read import read_lock, read_rules, read_text
from wheelfix.model.base import replace
from wheelfix.model.conda import CondaPackage
from wheelfix.model.conda_project import CondaProject
from wheelfix.model.lock import ChoiceKind, Lock, Runtime
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, Level
from wheelfix.outside.configuration import find_package_sources
from wheelfix.outside.files import open_workplace
from wheelfix.outside.places import find_cache
from wheelfix.outside.rattler import check_specs, find_subdir, find_unmet, keep_reachable, list_virtual, solve
from wheelfix.scan.locked import Places, read_choices
from wheelfix.scan.requirement import find_runtime

CONDA_LOCK = "conda-lock.yml"
PIXI_LOCK = "pixi.lock"
_PIXI = "pixi.toml"
_PYPROJECT = "pyproject.toml"
_YAML = (".yml", ".yaml")
_ENVIRONMENTS = ("environment.yml", "environment.yaml")
_CUDA = {"12": "12.9"}
"""The newest CUDA of a major version, which a driver of today has."""
_HINT = "give --from environment.yml or --from pixi.toml"


def find_conda_source(directory: Path, options: EnvOptions) -> CondaSource | None:
    """Find the file that an environment of conda is made from.

    Args:
        directory: of the environment.
        options: may name the file; else one that lies in the directory is taken.

    Returns:
        None for an environment that uv makes.

    Raises:
        InputError: the file cannot be read, or does not say what wheelfix can follow.
    """
    path = None if options.requirements else options.project or _find_own(directory)
    if path and path.suffix in _YAML:
        source = _read_environment(path, options)
    elif (
        path and path.suffix == ".toml" and (path.name == _PIXI or has_manifest(read_text(path, hint=_HINT)))
    ):
        source = _read_manifest(path, options)
    else:
        _check_unasked(options)
        return None
    _check_copy(directory, source)
    unused = ["--build"] * options.build + ["--r"] * bool(options.lock.r_packages)
    told = [
        Finding(level=Level.WARNING, subject=name, message="has no effect for an environment of conda")
        for name in unused
    ]
    findings = (*told, *source.project.findings)
    return replace(source, project=replace(source.project, findings=findings))


def _read_environment(path: Path, options: EnvOptions) -> CondaSource:
    if options.environment:
        hint = "leave --group out: an environment.yml is one environment"
        raise InputError(path.name, f"has no environment {options.environment!r}", hint)
    text, subdir = read_text(path, hint=_HINT), find_subdir(options.lock.scan.system)
    project = parse_environment(path.name, text, subdir, options.channels)
    project = _take_channels(project, options)
    return CondaSource(path=path, name=_ENVIRONMENTS[0], text=text, project=project, subdir=subdir)


def _read_manifest(path: Path, options: EnvOptions) -> CondaSource:
    text, subdir = read_text(path, hint=_HINT), find_subdir(options.lock.scan.system)
    lock = path.parent / PIXI_LOCK
    locked = lock.is_file()
    environment = options.environment or DEFAULT
    project = parse_manifest(path.name, text, subdir, environment, options.channels, locked=locked)
    project = _take_channels(project, options)
    name = path.name if path.name == _PYPROJECT else _PIXI
    return CondaSource(
        path=path, name=name, text=text, project=project, subdir=subdir, lock=lock if locked else None
    )


def _take_channels(project: CondaProject, options: EnvOptions) -> CondaProject:
    """Let the channels that the user names take the place of those of single packages, too."""
    if not options.channels:
        return project
    return replace(
        project,
        specs=tuple(map(drop_channel, project.specs)),
        constraints=tuple(map(drop_channel, project.constraints)),
        beside=tuple(map(drop_channel, project.beside)),
    )


def _check_unasked(options: EnvOptions) -> None:
    """Refuse what is for environments of conda alone."""
    provides = any(ChoiceKind.CONDA in rule.kinds for rule in read_rules(None, options.lock.providers))
    named = "--channel" if options.channels and not provides else "--group" if options.environment else ""
    if named:
        problem = "is for environments of conda, of environment.yml or pixi.toml"
        raise InputError(named, problem, "leave it out, or name such a file with --from")


def _find_own(directory: Path) -> Path | None:
    """Find the file in an environment's own directory; what was written there last says which kind counts."""
    kinds = {name: directory / name for name in (_PIXI, _PYPROJECT, *_ENVIRONMENTS)}
    there = [path for path in kinds.values() if path.is_file()]
    default = ""
    with suppress(OSError, UnicodeDecodeError):
        default = (directory / "default.nix").read_text("utf-8")
    if "./overrides.nix" in default:
        return directory / _PYPROJECT
    if f"./{CONDA_NIX}" in default:
        there.sort(key=lambda path: path.name == _PYPROJECT)
    return there[0] if there else None


def _check_copy(directory: Path, source: CondaSource) -> None:
    """Refuse channels and directories of wheels relative to the file, as the file is copied.

    Raises:
        InputError: there are some, and the file lies elsewhere.
    """
    if source.path.absolute().parent == directory.absolute():
        return
    for channel in source.project.channels:
        if re.match(r"\.{0,2}/", channel) and not channel.startswith("/"):
            hint = "write file:// and the whole path: the file is copied to the environment"
            raise InputError(source.path.name, f"has the channel {channel!r}, relative to itself", hint)
    for link in source.project.pip.find_links:
        if not _is_whole(link):
            hint = "write the whole path: the file is copied to the environment"
            raise InputError(source.path.name, f"has the directory {link!r}, relative to itself", hint)


def _is_whole(link: str) -> bool:
    return link.startswith("/") or re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", link) is not None


def _place_links(project: CondaProject, directory: Path) -> CondaProject:
    """Let relative directories of wheels start from the file, as uv works elsewhere."""
    links = tuple(
        link if _is_whole(link) else str((directory / link).absolute()) for link in project.pip.find_links
    )
    return replace(project, pip=replace(project.pip, find_links=links))


@contextmanager
def lock_conda(directory: Path, source: CondaSource, options: EnvOptions) -> Iterator[CondaLocked]:
    """Lock an environment of conda; versions of an existing conda-lock.yml stay if possible.

    Args:
        directory: of the environment.
        source: what it is made from.
        options: of the environment.

    Yields:
        The lock, which is deleted after the block if it is not the user's.

    Raises:
        InputError: a library is missing, a channel cannot be reached, or there is no solution.
        ApplyError: what the block writes cannot be written.
    """
    try:
        if source.lock:
            yield _take_lock(directory, source, source.lock, options)
            return
        text, findings = _make_lock(directory, source, options)
        with open_workplace() as work:
            path = work / CONDA_LOCK
            path.write_text(text, "utf-8")
            yield CondaLocked(path=path, text=text, groups=(source.project.category,), findings=findings)
    except OSError as error:
        problem = f"cannot be written ({describe(error)})"
        raise ApplyError(str(directory), problem, "name another directory") from None


def _take_lock(directory: Path, source: CondaSource, path: Path, options: EnvOptions) -> CondaLocked:
    """Take the lock of pixi; what the manifest asks for, and the lock does not have, is told."""
    project, environment = source.project, options.environment or DEFAULT
    lock = read_lock(path)
    _check_paths(directory, path, lock)
    platforms = {one.name for one in lock.platforms if one.subdir == source.subdir}
    packages = [p for p in lock.conda if p.platform in platforms and environment in p.in_groups]
    message = f"is taken as it is; what {project.file} asks for is not solved again: `pixi lock` does that"
    findings = [Finding(level=Level.NOTE, subject=path.name, message=message)]
    for spec in find_unmet(project.file, project.specs, packages):
        message = f"has nothing that is {spec}, which {project.file} asks for: run `pixi lock`"
        findings.append(Finding(level=Level.WARNING, subject=path.name, message=message))
    return CondaLocked(path=path, text=read_text(path), groups=(environment,), findings=tuple(findings))


def _check_paths(directory: Path, path: Path, lock: Lock) -> None:
    """Refuse a lock with files relative to itself, as it is copied.

    Raises:
        InputError: it has some, and lies elsewhere than the environment.
    """
    files = [file for package in lock.packages for file in (*package.wheels, package.sdist) if file]
    paths = [*(package.path for package in lock.conda), *(file.path for file in files)]
    found = next((one for one in paths if one and not one.startswith("/")), None)
    if found and path.absolute().parent != directory.absolute():
        problem = f"has the file {found!r}, relative to itself, and is copied to {directory}"
        raise InputError(path.name, problem, f"write the environment there: wheelfix env {path.parent}")


def _make_lock(directory: Path, source: CondaSource, options: EnvOptions) -> tuple[str, tuple[Finding, ...]]:
    project, scan = source.project, options.lock.scan
    kept = _read_kept(directory)
    specs = (*project.specs, *([f"python {scan.python}.*"] if scan.python else []))
    cuda = _CUDA.get(scan.gpu.major, f"{scan.gpu.major}.0") if scan.gpu and scan.gpu.name == "cuda" else ""
    solved = solve(
        tuple(dict.fromkeys((*specs, *project.beside))),
        project.channels,
        subject=project.file,
        subdir=source.subdir,
        virtual=list_virtual(scan.system, find_glibc(scan.index), project.declared, cuda),
        directory=find_cache().channels,
        constraints=project.constraints,
        locked=tuple(p for p in kept.conda if p.platform == source.subdir) if kept else (),
        strict=project.strict,
        place=source.path.parent,
    )
    packages = solved.packages
    if not packages:
        hint = "add dependencies, or name another environment with --group"
        raise InputError(project.file, "asks for no packages of channels", hint)
    if project.beside:
        packages = keep_reachable(packages, check_specs(project.file, specs))
    python = _find_python(packages)
    if not project.requirements:
        return render_conda_lock(project, packages, (), source.subdir), solved.findings
    if not python:
        problem = "has a PyPI part, and no python to install it for"
        raise InputError(project.file, problem, "add python to its dependencies")
    runtime = find_runtime(python, scan.system)
    choices = resolve_pypi(
        _place_links(project, source.path.parent),
        name_distributions(_read_packages(packages, directory, runtime, options)),
        runtime,
        scan.sources or find_package_sources(directory=directory),
        {p.name: p.version for p in kept.packages if p.version} if kept else {},
    )
    return render_conda_lock(project, packages, choices, source.subdir), solved.findings


def _read_kept(directory: Path) -> Lock | None:
    """Read the lock of the last run."""
    path = directory / CONDA_LOCK
    return read_lock(path) if path.is_file() else None


def _find_python(packages: Sequence[CondaPackage]) -> str | None:
    """Return the Python in an environment; None without one, or for what is no Python 3."""
    return next((spell_python(package) for package in packages if package.name == "python"), None)


def _read_packages(
    packages: Sequence[CondaPackage], directory: Path, runtime: Runtime, options: EnvOptions
) -> tuple[Reading, ...]:
    """Fetch and read conda's packages, which the plan of the environment wants in any case."""
    places = Places(
        base=directory,
        cache=find_cache(),
        runtime=runtime,
        find_links=options.lock.find_links,
        sources=options.lock.scan.sources,
        progress=options.lock.scan.progress,
    )
    return read_choices((), places, packages).conda


def drop_python(options: EnvOptions) -> EnvOptions:
    """Return the options without the Python that the user named: what was solved has it."""
    scan = replace(options.lock.scan, python=None)
    return replace(options, lock=replace(options.lock, scan=scan))
