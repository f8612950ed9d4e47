"""What source distributions are built with: ``[build-system]`` of pyproject.toml (PEP 517, PEP 518)."""

from __future__ import annotations

import re
import tarfile
import tomllib
import zipfile
import zlib
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.model.facts import BuildSystem
from wheelfix.wheel.metadata import find_environment, parse_requirement

_LEGACY = BuildSystem(requires=("setuptools", "wheel"), backend="setuptools.build_meta:__legacy__")
_MAX = 4 << 20
_TOP = re.compile(r"[^/]+/(?:pyproject\.toml|(?:[^/]+/){0,3}Cargo\.toml)")


def read_build_system(path: Path) -> BuildSystem:
    """Read the build system of a source distribution; nothing is extracted or executed.

    Args:
        path: ``.tar.gz`` or ``.zip``.

    Returns:
        What pyproject.toml says; setuptools and wheel where there is none, as PEP 517 has it.

    Raises:
        InputError: it is no archive, or damaged.
    """
    try:
        project, cargo = _read_zip(path) if zipfile.is_zipfile(path) else _read_tar(path)
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        problem = f"is no source distribution that can be read ({type(error).__name__})"
        raise InputError(path.name, problem, "fetch it again") from None
    try:
        table = tomllib.loads(project.decode("utf-8"))["build-system"] if project else None
    except (KeyError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        table = None
    if not isinstance(table, dict) or not isinstance(table.get("requires"), list):
        return BuildSystem(requires=_LEGACY.requires, backend=_LEGACY.backend, cargo=cargo)
    environment = find_environment(())
    lines = [line for line in table["requires"] if isinstance(line, str)]
    parsed = [parse_requirement(line, environment) for line in lines]
    backend = table.get("build-backend")
    return BuildSystem(
        requires=tuple(sorted({one.name for one in parsed if one and one.active})),
        backend=backend if isinstance(backend, str) else _LEGACY.backend,
        cargo=cargo,
    )


def _read_tar(path: Path) -> tuple[bytes, bool]:
    project, cargo = b"", False
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            if member.isfile() and _TOP.fullmatch(member.name):
                cargo |= member.name.endswith("Cargo.toml")
                if (
                    member.name.count("/") == 1
                    and member.name.endswith("pyproject.toml")
                    and member.size <= _MAX
                ):
                    file = archive.extractfile(member)
                    project = file.read() if file else b""
    return project, cargo


def _read_zip(path: Path) -> tuple[bytes, bool]:
    project, cargo = b"", False
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if _TOP.fullmatch(info.filename):
                cargo |= info.filename.endswith("Cargo.toml")
                if (
                    info.filename.count("/") == 1
                    and info.filename.endswith("pyproject.toml")
                    and info.file_size <= _MAX
                ):
                    project = archive.read(info)
    return project, cargo
