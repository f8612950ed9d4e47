"""Runs ``uv lock`` on an environment's project, and writes its files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from wheelfix.env.model import EnvOptions, EnvProject
from wheelfix.errors import ApplyError, describe
from wheelfix.outside.configuration import find_package_sources
from wheelfix.outside.files import open_workplace, write_files
from wheelfix.outside.uv import run_uv_lock


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
            if (directory / "uv.lock").is_file():
                shutil.copyfile(directory / "uv.lock", work / "uv.lock")
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
        once: contents by name, of files that are written only if they do not exist.

    Returns:
        Names of the written files, sorted; the others are up to date.

    Raises:
        OSError: a file cannot be written.
    """
    wanted = {**files, **{name: text for name, text in once.items() if not (directory / name).exists()}}
    changed = {name: text for name, text in sorted(wanted.items()) if _read(directory / name) != text}
    write_files(directory, {name: text.encode() for name, text in changed.items()})
    return tuple(changed)


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
