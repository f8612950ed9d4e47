"""Opens files for reading: files that the user names, and files that are found."""

from __future__ import annotations

import os
import select
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from wheelfix.errors import InputError, describe, suggest

if TYPE_CHECKING:
    from io import BufferedReader

_PATIENCE = 3.0
"""Seconds to wait for the writer of a named pipe."""
_STEP = 0.02
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_HINT = "check the path"


def open_input(path: Path, *, hint: str = _HINT) -> BufferedReader:
    """Open a file for reading, without waiting for a writer.

    Args:
        path: named by the user; links are followed.
        hint: what to do if it cannot be read.

    Raises:
        InputError: it is missing, unreadable, or not a regular file.
    """
    descriptor = _open(path, hint)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise InputError(str(path), f"is {find_kind(mode)}, no file", hint)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def open_regular(path: Path, flags: int, mode: str, *, inside: int | None = None) -> BinaryIO:
    """Open a regular file, without blocking on a pipe or device.

    Args:
        path: the file.
        flags: of ``open(2)``; with ``O_CREAT``, a file with several hard links is refused.
        mode: of the file object, binary.
        inside: descriptor of the directory that ``path`` is relative to; None for the working directory.

    Raises:
        OSError: it is missing, may not be opened, or is not a regular file; ``errno`` is 0 for the last.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o600, dir_fd=inside)
    info, problem = os.fstat(descriptor), ""
    if not stat.S_ISREG(info.st_mode):
        problem = "is no regular file"
    elif flags & os.O_CREAT and info.st_nlink > 1:
        problem = "has another name, too, whose file would change"
    if problem:
        os.close(descriptor)
        raise OSError(0, problem, str(path))
    return cast(BinaryIO, os.fdopen(descriptor, mode))


def read_stream(path: Path, *, size: int, hint: str = _HINT) -> Iterator[bytes]:
    """Read input once, from its start: a file, a pipe that has a writer, or a terminal.

    Args:
        path: named by the user; links are followed.
        size: the most bytes to yield at once.
        hint: what to do if it cannot be read.

    Raises:
        InputError: it is missing, unreadable, none of these, or a pipe without a writer.
    """
    descriptor = _open(path, hint)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISFIFO(mode):
            yield from _read_pipe(descriptor, size, path)
        elif stat.S_ISREG(mode) or os.isatty(descriptor):
            os.set_blocking(descriptor, True)
            while chunk := os.read(descriptor, size):
                yield chunk
        else:
            raise InputError(str(path), f"is {find_kind(mode)}, no file", hint)
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({describe(error)})", hint) from None
    finally:
        os.close(descriptor)


def read_input(*, size: int, hint: str = _HINT) -> Iterator[bytes]:
    """Read standard input to its end.

    Args:
        size: the most bytes to yield at once.
        hint: what to do if it cannot be read.

    Raises:
        InputError: it cannot be read.
    """
    try:
        while chunk := os.read(0, size):
            yield chunk
    except OSError as error:
        raise InputError("standard input", f"cannot be read ({describe(error)})", hint) from None


def find_kind(mode: int) -> str:
    """Name the kind of a file that is not a regular file, with its article.

    Args:
        mode: ``st_mode`` of it.
    """
    return next((name for matches, name in _KINDS if matches(mode)), "something else")


def suggest_path(text: str, *, otherwise: str) -> str:
    """Write the hint for a path where there is nothing: the names beside it that are near, else another hint.

    Names that begin alike and end nearly alike are near, too: ``torch.wh`` is meant for the wheel of torch.

    Args:
        text: as the user wrote it.
        otherwise: the hint if nothing there has such a name.
    """
    text = text.rstrip("/") or text
    where, name = os.path.split(text)
    try:
        names = os.listdir(where or ".")  # noqa: PTH208 - a Path drops the dot of ./x
    except (OSError, ValueError):
        return otherwise
    # Dots are parts of names here: they stand for nothing, as in an attribute's.
    known = {one.replace(".", "_"): f"{text.removesuffix(name)}{one}" for one in sorted(names)}
    if near := suggest(name.replace(".", "_"), known):
        return near
    stem, _, ending = name.rpartition(".")
    alike = [one for one in names if stem and one.startswith(stem) and "." in one]
    endings = {one.rpartition(".")[2]: f"{text.removesuffix(name)}{one}" for one in sorted(alike)}
    return suggest(ending, endings, otherwise=otherwise)


def _open(path: Path, hint: str) -> int:
    try:
        return os.open(path, _READ)
    except FileNotFoundError as error:
        hint = suggest_path(str(path), otherwise=hint)
        raise InputError(str(path), f"cannot be read ({describe(error)})", hint) from None
    except (OSError, ValueError) as error:
        raise InputError(str(path), f"cannot be read ({describe(error)})", hint) from None


def _read_pipe(descriptor: int, size: int, path: Path) -> Iterator[bytes]:
    """Read a pipe to its end; before a writer opens it, a read looks like the end."""
    seen, end = False, time.monotonic() + _PATIENCE
    while True:
        try:
            chunk = os.read(descriptor, size)
        except BlockingIOError:  # there is a writer that has written nothing yet
            seen = True
            select.select([descriptor], [], [])
            continue
        if chunk:
            seen = True
            yield chunk
        elif seen:
            return
        elif time.monotonic() > end:
            hint = "start what writes to it first"
            raise InputError(str(path), "is a named pipe that nobody writes to", hint)
        else:
            time.sleep(_STEP)
