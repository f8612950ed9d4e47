"""``poetry.lock``, versions 1 and 2 (poetry's ``src/poetry/packages/locker.py``).

The lock does not say what the project itself requires. With the project's pyproject.toml at hand its
dependencies are the roots; else every package that no other one requires is.
"""

from __future__ import annotations

import re
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from wheelfix.lockfile.getters import Table, find_filename
from wheelfix.lockfile.markers import normalize_name
from wheelfix.model.lock import (
    DependencySet,
    Lock,
    LockedDependency,
    LockedFile,
    LockedPackage,
    LockKind,
    SourceKind,
)

_MAJORS = {"1", "2"}
_KINDS = {
    "git": SourceKind.VCS,
    "directory": SourceKind.LOCAL,
    "url": SourceKind.ARCHIVE,
    "file": SourceKind.ARCHIVE,
}
MAIN = "main"


def parse_poetry(table: Table, project: Table | None = None) -> Lock:
    """Read a parsed poetry.lock.

    Args:
        table: the whole document.
        project: the parsed pyproject.toml beside it.

    Raises:
        InputError: it is none, or of a newer major version; names the path of what is wrong.
    """
    version = table.table("metadata").require("lock-version", str)
    if version.partition(".")[0] not in _MAJORS:
        raise table.fail("metadata.lock-version", f"is {version!r}; wheelfix reads versions 1 and 2")
    old_files = table.table("metadata").table("files")
    packages = tuple(_parse_package(package, old_files) for package in table.tables("package"))
    extras = tuple(
        DependencySet(
            name=normalize_name(key),
            dependencies=tuple(
                LockedDependency(name=normalize_name(re.split(r"[ (<>=!~;\[]", text)[0]))
                for text in table.table("extras").strings(key)
            ),
        )
        for key in sorted(table.table("extras").values)
    )
    groups = {group for package in packages for group in package.in_groups}
    return Lock(
        name=table.lock,
        kind=LockKind.POETRY,
        requires_python=_find_python(table.table("metadata").get("python-versions", str) or ""),
        packages=packages,
        roots=_find_roots(packages, project),
        extras=extras,
        default_groups=tuple(sorted({MAIN, *groups})),
    )


def _find_python(text: str) -> str:
    """Poetry's constraints are its own language; only what PEP 440 shares with it is taken."""
    plain = all(re.fullmatch(r"\s*(?:[<>]=?|[!=]=)\s*[\d.*]+\s*", part) for part in text.split(","))
    return text if text and plain else ""


def _find_roots(packages: tuple[LockedPackage, ...], project: Table | None) -> tuple[str, ...]:
    names = {package.name for package in packages}
    if project and (wanted := _read_project(project) & names):
        return tuple(sorted(wanted))
    required = {d.name for package in packages for d in package.dependencies if d.name != package.name}
    return tuple(sorted(p.name for p in packages if p.name not in required and not p.optional))


def _read_project(project: Table) -> set[str]:
    """Names of all direct dependencies, of every group; which of them count is told by the lock's groups."""
    found: set[str] = set()
    texts = list(project.table("project").strings("dependencies"))
    groups = project.table("dependency-groups")
    for key in groups.values:
        texts += [text for text in groups.get(key, list) or [] if isinstance(text, str)]
    for text in texts:
        try:
            found.add(normalize_name(Requirement(text).name))
        except InvalidRequirement:
            raise project.fail("project.dependencies", f"{text!r} is no requirement") from None
    poetry = project.table("tool").table("poetry")
    tables = [poetry.table("dependencies"), poetry.table("dev-dependencies")]
    tables += [poetry.table("group").table(key).table("dependencies") for key in poetry.table("group").values]
    for table in tables:
        optional = {k for k, v in table.values.items() if isinstance(v, dict) and v.get("optional") is True}
        found |= {normalize_name(key) for key in table.values if key != "python" and key not in optional}
    return found


def _parse_package(table: Table, old_files: Table) -> LockedPackage:
    name, version = table.name(), table.version() or table.require("version", str)
    source = table.table("source")
    files = table.tables("files") or _find_old_files(old_files, table.require("name", str))
    parsed = [_parse_file(file, source) for file in files]
    return LockedPackage(
        name=name,
        version=version,
        source=_KINDS.get(source.get("type", str) or "", SourceKind.INDEX),
        wheels=tuple(f for f in parsed if f.filename.endswith(".whl")),
        sdist=next((f for f in parsed if f.filename.endswith((".tar.gz", ".zip", ".tar.bz2"))), None),
        dependencies=_parse_dependencies(table.table("dependencies")),
        extras=_parse_extras(table),
        marker=_find_marker(table),
        in_groups=tuple(sorted(map(normalize_name, table.strings("groups")))) or _find_category(table),
        optional=bool(table.get("optional", bool)),
    )


def _find_old_files(old: Table, name: str) -> list[Table]:
    """Up to lock version 1.1 (poetry 1.1) files are in ``metadata.files``."""
    return old.tables(name)


def _find_category(table: Table) -> tuple[str, ...]:
    category = table.get("category", str)
    return (normalize_name(category),) if category else ()


def _parse_file(table: Table, source: Table) -> LockedFile:
    name = table.require("file", str)
    url = table.get("url", str)
    if url is None and source.get("type", str) == "url":
        url = source.get("url", str)
    path = source.get("url", str) if source.get("type", str) == "file" else None
    return LockedFile(
        filename=find_filename(table, "file", name), sha256=table.sha256("hash"), url=url, path=path
    )


def _find_marker(table: Table) -> str:
    markers: Any = table.values.get("markers")
    if markers is None:
        return ""
    if isinstance(markers, str):
        return markers
    if isinstance(markers, dict) and all(isinstance(m, str) for m in markers.values()):
        if any(not m or m not in markers.values() for m in markers.values()):
            return ""
        return " or ".join(f"({marker})" for marker in dict.fromkeys(markers.values()))
    raise table.fail("markers", "is neither text nor a table of text")


def _parse_dependencies(table: Table) -> tuple[LockedDependency, ...]:
    found = []
    for key in sorted(table.values):
        value: Any = table.values[key]
        entries = value if isinstance(value, list) else [value]
        for number, entry in enumerate(entries):
            if isinstance(entry, str):
                found.append(LockedDependency(name=normalize_name(key)))
            elif isinstance(entry, dict):
                below = Table(table.lock, f"{table.path}.{key}[{number}]", entry)
                if below.get("optional", bool):
                    continue  # it is in the package's extras, too
                found.append(
                    LockedDependency(
                        name=normalize_name(key),
                        marker=below.get("markers", str) or "",
                        extras=tuple(sorted(map(normalize_name, below.strings("extras")))),
                    )
                )
            else:
                raise table.fail(key, "is neither a version nor a table")
    return tuple(found)


def _parse_extras(table: Table) -> tuple[DependencySet, ...]:
    extras = table.table("extras")
    return tuple(
        DependencySet(
            name=normalize_name(key),
            dependencies=tuple(
                LockedDependency(name=normalize_name(match[1]))
                for text in extras.strings(key)
                if (match := re.match(r"\s*([A-Za-z0-9][\w.-]*)", text))
            ),
        )
        for key in sorted(extras.values)
    )
