"""One way to put in place what is written."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.errors import ApplyError, describe
from wheelfix.wheel.open import find_kind

if TYPE_CHECKING:
    pass

_PATIENCE = 3.0
"""Seconds that somebody at the other end of a named pipe is waited for."""
_STEP = 0.02
_WRITE = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@contextmanager
def stage_output(path: Path, *, hint: str = "name another file with -o") -> Iterator[Path]:
    """Give the block a temporary file to write, and put its content where the user wants it.

    A regular file is replaced at once or not at all, and keeps mode and owner. A link to one stays, and what
    it points to is replaced: a shell writes through links as well. A pipe or a character device is written
    into. All else is refused before the block runs: directories, disks, sockets, links to nothing.

    Args:
        path: where the output goes.
        hint: what to do if it cannot be written.

    Yields:
        A new, empty file.

    Raises:
        ApplyError: nothing can be written there; what was there stays.
    """
    try:
        target = _open_target(path)
    except (OSError, ValueError) as error:
        raise _refuse(path, f"cannot be written ({describe(error)})", hint) from None
    try:
        sink = None if target is None else _find_sink(target, path, hint)
        with _replace(path, target) if sink is None else _pour_into(sink) as staged:
            yield staged
    except OSError as error:
        raise _refuse(path, f"cannot be written ({describe(error)})", hint) from None
    finally:
        if target is not None:
            os.close(target)


def write_output(path: Path, data: bytes, *, hint: str = "name another file with -o") -> None:
    """Write a file as :func:`stage_output` puts one in place.

    Raises:
        ApplyError: it cannot be written; what was there stays.
    """
    with stage_output(path, hint=hint) as staged:
        staged.write_bytes(data)


def is_terminal(path: Path) -> bool:
    """Tell whether what is written to a path appears on a terminal."""
    try:
        if not stat.S_ISCHR(path.stat().st_mode):
            return False
        descriptor = os.open(path, _WRITE)
    except OSError:
        return False
    try:
        return os.isatty(descriptor)
    finally:
        os.close(descriptor)


def _open_target(path: Path) -> int | None:
    """Open what is there, so that the kernel decides whether it may be written; None if nothing is."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return os.open(path, _WRITE)
        except FileNotFoundError:
            if path.is_symlink():
                raise OSError(errno.ENOENT, "it is a link to nothing") from None
            return None
        except OSError as error:
            # A pipe without a reader: it may be about to come, as one that a shell starts beside this.
            if error.errno != errno.ENXIO or not path.is_fifo():
                raise
            if time.monotonic() > end:
                raise OSError(errno.ENXIO, "it is a named pipe that nobody reads") from None
            time.sleep(_STEP)


def _find_sink(target: int, path: Path, hint: str) -> int | None:
    """The descriptor to write into; None for a file that is replaced."""
    found = os.fstat(target)
    if stat.S_ISFIFO(found.st_mode) or stat.S_ISCHR(found.st_mode):
        return target
    if not stat.S_ISREG(found.st_mode):
        raise _refuse(path, f"is {find_kind(found.st_mode)}, no file", hint)
    # /dev/stdout: a file that this process already writes to, from where it is in it.
    return next((n for n in (1, 2) if os.path.samestat(os.fstat(n), found)), None)


@contextmanager
def _replace(path: Path, target: int | None) -> Iterator[Path]:
    place = Path(os.path.realpath(path))
    staged = place.parent / f".wheelfix-{os.urandom(8).hex()}"
    try:
        os.close(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        yield staged
        _settle(staged, target)
        staged.replace(place)
    finally:
        staged.unlink(missing_ok=True)


@contextmanager
def _pour_into(sink: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wheelfix-") as directory:
        staged = Path(directory, "output")
        staged.touch()
        yield staged
        os.set_blocking(sink, True)
        with staged.open("rb") as source, os.fdopen(os.dup(sink), "wb") as file:
            shutil.copyfileobj(source, file)


def _settle(staged: Path, target: int | None) -> None:
    """Give the new file what the old one had, and bring it to the disk."""
    with staged.open("rb+") as file:
        if target is not None:
            old = os.fstat(target)
            with suppress(PermissionError):
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
        os.fsync(file.fileno())


def _refuse(path: Path, problem: str, hint: str) -> ApplyError:
    return ApplyError(str(path), problem, hint)
