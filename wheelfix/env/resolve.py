"""Requirements resolved by uv, and the files of an environment put in place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from wheelfix.env.model import EnvOptions, EnvProject
from wheelfix.errors import ApplyError, describe
from wheelfix.outside.configuration import find_package_sources
from wheelfix.outside.uv import run_uv_lock


@contextmanager
def resolve_project(directory: Path, project: EnvProject, options: EnvOptions) -> Iterator[Path]:
    """Let uv resolve a project, beside its place; versions of the uv.lock that is there stay where they can.

    Args:
        directory: of the environment.
        project: what it is made of.
        options: how.

    Yields:
        The uv.lock, which is gone after the block.

    Raises:
        InputError: there is no uv, or it cannot resolve.
        ApplyError: uv's input, or what the block writes, cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="wheelfix-env-") as name:
            work = Path(name)
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
    """Write the files that differ: each beside its place first, then all are renamed.

    Args:
        directory: where to; made if it is missing.
        files: contents by name.
        once: the same, of files that stay as they are if they are there.

    Returns:
        Names of the files that were written, sorted; the others are as they should be.

    Raises:
        OSError: something cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    wanted = {**files, **{name: text for name, text in once.items() if not (directory / name).exists()}}
    changed = {name: text for name, text in sorted(wanted.items()) if _read(directory / name) != text}
    partial: list[tuple[Path, Path]] = []
    try:
        for name, text in changed.items():
            handle, made = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
            partial.append((Path(made), directory / name))
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(made).chmod(0o644)
        for made_path, place in partial:
            made_path.replace(place)
    finally:
        for made_path, _ in partial:
            made_path.unlink(missing_ok=True)
    return tuple(changed)


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
