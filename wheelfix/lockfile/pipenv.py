"""Reads ``Pipfile.lock``, version 6 (pipenv's ``pipenv/utils/locking.py``, and ``plette``'s models).

The file is JSON: one table of packages for each category of the Pipfile, ``default`` and ``develop`` first.
It says what ``pipenv requirements --hash`` prints: pins, markers, and hashes without the names of the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from wheelfix.lockfile.checks import check_name, check_sha256, check_version, find_filename
from wheelfix.lockfile.markers import join_markers
from wheelfix.lockfile.project import Project
from wheelfix.model.base import Misfit, Struct, convert, field, make_one, replace
from wheelfix.model.lock import Lock, LockedFile, LockedPackage, SourceKind
from wheelfix.model.lock_formats import LockKind
from wheelfix.wheel.metadata import normalize_name

_VERSION = 6
DEFAULT = "default"
"""The category that every environment has."""


class _Requires(Struct):
    """The Python that the Pipfile names: a minor version, or a full one."""

    python_version: str = ""
    python_full_version: str = ""


class _Meta(Struct, rename={"version": "pipfile-spec"}):
    """The version of the format, and what the lock is for."""

    version: int
    requires: _Requires = field(default_factory=_Requires)


class _Head(Struct, rename={"meta": "_meta"}):
    """Version of the format, read first: in another version the rest may have any form."""

    meta: _Meta


class _Package(Struct):
    """One package: a version, or the place of it. ``*`` stands where pipenv has not resolved it."""

    version: str = "*"
    hashes: tuple[str, ...] = ()
    markers: str = ""
    editable: bool = False
    file: str | None = None
    path: str | None = None
    git: str | None = None
    hg: str | None = None
    svn: str | None = None
    bzr: str | None = None


def parse_pipenv(name: str, document: Mapping[str, Any], project: Project | None = None) -> Lock:
    """Convert the JSON of a Pipfile.lock.

    Args:
        name: of the file, for messages.
        document: the whole file.
        project: the pyproject.toml beside it, which adds nothing to this format.

    Raises:
        Misfit: it is not a Pipfile.lock, or of another version.
    """
    meta = convert(document, _Head).meta
    if meta.version != _VERSION:
        raise Misfit("_meta.pipfile-spec", f"is {meta.version}; wheelfix reads version {_VERSION}")
    categories = [key for key in document if key != "_meta"]
    packages = [
        package
        for category in categories
        for package in make_one(category, document[category], partial(_make_table, category))
    ]
    return Lock(
        name=name,
        kind=LockKind.PIPENV,
        requires_python=_find_python(meta.requires),
        packages=_merge(packages),
        groups=tuple(sorted(map(normalize_name, categories))),
        default_groups=(DEFAULT,),
    )


def _find_python(requires: _Requires) -> str:
    """Return the Python as version specifiers; of a full version the minor one, which nixpkgs has."""
    version = check_version(requires.python_full_version or requires.python_version or None, "_meta.requires")
    return f"=={'.'.join(version.split('.')[:2])}.*" if version else ""


def _make_table(category: str, table: Any) -> list[LockedPackage]:
    packages = convert(table, dict[str, _Package])
    return [
        replace(make_one(name, (name, package), _make_package), in_groups=(normalize_name(category),))
        for name, package in packages.items()
    ]


def _make_package(named: tuple[str, _Package]) -> LockedPackage:
    name, package = named
    kind = _find_kind(package)
    digests = [found for text in package.hashes if (found := check_sha256(text, "hashes"))]
    place = package.file or package.path
    file = None
    if kind is SourceKind.ARCHIVE and place:
        filename = find_filename(place, "file" if package.file else "path")
        url, path = (place, None) if "://" in place else (None, place)
        file = LockedFile(filename=filename, sha256=digests[0] if digests else None, url=url, path=path)
    is_wheel = file is not None and file.filename.endswith(".whl")
    return LockedPackage(
        name=check_name(name),
        version=_find_version(package),
        source=kind,
        wheels=(file,) if file and is_wheel else (),
        sdist=file if not is_wheel else None,
        hashes=tuple(sorted(digests)) if kind is SourceKind.INDEX else (),
        marker=package.markers,
    )


def _find_version(package: _Package) -> str | None:
    text = package.version
    if text == "*":
        return None
    if not text.startswith("=="):
        raise Misfit("version", f"is {text[:60]!r}, and no pin")
    return check_version(text.lstrip("="))


def _find_kind(package: _Package) -> SourceKind:
    if package.git or package.hg or package.svn or package.bzr:
        return SourceKind.VCS
    if package.file:
        return SourceKind.ARCHIVE
    if package.path:
        archive = package.path.endswith((".whl", ".tar.gz", ".zip")) and not package.editable
        return SourceKind.ARCHIVE if archive else SourceKind.LOCAL
    return SourceKind.INDEX


def _merge(packages: Iterable[LockedPackage]) -> tuple[LockedPackage, ...]:
    """Make one package of those that several categories have; pipenv gives these the same version."""
    found: dict[tuple[str, str | None, SourceKind], LockedPackage] = {}
    for package in packages:
        key = (package.name, package.version, package.source)
        other = found.get(key)
        if other:
            package = replace(
                other,
                hashes=tuple(sorted({*other.hashes, *package.hashes})),
                marker=join_markers([other.marker, package.marker]),
                in_groups=tuple(sorted({*other.in_groups, *package.in_groups})),
            )
        found[key] = package
    return tuple(found.values())
