"""Files that appear complete or not at all, and copies that cost nothing where the file system can share."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wheelfix.errors import ApplyError

_FICLONE = 0x40049409
_STEP = 1 << 20
_HINT = "check the path, its permissions and the space on the disk"


@contextmanager
def write_new(path: Path) -> Iterator[int]:
    """Write a file that takes its place, and that of an older one, when it is complete.

    What a killed process left behind is written over by the next one.

    Args:
        path: the file; its directory is there.

    Yields:
        Descriptor of an empty file.

    Raises:
        ApplyError: it cannot be written, or somebody else is writing it.
    """
    partial = path.with_name(f".{path.name}.partial")
    with tell_errors(path):
        fd = _open_alone(partial)
    try:
        with tell_errors(path):
            yield fd
            os.fsync(fd)
            os.replace(partial, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
    finally:
        os.close(fd)


def _open_alone(partial: Path) -> int:
    for _ in range(100):
        fd = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another run may have renamed this file while it was being opened.
            if partial.exists() and os.path.samestat(os.fstat(fd), partial.stat()):
                os.ftruncate(fd, 0)
                return fd
        except BlockingIOError:
            os.close(fd)
            raise ApplyError(str(partial), "is being written by another wheelfix", "wait for it") from None
        os.close(fd)
    raise ApplyError(str(partial), "is renamed again and again", "let one wheelfix run at a time")


@contextmanager
def open_scratch(directory: Path) -> Iterator[tuple[int, Path]]:
    """Make a file that nobody else sees, and that is gone when this process is, however it ends.

    Args:
        directory: on the file system where there is room.

    Yields:
        Its descriptor, and a path that opens it once more, for this process alone.
    """
    with tell_errors(directory):
        try:
            fd = os.open(directory, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
        except OSError:  # file systems that have no files without a name
            fd, name = tempfile.mkstemp(prefix=".wheelfix-", dir=directory)
            os.unlink(name)  # noqa: PTH108
    try:
        yield fd, Path(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def copy_contents(source: int, target: int) -> None:
    """Copy a file into an empty one; shared on file systems that can, byte by byte where none can."""
    with suppress(OSError):
        fcntl.ioctl(target, _FICLONE, source)
        return
    at, size = 0, os.fstat(source).st_size
    while at < size:
        try:
            done = os.copy_file_range(source, target, size - at, at, at)
        except OSError:
            done = os.pwrite(target, os.pread(source, _STEP, at), at)
        if not done:
            raise OSError("file became shorter while it was copied")
        at += done


def hash_file(fd: int) -> bytes:
    """SHA-256 of a whole file, by positioned reads."""
    digest, at = hashlib.sha256(), 0
    while data := os.pread(fd, _STEP, at):
        digest.update(data)
        at += len(data)
    return digest.digest()


def copy_attributes(source: Path, target: Path) -> None:
    """Give a file the times, the mode, the extended attributes and, if allowed, the owner of another."""
    info = source.stat()
    if (info.st_uid, info.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(OSError):
            os.chown(target, info.st_uid, info.st_gid)
    shutil.copystat(source, target)


@contextmanager
def tell_errors(path: Path) -> Iterator[None]:
    """Turn what the system refuses into an error that names the file.

    Raises:
        ApplyError: the system refused something.
    """
    try:
        yield
    except OSError as error:
        raise ApplyError(str(path), (error.strerror or str(error)).lower(), _HINT) from None
