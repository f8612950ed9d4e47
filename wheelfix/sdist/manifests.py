"""Cargo.lock, Cargo.toml and what belongs to them, as models.

Formats: the Cargo book, chapters "The Manifest Format", "Specifying Dependencies", "Workspaces" and
"Features"; Cargo.lock is described by ``src/cargo/core/resolver/encode.rs`` of cargo.
"""

from __future__ import annotations

import posixpath
import tomllib
from collections.abc import Iterator
from typing import Any

from wheelfix.errors import InputError
from wheelfix.model.sdist import CargoLock, CrateDependency, LockedCrate, Manifest

_KINDS = ("dependencies", "build-dependencies", "build_dependencies")
_SHARED = ("version", "rust-version", "edition")
_DAMAGED = "unpack the source distribution again, or report it to its authors"


def parse_toml(path: str, text: bytes) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        path: for messages.
        text: the file.

    Raises:
        InputError: it is no TOML.
    """
    try:
        return tomllib.loads(text.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        said = str(error) if isinstance(error, tomllib.TOMLDecodeError) else type(error).__name__
        raise InputError(path, f"is no TOML: {said}", _DAMAGED) from None


def parse_lock(path: str, text: bytes) -> CargoLock:
    """Read a Cargo.lock of any version.

    Raises:
        InputError: it is no TOML, or a package in it has no name or version.
    """
    document = parse_toml(path, text)
    crates = []
    for package in _get_list(path, document, "package"):
        table = _check_table(path, package)
        crates.append(
            LockedCrate(
                name=_get_text(path, table, "name") or _refuse(path, "has a package without a name"),
                version=_get_text(path, table, "version") or _refuse(path, "has a package without a version"),
                source=_get_text(path, table, "source"),
                dependencies=_get_texts(path, table, "dependencies"),
            )
        )
    return CargoLock(crates=tuple(crates))


def parse_manifest(path: str, text: bytes) -> Manifest:
    """Read a Cargo.toml.

    Raises:
        InputError: it is no TOML, or something in it has another type than cargo takes.
    """
    document = parse_toml(path, text)
    package = _get_table(path, document, "package") or _get_table(path, document, "project")
    workspace = _get_table(path, document, "workspace")
    features = _get_table(path, document, "features")
    shared = _get_table(path, workspace, "package")
    return Manifest(
        path=path,
        name=_get_text(path, package, "name"),
        version=_get_inherited(path, package, "version"),
        rust_version=_get_inherited(path, package, "rust-version"),
        edition=_get_inherited(path, package, "edition"),
        dependencies=tuple(_parse_all(path, document)),
        features={name: _get_texts(path, features, name) for name in features},
        is_workspace="workspace" in document,
        workspace_root=_get_text(path, package, "workspace"),
        members=_get_texts(path, workspace, "members"),
        excluded=_get_texts(path, workspace, "exclude"),
        workspace_dependencies=tuple(_parse_table(path, workspace, "dependencies", "")),
        workspace_package={
            key: value for key in _SHARED if (value := _get_text(path, shared, key)) is not None
        },
        patched=dict(_find_patched(path, document)),
    )


def parse_vendored(path: str, text: bytes) -> str | None:
    """Find the directory that replaces the registry, if a ``.cargo/config.toml`` names one.

    Returns:
        As written there, relative to the directory that ``.cargo`` is in.

    Raises:
        InputError: it is no TOML.
    """
    sources = _get_table(path, parse_toml(path, text), "source")
    name, seen = "crates-io", set[str]()
    while name not in seen:
        seen.add(name)
        source = _get_table(path, sources, name)
        if directory := _get_text(path, source, "directory"):
            return directory
        name = _get_text(path, source, "replace-with") or name
    return None


def parse_channel(path: str, text: bytes) -> str | None:
    """Read the channel out of ``rust-toolchain.toml``, or of the older ``rust-toolchain`` with one line.

    Raises:
        InputError: a ``.toml`` file is no TOML.
    """
    lines = text.decode("utf-8", "replace").strip().splitlines()
    if not path.endswith(".toml") and len(lines) == 1:
        return lines[0]
    return _get_text(path, _get_table(path, parse_toml(path, text), "toolchain"), "channel")


def _parse_all(path: str, document: dict[str, Any]) -> Iterator[CrateDependency]:
    for kind in _KINDS:
        yield from _parse_table(path, document, kind, "")
    targets = _get_table(path, document, "target")
    for target in targets:
        table = _get_table(path, targets, target)
        for kind in _KINDS:
            yield from _parse_table(path, table, kind, target)


def _parse_table(path: str, document: dict[str, Any], kind: str, target: str) -> Iterator[CrateDependency]:
    table = _get_table(path, document, kind)
    for key, value in table.items():
        line = value if isinstance(value, dict) else {}
        default = line.get("default-features", line.get("default_features"))
        inherited = bool(line.get("workspace"))
        yield CrateDependency(
            key=key,
            name=_get_text(path, line, "package") or key,
            features=_get_texts(path, line, "features"),
            default_features=default if isinstance(default, bool) else None,
            optional=line.get("optional") is True,
            path=_get_text(path, line, "path"),
            target=target,
            inherited=inherited,
        )


def _find_patched(path: str, document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    tables = _get_table(path, document, "patch")
    for registry in tables:
        for dependency in _parse_table(path, tables, registry, ""):
            if dependency.path is not None:
                directory = posixpath.dirname(path)
                yield dependency.name, posixpath.normpath(posixpath.join(directory, dependency.path))


def _get_table(path: str, table: dict[str, Any], key: str) -> dict[str, Any]:
    return _check_table(f"{path}: {key}", table.get(key, {}))


def _check_table(path: str, value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else _refuse(path, "is no table")


def _get_list(path: str, table: dict[str, Any], key: str) -> list[Any]:
    value = table.get(key, [])
    return value if isinstance(value, list) else _refuse(f"{path}: {key}", "is no list")


def _get_text(path: str, table: dict[str, Any], key: str) -> str | None:
    value = table.get(key)
    return value if value is None or isinstance(value, str) else _refuse(f"{path}: {key}", "is no string")


def _get_inherited(path: str, package: dict[str, Any], key: str) -> str | None:
    value = package.get(key)
    return (
        "workspace" if isinstance(value, dict) and value.get("workspace") else _get_text(path, package, key)
    )


def _get_texts(path: str, table: dict[str, Any], key: str) -> tuple[str, ...]:
    values = _get_list(path, table, key)
    if not all(isinstance(value, str) for value in values):
        _refuse(f"{path}: {key}", "is no list of strings")
    return tuple(values)


def _refuse(subject: str, problem: str) -> Any:
    raise InputError(subject, problem, _DAMAGED)
