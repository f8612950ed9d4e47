"""Finds wheels that the user has built or fetched, for packages that a lock of conda has no usable wheel of.

pixi and conda-lock take source distributions, revisions of repositories and directories from PyPI's side; the
code for a prefix builds none of them. A file by a direct address has no hash in pixi.lock, and Nix fetches
nothing without one. For both, a wheel in a directory of ``--find-links`` stands in.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from wheelfix.model.base import replace
from wheelfix.model.lock import Lock, LockedFile, LockedPackage, SourceKind
from wheelfix.outside.tool_caches import list_matching
from wheelfix.scan.store import find_digest
from wheelfix.wheel.metadata import parse_filename, rank_version


def add_built(lock: Lock, directories: Sequence[Path], *, base: Path, cache: Path) -> Lock:
    """Add the wheels of directories to those packages of a lock that have none with a hash.

    Args:
        lock: one platform and environment of it.
        directories: of the user.
        base: directory of the lock, which paths are written relative to.
        cache: where digests are kept.
    """
    if not directories:
        return lock
    packages = tuple(
        one
        if one.hashes or any(wheel.sha256 for wheel in one.wheels)
        else _add(one, directories, base=base, cache=cache)
        for one in lock.packages
    )
    return replace(lock, packages=packages)


def _add(package: LockedPackage, directories: Sequence[Path], *, base: Path, cache: Path) -> LockedPackage:
    found = [
        (parsed[1], path)
        for path in list_matching(directories, package.name, package.version)
        if (parsed := parse_filename(path.name))
    ]
    if not found:
        return package
    # The lock need not know the version of a directory.
    newest = max((version for version, _ in found), key=rank_version)
    wheels = tuple(
        LockedFile(
            filename=path.name,
            sha256=find_digest(path, cache),
            path=os.path.relpath(path.resolve(), base.resolve()),
        )
        for version, path in found
        if version == newest
    )
    source = SourceKind.ARCHIVE if package.source is SourceKind.LOCAL else package.source
    return replace(package, wheels=wheels, source=source)
