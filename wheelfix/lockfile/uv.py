"""``uv.lock``, version 1 (uv's ``crates/uv-resolver/src/lock``)."""

from __future__ import annotations

from wheelfix.lockfile.getters import Table, make_file
from wheelfix.lockfile.markers import normalize_name
from wheelfix.model.base import replace
from wheelfix.model.lock import (
    DependencySet,
    Lock,
    LockedDependency,
    LockedFile,
    LockedPackage,
    LockKind,
    SourceKind,
)

_VERSION = 1
_LOCAL = ("virtual", "editable", "directory")


def parse_uv(table: Table, *, default_groups: tuple[str, ...] = ("dev",)) -> Lock:
    """Read a parsed uv.lock.

    Args:
        table: the whole document.
        default_groups: dependency groups that uv takes by itself (``tool.uv.default-groups``).

    Raises:
        InputError: it is none, or a newer version; names the path of what is wrong.
    """
    version = table.require("version", int)
    if version != _VERSION:
        raise table.fail("version", f"is {version}; wheelfix reads version {_VERSION}")
    packages = tuple(_parse_package(package) for package in table.tables("package"))
    members = {normalize_name(member) for member in table.table("manifest").strings("members")}
    entries = zip(packages, table.tables("package"), strict=True)
    roots = tuple(p.name for p, entry in entries if p.name in members or _is_root(entry))
    return Lock(
        name=table.lock,
        kind=LockKind.UV,
        requires_python=table.get("requires-python", str) or "",
        environments=table.strings("supported-markers"),
        packages=packages,
        roots=roots or tuple(p.name for p in packages if p.source is SourceKind.LOCAL),
        default_groups=default_groups,
    )


def _is_root(table: Table) -> bool:
    source = table.table("source")
    return any(source.get(key, str) == "." for key in _LOCAL)


def _parse_package(table: Table) -> LockedPackage:
    source = table.table("source")
    kind = _find_kind(source)
    sdist = table.table("sdist")
    wheels = () if kind in {SourceKind.LOCAL, SourceKind.VCS} else table.tables("wheels")
    files = tuple(_place(make_file(wheel), source) for wheel in wheels)
    archive = source.get("url", str) or source.get("path", str)
    has_sdist = kind in {SourceKind.INDEX, SourceKind.ARCHIVE} and bool(sdist.values)
    if has_sdist and archive and not (sdist.values.keys() & {"url", "path", "filename"}):
        # A file given by its URL: uv.lock has the URL in ``source`` alone.
        sdist = Table(table.lock, sdist.path, {**sdist.values, "url": archive})
    return LockedPackage(
        name=table.name(),
        version=table.version(),
        source=kind,
        wheels=files,
        sdist=_place(make_file(sdist), source) if has_sdist else None,
        dependencies=_parse_dependencies(table.tables("dependencies")),
        extras=_parse_sets(table.table("optional-dependencies")),
        groups=_parse_sets(table.table("dev-dependencies")),
        origin=_find_origin(source) or "",
    )


def _place(file: LockedFile, source: Table) -> LockedFile:
    """Say where a file is that is not named by its URL.

    Files of an index that is a directory are named relative to it, and that relative to the lock. A file that
    the project names by its path has that path in ``source`` alone.
    """
    registry, archive = source.get("registry", str), source.get("path", str)
    if archive and not (file.path or file.url):
        return replace(file, path=archive)
    if file.path is None or file.path.startswith("/") or registry is None or "://" in registry:
        return file
    return replace(file, path=f"{registry}/{file.path}")


def _find_origin(source: Table) -> str | None:
    """A source as text that is equal for equal sources; None for none."""
    pairs = sorted((key, value) for key, value in source.values.items() if isinstance(value, str))
    return " ".join(f"{key} {value}" for key, value in pairs) or None


def _find_kind(source: Table) -> SourceKind:
    if any(key in source.values for key in _LOCAL):
        return SourceKind.LOCAL
    if "git" in source.values:
        return SourceKind.VCS
    if "url" in source.values or "path" in source.values:
        return SourceKind.ARCHIVE
    source.require("registry", str)
    return SourceKind.INDEX


def _parse_sets(table: Table) -> tuple[DependencySet, ...]:
    return tuple(
        DependencySet(name=normalize_name(key), dependencies=_parse_dependencies(table.tables(key)))
        for key in sorted(table.values)
    )


def _parse_dependencies(tables: list[Table]) -> tuple[LockedDependency, ...]:
    return tuple(
        LockedDependency(
            name=table.name(),
            version=table.version(),
            origin=_find_origin(table.table("source")),
            marker=table.get("marker", str) or "",
            extras=tuple(sorted(map(normalize_name, table.strings("extra")))),
        )
        for table in tables
    )
