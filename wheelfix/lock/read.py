"""Reads the inputs of an overlay: the lock and its project, packages' metadata, and source distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.lock.built import add_built
from wheelfix.lock.model import LockOptions, LockRequest, Selection
from wheelfix.lock.plan import find_dependencies
from wheelfix.lock.r_packages import check_r_packages
from wheelfix.lockfile.narrow import find_lock_python, narrow_lock
from wheelfix.lockfile.read import read_lock, read_project, read_rules
from wheelfix.lockfile.select import make_distribution
from wheelfix.model.base import replace
from wheelfix.model.lock_formats import CONDA_KINDS
from wheelfix.outside.places import find_cache
from wheelfix.override.dependencies import fetch_dependencies
from wheelfix.override.dialects import TRAITS
from wheelfix.override.strip import Dependencies
from wheelfix.scan.locked import LockReadings, Places
from wheelfix.scan.requirement import find_runtime
from wheelfix.sdist.model import CargoPlan
from wheelfix.sdist.read import read_plan


def read_request(path: Path, options: LockOptions) -> LockRequest:
    """Read a lock, and the rules of the project beside it.

    Raises:
        InputError: one of them cannot be read, or is invalid; or a directory that the user
            names does not exist.
    """
    lock = narrow_lock(read_lock(path), options.scan.system, options.asked)
    project = read_project(path.parent)
    rules = read_rules(project, options.providers)
    packages = check_r_packages(options.r_packages, "--r")
    if project:
        where = f"{project.file}: tool.wheelfix.r-packages"
        packages = tuple(sorted({*packages, *check_r_packages(project.r_packages, where)}))
    chosen = find_lock_python(options.scan.python, lock, path.parent)
    runtime = find_runtime(chosen.version, options.scan.system)
    _check_directories(options.find_links)
    if lock.kind in CONDA_KINDS:
        lock = add_built(lock, options.find_links, base=path.parent, cache=find_cache().readings)
    return LockRequest(
        lock=lock,
        rules=rules,
        runtime=runtime,
        r_packages=packages,
        channels=options.channels or (project.channels if project else ()),
        findings=chosen.findings,
    )


def read_dependencies(
    request: LockRequest, selection: Selection, options: LockOptions
) -> Mapping[str, Dependencies]:
    """Find the dependencies of packages that nixpkgs' builds replace, by name: in the lock or an index.

    Raises:
        InputError: the lock has no edges, and a package cannot be resolved, or the network fails.
    """
    if request.lock.roots is not None:
        return find_dependencies(request, selection)
    from wheelfix.outside.packages import OnlySdistError  # slow import

    scan = replace(options.scan, python=request.runtime.python)
    found = {}
    for package in (choice.package for choice in selection.replaced):
        try:
            found[package.name] = fetch_dependencies(f"{package.name}=={package.version}", scan)
        except OnlySdistError:
            if not TRAITS[options.dialect].complete:
                raise
            # In a set of nixpkgs its own package stays as it is, with what it depends on there.
            own = make_distribution(package, request.runtime)
            found[package.name] = Dependencies(package=own)
    return found


def find_places(path: Path, request: LockRequest, options: LockOptions) -> Places:
    """Return the places where the files of a lock are looked for and kept."""
    return Places(
        base=path.parent,
        cache=find_cache(),
        runtime=request.runtime,
        find_links=options.find_links,
        sources=options.scan.sources,
        progress=options.scan.progress,
    )


def read_rust(request: LockRequest, found: LockReadings, options: LockOptions) -> Mapping[str, CargoPlan]:
    """Plan the builds of source distributions with cargo, by name, if the dialect can express them.

    Raises:
        InputError: one cannot be read, or contradicts itself.
    """
    traits = TRAITS[options.dialect]
    if not (traits.replaces or traits.complete):
        return {}
    compiled = [name for name, system in found.builds.items() if system.cargo]
    plans = {name: read_plan(found.sdists[name], request.runtime.python) for name in compiled}
    return {name: plan for name, plan in plans.items() if plan}


def _check_directories(directories: Sequence[Path]) -> None:
    for directory in directories:
        if not directory.is_dir():
            raise InputError(str(directory), "is no directory", "give a directory of wheels")
