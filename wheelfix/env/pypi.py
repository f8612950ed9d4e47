"""Resolves the PyPI part of an environment of conda: uv does it, and takes what conda has as given."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.lockfile.read import read_lock
from wheelfix.lockfile.select import Asked, choose_sources, select_packages
from wheelfix.model.base import replace
from wheelfix.model.conda_project import CondaProject
from wheelfix.model.lock import Choice, ChoiceKind, Lock, Runtime
from wheelfix.outside.configuration import PackageSources
from wheelfix.outside.files import open_workplace
from wheelfix.outside.uv import lock_requirements
from wheelfix.wheel.input import open_input

_EPOCH = (1980, 1, 1, 0, 0, 0)


def resolve_pypi(
    project: CondaProject,
    present: Mapping[str, str],
    runtime: Runtime,
    sources: PackageSources,
    kept: Mapping[str, str],
) -> tuple[Choice, ...]:
    """Resolve the PyPI part of an environment.

    Args:
        project: what is asked.
        present: versions of the distributions that conda's packages bring, by normalised name.
        runtime: conda's interpreter, and the platform.
        sources: which indexes to ask, where the project names none.
        kept: versions of the last run, by normalised name, which stay if all of them can.

    Returns:
        The chosen file of each package that conda does not have, sorted by name.

    Raises:
        InputError: there is no uv, it cannot resolve, or a package has no file for the interpreter.
    """
    named = project.pip
    sources = replace(
        sources,
        index=named.index or sources.index,
        extra=(*named.extra, *sources.extra),
        find_links=(*named.find_links, *sources.find_links),
    )
    constraints = [f"{name}=={version}" for name, version in sorted(kept.items()) if name not in present]
    with open_workplace() as work:
        given = [_name_stub(work, name, version) for name, version in sorted(present.items())]
        try:
            lock = _lock(work, project, given, runtime, sources, constraints)
        except InputError:
            if not constraints:
                raise
            lock = _lock(work, project, given, runtime, sources, [])
        packages = [
            package
            for package in select_packages(lock, runtime, Asked(groups=()))
            if package.name not in present and package.name not in (lock.roots or ())
        ]
        found = [
            _complete(choice, work, project.file)
            for choice in choose_sources(packages, (), runtime, as_nix=False)
        ]
    return tuple(sorted(found, key=lambda choice: choice.package.name))


def _complete(choice: Choice, work: Path, subject: str) -> Choice:
    """Give a file of a directory its whole path and its hash, which uv leaves out.

    Raises:
        InputError: it comes from elsewhere and has no hash.
    """
    file = choice.file
    if file and file.path and not file.url:
        path = (work / file.path).resolve()
        with open_input(path, hint="name a directory of wheels that can be read") as archive:
            digest = hashlib.file_digest(archive, "sha256").hexdigest()
        return replace(choice, file=replace(file, path=str(path), sha256=digest))
    if file is None or file.sha256 is None:
        problem = f"{choice.package.label} has no file with a hash"
        raise InputError(subject, problem, "take it from an index, or from conda")
    return choice


def tell_sdists(choices: Sequence[Choice]) -> tuple[str, ...]:
    """Return the labels of packages that have no wheel, sorted."""
    return tuple(sorted(c.package.label for c in choices if c.kind is ChoiceKind.SDIST))


def _lock(
    work: Path,
    project: CondaProject,
    given: Sequence[str],
    runtime: Runtime,
    sources: PackageSources,
    constraints: Sequence[str],
) -> Lock:
    lock_requirements(
        work,
        (*project.requirements, *given),
        subject=project.file,
        python=runtime.python,
        system=runtime.system,
        sources=sources,
        constraints=constraints,
        beside=project.requirements_beside,
    )
    return read_lock(work / "uv.lock")


def _name_stub(work: Path, name: str, version: str) -> str:
    """Write a wheel of metadata alone, and return the requirement of it.

    So uv takes the version that conda has, whether or not the index has it, and finds what fits it.
    """
    stem = f"{name.replace('-', '_')}-{version}"
    information = f"{stem}.dist-info"
    files = {
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},{_digest(text)},{len(text)}\n" for path, text in files.items())
    files[f"{information}/RECORD"] = f"{record}{information}/RECORD,,\n"
    path = work / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(zipfile.ZipInfo(member, _EPOCH), text)
    return f"{name} @ {path.as_uri()}"


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
