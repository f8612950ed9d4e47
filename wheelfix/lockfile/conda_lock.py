"""Reads and writes ``conda-lock.yml``, version 1 (conda-lock's ``lockfile/v1/models.py``).

Each package is listed once for each platform, and once more for each further category. A category is a group;
``conda-lock install`` takes ``main`` and ``dev`` unless it is told otherwise, and so does this. A package of
conda is known by its URL: the build string and the subdirectory of the channel are in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from wheelfix.errors import strip_login
from wheelfix.lockfile.checks import (
    check_conda_name,
    check_conda_version,
    check_md5,
    check_name,
    check_sha256,
    check_spec,
    check_subdir,
    check_url,
    check_version,
    find_filename,
    split_archive,
)
from wheelfix.lockfile.locations import is_repository, parse_location, split_files
from wheelfix.lockfile.yaml import write_yaml
from wheelfix.model.base import Misfit, Struct, convert, encode_json, field, make_each, replace
from wheelfix.model.conda import NOARCH, CondaPackage, CondaPlatform
from wheelfix.model.conda_project import CondaProject
from wheelfix.model.lock import Choice, Lock, LockedDependency, LockedFile, LockedPackage, SourceKind
from wheelfix.model.lock_formats import LockKind
from wheelfix.wheel.metadata import normalize_name

DEFAULT_CATEGORIES = ("dev", "main")
VERSION = "1"

_CONDA, _PIP = "conda", "pip"
_VIRTUAL = "__"


class _Head(Struct):
    """Version of the format, read first: in another version the rest may have any form."""

    version: str


class _Hash(Struct):
    """Digests of a file."""

    md5: str | None = None
    sha256: str | None = None


class _Source(Struct):
    """A URL that the user wrote for a package from PyPI."""

    url: str = ""


class _Package(Struct):
    """One entry of ``package``.

    ``category`` is what version 1 has; ``categories`` is its announced successor's.
    """

    name: str
    version: str
    manager: str
    platform: str
    url: str
    hash: _Hash = _Hash()
    dependencies: dict[str, str] = field(default_factory=dict)
    category: str = "main"
    categories: tuple[str, ...] = ()
    source: _Source | str = ""


class _Channel(Struct):
    """A channel, in the long form."""

    url: str


class _Metadata(Struct):
    """What was locked."""

    channels: tuple[_Channel | str, ...] = ()
    platforms: tuple[str, ...] = ()


class _Document(Struct):
    """The whole file."""

    metadata: _Metadata
    package: tuple[_Package, ...] = ()


def parse_conda_lock(name: str, document: Mapping[str, Any]) -> Lock:
    """Convert the YAML of a conda-lock.yml.

    Args:
        name: of the file, for messages.
        document: the whole file; every scalar is text.

    Raises:
        Misfit: it is no conda-lock.yml, or of another version.
    """
    version = convert(document, _Head).version
    if version != VERSION:
        raise Misfit("version", f"is {version[:20]!r}; wheelfix reads version {VERSION}")
    lock = convert(document, _Document)
    # A property of the machine may stand among the packages, and is none.
    made = make_each("package", [p for p in lock.package if not p.name.startswith(_VIRTUAL)], _make_package)
    groups = {group for _, one in made for group in one.in_groups}
    conda: dict[CondaPackage, set[str]] = {}
    pypi: dict[tuple[str, LockedPackage], set[str]] = {}
    for platform, one in made:
        if isinstance(one, CondaPackage):
            conda.setdefault(replace(one, in_groups=()), set()).update(one.in_groups)
        else:
            pypi.setdefault((platform, replace(one, in_groups=())), set()).update(one.in_groups)
    platforms = tuple(sorted({*lock.metadata.platforms, *(platform for platform, _ in made)}))
    return Lock(
        name=name,
        kind=LockKind.CONDA_LOCK,
        packages=_merge(pypi, platforms),
        groups=tuple(sorted(groups)),
        default_groups=tuple(group for group in DEFAULT_CATEGORIES if group in groups),
        conda=tuple(
            replace(one, in_groups=tuple(sorted(categories)))
            for one, categories in sorted(conda.items(), key=lambda pair: _rank(pair[0]))
        ),
        channels=tuple(one if isinstance(one, str) else one.url for one in lock.metadata.channels),
        platforms=tuple(
            CondaPlatform(name=platform, subdir=platform, in_groups=tuple(sorted(groups)))
            for platform in platforms
        ),
    )


def _make_package(package: _Package) -> tuple[str, CondaPackage | LockedPackage]:
    groups = tuple(sorted(map(normalize_name, package.categories or (package.category,))))
    if package.manager == _PIP:
        return package.platform, replace(_make_pypi(package), in_groups=groups)
    if package.manager != _CONDA:
        raise Misfit("manager", f"is {package.manager[:20]!r}, neither {_CONDA} nor {_PIP}")
    return package.platform, replace(_make_conda(package), in_groups=groups)


def _make_conda(package: _Package) -> CondaPackage:
    name, version = check_conda_name(package.name), check_conda_version(package.version)
    is_url = "://" in package.url
    filename = find_filename(check_url(package.url, "url"), "url")
    build = check_conda_version(split_archive(filename, "url")[2], "url")
    path = urlsplit(package.url).path if is_url else package.url
    subdir = unquote(path).rpartition("/")[0].rpartition("/")[2]
    return CondaPackage(
        name=name,
        version=version,
        build=build,
        subdir=NOARCH if subdir == NOARCH else check_subdir(package.platform, "platform"),
        platform=package.platform,
        url=package.url if is_url else "",
        path=None if is_url else package.url,
        filename=filename,
        sha256=_check_digest(package),
        md5=check_md5(package.hash.md5, "hash.md5"),
        depends=tuple(
            check_spec(f"{one} {spec}".rstrip(), "dependencies") for one, spec in package.dependencies.items()
        ),
    )


def _check_digest(package: _Package) -> str | None:
    digest = package.hash.sha256
    return check_sha256(f"sha256:{digest}", "hash.sha256") if digest else None


def _make_pypi(package: _Package) -> LockedPackage:
    source = package.source.url if isinstance(package.source, _Source) else ""
    # Of a repository, conda-lock writes the commit in the place of a SHA-256.
    digest = None if is_repository(package.url) else _check_digest(package)
    location = parse_location(check_url(package.url, "url"), "url", digest)
    wheels, sdist = split_files([location.file] if location.file else [])
    return LockedPackage(
        name=check_name(package.name),
        version=check_version(package.version),
        source=SourceKind.ARCHIVE if source and location.file else location.kind,
        origin=strip_login(source) or location.origin,
        wheels=wheels,
        sdist=sdist,
        dependencies=tuple(
            LockedDependency(name=normalize_name(name)) for name in sorted(package.dependencies)
        ),
    )


def _merge(
    locked: Mapping[tuple[str, LockedPackage], set[str]], platforms: tuple[str, ...]
) -> tuple[LockedPackage, ...]:
    """Merge what is the same version of a package in the same categories: its files for all platforms."""
    alike: dict[tuple[str, str, str, str, tuple[str, ...]], dict[str, LockedPackage]] = {}
    for (platform, one), groups in locked.items():
        key = (one.name, one.version or "", one.source, one.origin, tuple(sorted(groups)))
        alike.setdefault(key, {})[platform] = one
    found = []
    for (*_, categories), by_platform in sorted(alike.items(), key=lambda pair: pair[0]):
        names = tuple(sorted(by_platform))
        several = [by_platform[platform] for platform in names]
        wheels, sdist = split_files(
            file for one in several for file in (*one.wheels, one.sdist) if file is not None
        )
        found.append(
            replace(
                several[0],
                wheels=wheels,
                sdist=sdist,
                dependencies=tuple(dict.fromkeys(edge for one in several for edge in one.dependencies)),
                in_groups=categories,
                platforms=() if names == platforms else names,
            )
        )
    return tuple(found)


def _rank(package: CondaPackage) -> tuple[str, ...]:
    return package.name, package.platform, package.filename


def render_conda_lock(
    project: CondaProject, conda: Iterable[CondaPackage], pypi: Iterable[Choice], subdir: str
) -> str:
    """Write the conda-lock.yml of one environment for one platform.

    Args:
        project: what was asked.
        conda: packages of conda.
        pypi: packages of the PyPI part, each with the file that was chosen.
        subdir: the platform, as conda names it.

    Raises:
        InputError: the extra is not installed.
    """
    asked = (project.specs, project.constraints, project.channels, project.requirements)
    metadata = {
        "content_hash": {subdir: hashlib.sha256(encode_json((asked, subdir))).hexdigest()},
        "channels": [{"url": strip_login(channel), "used_env_vars": []} for channel in project.channels],
        "platforms": [subdir],
        "sources": [project.file],
    }
    category = project.category
    packages = [
        *(_describe_conda(package, subdir, category) for package in sorted(conda, key=_rank)),
        *(
            _describe_pypi(choice.package, choice.file, subdir, category)
            for choice in sorted(pypi, key=lambda choice: choice.package.name)
            if choice.file
        ),
    ]
    document = {"version": int(VERSION), "metadata": metadata, "package": packages}
    return "# Written by `wheelfix env`.\n" + write_yaml(document, subject=project.file)


def _describe_conda(package: CondaPackage, platform: str, category: str) -> dict[str, Any]:
    digests = {"md5": package.md5, "sha256": package.sha256}
    return {
        "name": package.name,
        "version": package.version,
        "manager": _CONDA,
        "platform": platform,
        "dependencies": _join_specs(package.depends),
        "url": package.url,
        "hash": {name: digest for name, digest in digests.items() if digest},
        "category": category,
        "optional": False,
    }


def _join_specs(depends: Sequence[str]) -> dict[str, str]:
    """Write match specifications by name; all of one name hold together."""
    found: dict[str, list[str]] = {}
    for text in depends:
        name, _, spec = text.strip().partition(" ")
        found.setdefault(name, []).append(spec.strip())
    # A build string belongs to one version alone, and can stand in no list.
    return {
        name: ",".join(dict.fromkeys(filter(None, specs))) if not any(map(_has_build, specs)) else specs[-1]
        for name, specs in sorted(found.items())
    }


def _has_build(spec: str) -> bool:
    return re.search(r"[^,|<>=!~\s]\s+[^,|<>=!~\s]", spec) is not None


def _describe_pypi(package: LockedPackage, file: LockedFile, platform: str, category: str) -> dict[str, Any]:
    return {
        "name": package.name,
        "version": package.version,
        "manager": _PIP,
        "platform": platform,
        "dependencies": {edge.name: "" for edge in sorted(package.dependencies, key=lambda edge: edge.name)},
        "url": strip_login(file.url or "") or Path(file.path or "").absolute().as_uri(),
        "hash": {"sha256": file.sha256},
        "category": category,
        "optional": False,
    }
