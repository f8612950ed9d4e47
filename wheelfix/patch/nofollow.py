"""Files below a directory, reached one step at a time, so that no link leads anywhere else.

What an environment holds was written by strangers, and may change between two looks at it. A path is checked
once and used later; a descriptor of a directory stays that directory. So every file is opened, made, renamed
and removed by its name in an open directory, and no symbolic link is followed on the way.
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
_LINKS = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EMLINK})


def is_below(path: str) -> bool:
    """Whether a POSIX path names something inside the directory it is relative to, without a detour."""
    return "\0" not in path and not {"", ".", ".."} & set(path.split("/"))


@contextmanager
def open_directory(path: Path | str, *, inside: int | None = None) -> Iterator[int]:
    """Open a directory, which is no symbolic link itself.

    Args:
        path: its path, or its name in ``inside``.
        inside: an open directory.

    Raises:
        OSError: it is none, or cannot be opened.
    """
    fd = os.open(path, _DIRECTORY, dir_fd=inside)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def open_parent(root: int, path: str) -> Iterator[tuple[int, str]]:
    """Open the directory that a file is in.

    Args:
        root: an open directory.
        path: POSIX path relative to it, as :func:`is_below` wants it.

    Yields:
        Descriptor of the directory, and the name of the file in it.

    Raises:
        OSError: a part of the path is no directory, or cannot be opened.
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
    """Open a file that is there, and is neither a link nor a pipe or device.

    Args:
        directory: an open directory.
        name: of the file in it.
        subject: what to call it in messages.
        writable: for reading and writing.

    Raises:
        EditRefused: it is something else.
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
    """What is said of a path that led to a regular file once, or that should."""
    return EditRefused(
        subject, "is no regular file, or is reached through a link", "let nobody change files meanwhile"
    )


@contextmanager
def tell_links(subject: str) -> Iterator[None]:
    """Turn the system's answer to a link on the way into a refusal; other errors pass.

    Raises:
        EditRefused: a part of a path was a link, or no directory.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _LINKS:
            raise refuse(subject) from None
        raise


def replace_file(source: tuple[int, str], target: tuple[int, str], *, was: os.stat_result) -> None:
    """Let a finished file take the place of another; at every moment one of the two is there.

    Args:
        source: open directory and name of the new file.
        target: the same of the file it replaces.
        was: what that file was when it was read.

    Raises:
        EditRefused: it is another one by now.
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


def _identify(info: os.stat_result) -> tuple[int, ...]:
    return info.st_dev, info.st_ino, info.st_mode, info.st_size, info.st_mtime_ns


def _replace_across(source: tuple[int, str], target: tuple[int, str]) -> None:
    """Replace a file on another mount: by a copy that stands beside it first."""
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
    """What a file that stands beside the one it is about to replace is called meanwhile."""
    return f".wheelfix-{hashlib.sha256(os.fsencode(name)).hexdigest()[:32]}"


def remove_beside(directory: int, name: str) -> None:
    """Remove what a killed run left of :func:`replace_file`."""
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
