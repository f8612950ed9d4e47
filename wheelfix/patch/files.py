"""Copies contents and attributes of files; contents are shared if the file system supports it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wheelfix.errors import ApplyError, describe

_FICLONE = 0x40049409
_STEP = 1 << 20
_HINT = "check the path, its permissions and the space on the disk"


def copy_contents(source: int, target: int) -> None:
    """Copy a file into an empty one: as a shared copy if the file system supports it, else byte by byte."""
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
    """Compute the SHA-256 of a whole file, by positioned reads."""
    digest, at = hashlib.sha256(), 0
    while data := os.pread(fd, _STEP, at):
        digest.update(data)
        at += len(data)
    return digest.digest()


def copy_attributes(source: int, target: int) -> None:
    """Copy times, mode, extended attributes and, if allowed, the owner from one file to another."""
    info = os.fstat(source)
    if (info.st_uid, info.st_gid) != (os.geteuid(), os.getegid()):
        with suppress(OSError):
            os.fchown(target, info.st_uid, info.st_gid)
    with suppress(OSError):  # not all file systems have extended attributes
        for name in os.listxattr(source):
            with suppress(OSError):
                os.setxattr(target, name, os.getxattr(source, name))
    os.fchmod(target, info.st_mode & 0o777)
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))


def has_rights(fd: int) -> bool:
    """Whether a program runs with other rights than its caller (setuid): what it loads must not change."""
    with suppress(OSError):
        if "security.capability" in os.listxattr(fd):
            return True
    return bool(os.fstat(fd).st_mode & (stat.S_ISUID | stat.S_ISGID))


@contextmanager
def tell_errors(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into one that names the file.

    Raises:
        ApplyError: the block raised an OSError.
    """
    try:
        yield
    except OSError as error:
        raise ApplyError(str(path), describe(error), _HINT) from None
