"""What an environment has that may be edited, and what nobody touches."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.errors import EditRefused, InputError
from wheelfix.patch.below import open_directory, open_parent, open_regular, tell_links
from wheelfix.patch.checked import plan_open
from wheelfix.patch.files import has_rights, tell_errors
from wheelfix.patch.model import ElfEdit, FileResult
from wheelfix.wheel.environment import Environment, read_environment
from wheelfix.wheel.tree import OWN

MAX_FILE = 16 << 30
"""Bytes of a file that is edited or restored; a sparse one takes no room until somebody copies it."""


def read_target(directory: Path) -> Environment:
    """Read an environment that may have a manifest.

    Raises:
        InputError: it cannot be read, or what looks like a manifest came with something that is installed.
    """
    environment = read_environment(directory, ELF_MAGIC)
    own = posixpath.relpath(environment.root / OWN, environment.site)
    for installed in environment.distributions:
        distribution = installed.distribution
        if distribution and any(path == own or path.startswith(f"{own}/") for path in distribution.files):
            subject, name = str(environment.root / OWN), distribution.name
            hint = f"uninstall {name}, and report it to who made it"
            raise InputError(subject, f"was installed by {name}: it is no record of what wheelfix did", hint)
    return environment


def probe_environment(directory: Path, edits: Mapping[str, ElfEdit]) -> tuple[FileResult, ...]:
    """Tell what would become of edits; nothing is written.

    Args:
        directory: as for :func:`wheelfix.wheel.environment.read_environment`.
        edits: by path, as that function spells it.

    Returns:
        How each edit would be done, or why not, sorted by path.

    Raises:
        InputError: the environment cannot be read.
        ApplyError: a file cannot be read.
    """
    environment = read_target(directory)
    files = [f for i in environment.distributions for f in i.elf_files if f.path in edits]
    results = []
    with tell_errors(environment.root), open_directory(environment.root) as root:
        for file in sorted(files, key=lambda f: f.path):
            method, problem = None, None
            try:
                with tell_errors(file.disk), open_file(root, environment.root, file.disk) as (fd, _, _):
                    method = plan_open(str(file.disk), fd, edits[file.path]).method
            except EditRefused as refused:
                problem = refused.problem
            results.append(FileResult(path=file.path, method=method, problem=problem))
    return tuple(results)


@contextmanager
def open_file(root: int, top: Path, disk: Path) -> Iterator[tuple[int, int, str]]:
    """Open a file of an environment for an edit: its descriptor, that of its directory, and its name there.

    Raises:
        EditRefused: it is a link by now, or a program that runs with rights of its own.
        OSError: it cannot be opened.
    """
    subject = str(disk)
    with (
        tell_links(subject),
        open_parent(root, name_below(top, disk)) as (directory, name),
        open_regular(directory, name, subject) as fd,
    ):
        if os.fstat(fd).st_size > MAX_FILE:
            raise EditRefused(
                subject, f"has more than {MAX_FILE >> 30} GiB", "no program is as large: delete it"
            )
        if has_rights(fd):
            raise EditRefused(
                subject,
                "runs with rights that its user does not have (set-user-ID or a capability)",
                "leave it as it is: such a program has to load what its maker chose",
            )
        yield fd, directory, name


def name_below(top: Path, disk: Path) -> str:
    """Path of a file relative to its environment."""
    return disk.relative_to(top).as_posix()
