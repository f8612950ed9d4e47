"""Opens, replaces and removes files below a directory without following symbolic links.

The contents of an environment are not trusted, and may change between a check and a use. A path that was
checked may later name another file, but the descriptor of a directory always refers to the same directory. So
every file is opened, made, renamed and removed by its name in an open directory, and no symbolic link is
followed on the way.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wheelfix.errors import ApplyError, EditRefused
from wheelfix.outside.files import stage_inside
from wheelfix.patch.files import copy_attributes, copy_contents

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK})
"""Another mount, or a file system without hard links."""
_LINKS = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})


def is_below(path: str) -> bool:
    """Whether a relative POSIX path stays inside its directory, without empty, ``.`` or ``..`` parts."""
    return "\0" not in path and not {"", ".", ".."} & set(path.split("/"))


@contextmanager
def open_directory(path: Path | str, *, inside: int | None = None) -> Iterator[int]:
    """Open a directory that is not a symbolic link itself.

    Args:
        path: its path, or its name in ``inside``.
        inside: an open directory.

    Raises:
        OSError: it is not a directory, or cannot be opened.
    """
    fd = os.open(path, _DIRECTORY, dir_fd=inside)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def open_parent(root: int, path: str) -> Iterator[tuple[int, str]]:
    """Open the directory of a file.

    Args:
        root: an open directory.
        path: POSIX path relative to it, accepted by :func:`is_below`.

    Yields:
        Descriptor of the directory, and the name of the file in it.

    Raises:
        OSError: a part of the path is not a directory, or cannot be opened.
    """
    assert is_below(path), path
    *parts, name = path.split("/")
    fd = os.dup(root)
    try:
        for part in parts:
            inner = os.open(part, _DIRECTORY, dir_fd=fd)
            os.close(fd)
            fd = inner
        yield fd, name
    finally:
        os.close(fd)


@contextmanager
def open_regular(directory: int, name: str, subject: str, *, writable: bool = False) -> Iterator[int]:
    """Open an existing regular file; links, pipes and devices are refused.

    Args:
        directory: an open directory.
        name: of the file in it.
        subject: its name in messages.
        writable: whether to open it for writing too.

    Raises:
        EditRefused: it is not a regular file.
        OSError: it cannot be opened.
    """
    try:
        fd = os.open(name, _FILE | (os.O_RDWR if writable else os.O_RDONLY), dir_fd=directory)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
            raise refuse(subject) from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise refuse(subject)
        yield fd
    finally:
        os.close(fd)


def refuse(subject: str) -> EditRefused:
    """Make the error for a path that does not name a regular file, or no longer does."""
    return EditRefused(
        subject, "is no regular file, or is reached through a link", "let nobody change files meanwhile"
    )


@contextmanager
def tell_links(subject: str) -> Iterator[None]:
    """Turn the error that a link in a path causes into a refusal; other errors pass.

    Raises:
        EditRefused: a part of a path was a link, or not a directory.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _LINKS:
            raise refuse(subject) from None
        raise


def replace_file(source: tuple[int, str], target: tuple[int, str], *, was: os.stat_result) -> None:
    """Replace a file by a finished one; at every moment one of the two is in place.

    Args:
        source: open directory and name of the new file.
        target: open directory and name of the file that it replaces.
        was: status of that file when it was read.

    Raises:
        EditRefused: the file has changed since.
        OSError: it cannot be replaced.
    """
    directory, name = target
    now = os.stat(name, dir_fd=directory, follow_symlinks=False)
    if _identify(now) != _identify(was):
        raise EditRefused(name, "changed while it was edited", "stop what else writes to it")
    try:
        os.replace(source[1], name, src_dir_fd=source[0], dst_dir_fd=directory)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _replace_across(source, target)


def place_file(source: tuple[int, str], target: tuple[int, str], *, was: os.stat_result | None) -> None:
    """Give a finished file a name that no file had, or one that had another.

    Args:
        source: open directory and name of the new file.
        target: open directory and name of its place.
        was: status of the file that had the name; None if none had.

    Raises:
        EditRefused: that has changed since.
        OSError: it cannot be placed.
    """
    if was is not None:
        replace_file(source, target, was=was)
        return
    directory, name = target
    try:
        os.link(source[1], name, src_dir_fd=source[0], dst_dir_fd=directory, follow_symlinks=False)
        os.unlink(source[1], dir_fd=source[0])
    except FileExistsError:
        raise EditRefused(name, "appeared while it was written", "stop what else writes to it") from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _replace_across(source, target)


def _identify(info: os.stat_result) -> tuple[int, ...]:
    return info.st_dev, info.st_ino, info.st_mode, info.st_size, info.st_mtime_ns


def _replace_across(source: tuple[int, str], target: tuple[int, str]) -> None:
    """Replace a file on another mount: make a copy beside it, then rename that."""
    directory, name = target
    remove_beside(directory, name)
    with (
        open_regular(*source, subject=name) as old,
        stage_inside(directory, name, path=Path(name), beside=name_beside(name)) as new,
    ):
        copy_contents(old, new.fileno())
        copy_attributes(old, new.fileno())
    os.unlink(source[1], dir_fd=source[0])


def name_beside(name: str) -> str:
    """Name the temporary copy beside a file that it is to replace."""
    return f".wheelfix-{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}"


def remove_beside(directory: int, name: str) -> None:
    """Remove the temporary copy that a killed run of :func:`replace_file` left."""
    with suppress(FileNotFoundError):
        os.unlink(name_beside(name), dir_fd=directory)


def read_bounded(fd: int, subject: str, limit: int) -> bytes:
    """Read a whole file that is no longer than ``limit`` bytes.

    Raises:
        ApplyError: it is longer.
        OSError: it cannot be read.
    """
    data = bytearray()
    while chunk := os.pread(fd, min(1 << 20, limit + 1 - len(data)), len(data)):
        data += chunk
        if len(data) > limit:
            raise ApplyError(subject, f"has more than {limit} bytes", "no such file is ever that long")
    return bytes(data)
