"""Files that appear complete or not at all, and copies that cost nothing where the file system can share."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from wheelfix.errors import ApplyError, describe

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
        ApplyError: it cannot be written, something else than a file has its name, or somebody else is writing
            it.
    """
    partial = f".{path.name}.partial"
    with ExitStack() as stack:
        with tell_errors(path):
            directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            stack.callback(os.close, directory)
            _check_replaceable(directory, path)
            fd = _open_alone(directory, partial, path)
            stack.callback(os.close, fd)
        try:
            with tell_errors(path):
                yield fd
                os.fsync(fd)
                _check_replaceable(directory, path)
                os.replace(partial, path.name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            with suppress(OSError):
                os.unlink(partial, dir_fd=directory)
            raise


def _check_replaceable(directory: int, path: Path) -> None:
    """Refuse to put a file in the place of a device, a pipe, a link or a directory.

    Raises:
        ApplyError: one of those has the name.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(path.name, dir_fd=directory, follow_symlinks=False).st_mode):
            raise ApplyError(str(path), "is no regular file: it is not replaced", "give another directory")


def _open_alone(directory: int, partial: str, path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    subject = str(path.with_name(partial))
    for _ in range(100):
        fd = os.open(partial, flags, 0o666, dir_fd=directory)
        try:
            info = os.fstat(fd)
            if not stat.S_ISREG(info.st_mode) or info.st_nlink > 1 or info.st_uid != os.geteuid():
                raise ApplyError(
                    subject, "is in the way, and not of wheelfix's making", "look at it, then delete it"
                )
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another run may have renamed this file while it was being opened.
            with suppress(FileNotFoundError):
                if os.path.samestat(info, os.stat(partial, dir_fd=directory, follow_symlinks=False)):
                    os.ftruncate(fd, 0)
                    return fd
        except BlockingIOError:
            os.close(fd)
            raise ApplyError(subject, "is being written by another wheelfix", "wait for it") from None
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
    raise ApplyError(subject, "is renamed again and again", "let one wheelfix run at a time")


@contextmanager
def open_scratch(directory: Path) -> Iterator[int]:
    """Make a file that nobody else sees, and that is gone when this process is, however it ends.

    Args:
        directory: on the file system where there is room.

    Yields:
        Its descriptor.
    """
    with tell_errors(directory):
        try:
            fd = os.open(directory, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
        except OSError:  # file systems that have no files without a name
            fd, name = tempfile.mkstemp(prefix=".wheelfix-", dir=directory)
            os.unlink(name)  # noqa: PTH108
    try:
        yield fd
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


def copy_attributes(source: int, target: int) -> None:
    """Give a file the times, the mode, the extended attributes and, if allowed, the owner of another."""
    info = os.fstat(source)
    if (info.st_uid, info.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(OSError):
            os.fchown(target, info.st_uid, info.st_gid)
    with suppress(OSError):  # file systems without any
        for name in os.listxattr(source):
            with suppress(OSError):
                os.setxattr(target, name, os.getxattr(source, name))
    os.fchmod(target, info.st_mode & 0o777)
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))


def has_rights(fd: int) -> bool:
    """Whether a program runs with other rights than those of who starts it: what it loads must not change."""
    with suppress(OSError):
        if "security.capability" in os.listxattr(fd):
            return True
    return bool(os.fstat(fd).st_mode & (stat.S_ISUID | stat.S_ISGID))


@contextmanager
def tell_errors(path: Path) -> Iterator[None]:
    """Turn what the system refuses into an error that names the file.

    Raises:
        ApplyError: the system refused something.
    """
    try:
        yield
    except OSError as error:
        raise ApplyError(str(path), describe(error), _HINT) from None
