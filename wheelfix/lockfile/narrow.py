"""Chooses the environment of a lock of conda that is made: one platform, and environments or categories.

A prefix is one: it has the packages of one platform, and one Python or none. So its Python is not chosen as
for other locks: it is the package ``python`` that is locked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from wheelfix.errors import InputError, suggest
from wheelfix.lockfile.python import ChosenPython, find_python
from wheelfix.lockfile.select import Asked, find_groups
from wheelfix.model.base import replace
from wheelfix.model.conda import SUBDIRS, CondaPackage, CondaPlatform
from wheelfix.model.lock import Lock
from wheelfix.model.lock_formats import CONDA_KINDS, LockKind
from wheelfix.model.python import parse_python
from wheelfix.model.scan import Finding, Level
from wheelfix.wheel.metadata import normalize_glob

_PYTHON = "python"
_RELEASE = re.compile(r"3\.\d{1,3}(?:\.\d{1,3})?(?=$|[^\d.])")
_THREADS = re.compile(r"(?:^|_)cp\d+t(?:_|$)")
_PYPY = re.compile(r"(?:^|_)pypy")


def narrow_lock(lock: Lock, system: str, asked: Asked) -> Lock:
    """Keep what one environment of a lock of conda has for one platform; other locks stay as they are.

    Args:
        lock: the lock.
        system: Nix system.
        asked: environments of pixi, of which there has to be one, or categories of conda-lock.

    Raises:
        InputError: it has no such platform, environment or category.
    """
    if lock.kind not in CONDA_KINDS:
        return lock
    groups = _find_environment(lock, asked) if lock.kind is LockKind.PIXI else find_groups(lock, asked)
    platform = _find_platform(lock, system, groups)
    kept = tuple(
        one for one in lock.conda if one.platform == platform.name and not groups.isdisjoint(one.in_groups)
    )
    packages = tuple(
        one
        for one in lock.packages
        if (not one.platforms or platform.name in one.platforms)
        and (not one.in_groups or not groups.isdisjoint(one.in_groups))
    )
    _refuse_doubles(lock.name, kept)
    return replace(
        lock,
        conda=kept,
        packages=packages,
        platforms=(platform,),
        groups=tuple(sorted(groups)),
        default_groups=tuple(sorted(groups)),
    )


def _find_environment(lock: Lock, asked: Asked) -> frozenset[str]:
    """Find the one environment of pixi that is meant."""
    if asked.groups is not None and len(asked.groups) > 1:
        problem = f"{' and '.join(asked.groups)} are several environments of {lock.name}"
        raise InputError("--group", problem, "name one of them: a prefix is one environment")
    wanted = asked.groups[0] if asked.groups else next(iter(lock.default_groups), "")
    found = [group for group in lock.groups if group == normalize_glob(wanted)]
    if not found:
        known = f"it has: {', '.join(lock.groups) or 'none'}"
        hint = suggest(wanted, lock.groups, otherwise=known) if asked.groups else f"name one: {known}"
        raise InputError(lock.name, f"has no environment {wanted!r}", hint)
    return frozenset(found)


def _find_platform(lock: Lock, system: str, groups: Collection[str]) -> CondaPlatform:
    subdir = SUBDIRS.get(system)
    if subdir is None:
        problem = "is none that conda has packages for"
        raise InputError(f"--platform {system}", problem, f"name one of: {', '.join(SUBDIRS)}")
    own = [one for one in lock.platforms if not one.in_groups or not set(groups).isdisjoint(one.in_groups)]
    fitting = [one for one in own if one.subdir == subdir]
    named = [one for one in fitting if one.name == subdir]
    if len(named or fitting) == 1:
        return (named or fitting)[0]
    if fitting:  # pixi knows several machines of one platform, told apart by what they have
        names = ", ".join(one.name for one in fitting)
        raise InputError(lock.name, f"has several platforms for {subdir}: {names}", "lock one of them alone")
    where = f" in {'/'.join(sorted(groups))}" if len(own) < len(lock.platforms) else ""
    if not own and lock.platforms:
        rest = sorted({group for one in lock.platforms if one.subdir == subdir for group in one.in_groups})
        problem = f"has no packages in the environment {'/'.join(sorted(groups))}"
        hint = "name another environment with --group" + (f": {', '.join(rest)}" if rest else "")
        raise InputError(lock.name, problem, hint)
    if not own:
        raise InputError(lock.name, "has no packages", "add dependencies, and lock again")
    has = ", ".join(one.name for one in own)
    hint = "lock it for that platform too, or name another with --platform"
    raise InputError(lock.name, f"is not locked for {subdir}{where}; it has {has}", hint)


def _refuse_doubles(name: str, packages: Iterable[CondaPackage]) -> None:
    """Refuse two packages of one name, as a prefix has one of each."""
    known: dict[str, CondaPackage] = {}
    for one in packages:
        other = known.setdefault(one.name, one)
        if other is not one:
            several = f"{other.version} {other.build} and {one.version} {one.build}"
            problem = f"has {one.name} in {several} for one environment"
            raise InputError(name, problem, "choose categories that fit together")


def find_lock_python(asked: str | None, lock: Lock, directory: Path) -> ChosenPython:
    """Choose the Python that a lock is for: that of a prefix is locked, any other is found.

    Args:
        asked: version that the user named, or None.
        lock: from :func:`narrow_lock`.
        directory: of the lock.

    Raises:
        InputError: the user named another Python than the prefix has.
    """
    if lock.kind not in CONDA_KINDS:
        return find_python(asked, directory, required=lock.requires_python, file=lock.name)
    locked = next((one for one in lock.conda if one.name == _PYTHON and not one.source), None)
    own = spell_python(locked) if locked else None
    if locked and own is None:
        message = f"is no version of Python 3: wheels are read as for {find_python(asked, directory).version}"
        told = Finding(level=Level.WARNING, subject=locked.label, message=message)
        return replace(find_python(asked, directory), findings=(told,))
    if own is None:
        found = find_python(asked, directory)
        if not lock.packages:
            return replace(found, findings=())
        count = f"{len(lock.packages)} package{'s' if len(lock.packages) > 1 else ''} from PyPI"
        message = f"has {count} and no Python of conda: they are read as for Python {found.version}"
        told = Finding(level=Level.WARNING, subject=lock.name, message=message)
        return replace(found, findings=(*found.findings, told))
    if asked and not _is_same(asked, own):
        hint = "leave it out, or lock for another Python"
        raise InputError(f"--python {asked}", f"the environment has Python {own} from conda", hint)
    return ChosenPython(version=own)


def spell_python(package: CondaPackage) -> str | None:
    """Spell the Python that a package of conda is, as commands take it; None for what is no Python 3.

    Example:
        >>> from wheelfix.model.conda import CondaPackage
        >>> spell_python(CondaPackage(name="python", version="3.13.2", build="h4724d56_1_cp313t",
        ...     subdir="linux-64", platform="linux-64", filename="python-3.13.2-h4724d56_1_cp313t.conda"))
        '3.13.2t'
    """
    match = _RELEASE.match(package.version)
    if match is None:
        return None
    if _PYPY.search(package.build):
        return f"pypy{'.'.join(match[0].split('.')[:2])}"
    return f"{match[0]}{'t' if _THREADS.search(package.build) else ''}"


def _is_same(asked: str, own: str) -> bool:
    """Whether a version is the locked one, as far as it is named."""
    one, other = parse_python(asked), parse_python(own)
    if one is None or other is None or one.text != other.text:
        return False
    patch = asked.removesuffix("t").count(".") > 1 and not asked.startswith("pypy")
    return asked == own if patch else True
