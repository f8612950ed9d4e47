"""Opens the directory ``.wheelfix`` of an environment, and checks who owns it; anybody may have made it."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.model.base import Struct
from wheelfix.patch.files import tell_errors
from wheelfix.patch.nofollow import open_directory
from wheelfix.wheel.tree import OWN

ROOTS = "roots"
"""Name of the directory of links that protect store paths from garbage collection."""

LAST_RUN = "last-run.json"
"""Name of the file that says how the last run left the environment."""


class StateDirectory(Struct):
    """The directory of a manifest, open; ``root`` is the environment, ``subject`` its path for messages."""

    fd: int
    root: int
    subject: Path


@contextmanager
def open_roots(home: Path) -> Iterator[Path]:
    """Make the directory of links that protect store paths from garbage collection.

    Args:
        home: the environment, or directory of a patched wheel, that uses the store paths.

    Yields:
        The directory.

    Raises:
        InputError: what is there is not wheelfix's.
        ApplyError: it cannot be made.
    """
    roots = home / OWN / ROOTS
    with ExitStack() as stack:
        with tell_errors(roots):
            home.mkdir(parents=True, exist_ok=True)
            top = stack.enter_context(open_directory(home.resolve()))
            state = stack.enter_context(open_state(top, home / OWN))
            with suppress(FileExistsError):
                os.mkdir(ROOTS, 0o755, dir_fd=state.fd)
            with _tell_strange(roots), open_directory(ROOTS, inside=state.fd) as inner:
                check_ownership(inner, roots, top)
        yield roots


@contextmanager
def open_state(root: int, subject: Path) -> Iterator[StateDirectory]:
    """Open the directory of an environment, or make it.

    Args:
        root: the environment, open.
        subject: path of the directory, for messages.

    Raises:
        InputError: what is there is not wheelfix's.
        OSError: it cannot be made or opened.
    """
    with suppress(FileExistsError):
        os.mkdir(OWN, 0o755, dir_fd=root)
    with ExitStack() as stack:
        with _tell_strange(subject):
            fd = stack.enter_context(open_directory(OWN, inside=root))
        check_ownership(fd, subject, root)
        yield StateDirectory(fd=fd, root=root, subject=subject)


@contextmanager
def _tell_strange(subject: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOTDIR, errno.ELOOP}:
            raise
        raise InputError(str(subject), "is no directory, but a link or another file", REMOVE) from None


REMOVE = "look at what it is, and move it away"


def check_ownership(fd: int, subject: Path, root: int) -> None:
    """Refuse a file or directory that another user put where wheelfix writes.

    Raises:
        InputError: it belongs to another user, or is a hard link, so that another file would change too.
    """
    info = os.fstat(fd)
    if not (stat.S_ISDIR(info.st_mode) or stat.S_ISREG(info.st_mode)):
        raise InputError(str(subject), "is no regular file", REMOVE)
    if info.st_uid not in {0, os.geteuid(), os.fstat(root).st_uid}:
        raise InputError(str(subject), f"belongs to user {info.st_uid}", REMOVE)
    if stat.S_ISREG(info.st_mode) and info.st_nlink > 1:
        raise InputError(
            str(subject), "has a second name: it is a hard link", "replace it by a copy of itself"
        )


def is_there(name: str, directory: int) -> bool:
    """Whether an open directory has an entry of that name, of any kind."""
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def remove_tree(state: StateDirectory, name: str) -> None:
    """Remove a directory and its contents; no link is followed.

    Raises:
        InputError: it is not a directory.
    """
    if not is_there(name, state.fd):
        return
    if not stat.S_ISDIR(os.stat(name, dir_fd=state.fd, follow_symlinks=False).st_mode):
        raise InputError(str(state.subject / name), "is no directory, but a link or another file", REMOVE)
    shutil.rmtree(name, dir_fd=state.fd)
