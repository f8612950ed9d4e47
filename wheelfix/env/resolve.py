"""Runs ``uv lock`` on an environment's project, and writes its files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from wheelfix.env.model import EnvOptions, EnvProject
from wheelfix.errors import ApplyError, describe
from wheelfix.outside.configuration import find_package_sources
from wheelfix.outside.files import open_workplace, write_files
from wheelfix.outside.uv import run_uv_lock
from wheelfix.wheel.input import find_kind, open_regular


@contextmanager
def resolve_project(directory: Path, project: EnvProject, options: EnvOptions) -> Iterator[Path]:
    """Let uv resolve a project in a work directory; versions of an existing uv.lock stay if possible.

    Args:
        directory: of the environment.
        project: the project.
        options: options of the environment.

    Yields:
        The uv.lock, which is deleted after the block.

    Raises:
        InputError: there is no uv, or it cannot resolve.
        ApplyError: uv's input, or what the block writes, cannot be written.
    """
    try:
        with open_workplace() as work:
            (work / "pyproject.toml").write_text(project.text, "utf-8")
            if (present := _read(directory / "uv.lock")) is not None:
                (work / "uv.lock").write_bytes(present)
            run_uv_lock(
                work,
                python=project.python,
                sources=options.lock.scan.sources or find_package_sources(directory=directory),
                build=options.build,
                quiet=options.quiet,
            )
            yield work / "uv.lock"
    except OSError as error:
        problem = f"cannot be written ({describe(error)})"
        raise ApplyError(str(directory), problem, "name another directory") from None


def apply_files(directory: Path, files: Mapping[str, str], *, once: Mapping[str, str]) -> tuple[str, ...]:
    """Write the files that differ: all are written to temporary names first, then renamed.

    Args:
        directory: target directory; made if it is missing.
        files: contents by name.
        once: contents by name, of files that are written only if nothing has their name.

    Returns:
        Names of the written files, sorted; the others are up to date.

    Raises:
        ApplyError: something that is no file has the name of one, or a user's file is a link to nothing.
        OSError: a file cannot be written.
    """
    made = {name: text for name, text in once.items() if not os.path.lexists(directory / name)}
    for name in files:
        _check_kind(directory / name)
    for name in once.keys() - made.keys():
        _check_local(directory / name)
    wanted = {**files, **made}
    changed = {
        name: text for name, text in sorted(wanted.items()) if _read(directory / name) != text.encode()
    }
    write_files(directory, {name: text.encode() for name, text in changed.items()})
    return tuple(changed)


def _check_kind(path: Path) -> None:
    """Refuse to replace a directory, a pipe, or whatever else is no file and no link.

    Raises:
        ApplyError: one of those has the name.
    """
    with suppress(FileNotFoundError, NotADirectoryError):
        mode = path.lstat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISLNK(mode):
            raise ApplyError(
                str(path), f"is {find_kind(mode)}, no file", "move it away, or name another directory"
            )


def _check_local(path: Path) -> None:
    """Refuse a file of the user that Nix could not import; a directory and a link are imported.

    Raises:
        ApplyError: it is a link to nothing, a pipe or a device.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        problem = f"leads nowhere, and Nix imports it ({describe(error)})"
        raise ApplyError(str(path), problem, "mend the link, or delete it: it is written again") from None
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        problem = f"is {find_kind(mode)}, and Nix imports it"
        raise ApplyError(str(path), problem, "move it away: it is written again")


def _read(path: Path) -> bytes | None:
    """Read a file that was written before; None where there is none, or something else has its name."""
    try:
        with open_regular(path, os.O_RDONLY, "rb") as file:
            return file.read()
    except OSError:
        return None
