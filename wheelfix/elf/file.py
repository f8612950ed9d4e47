"""Random reads over a file on disk, as :class:`~wheelfix.elf.stream.ForwardReader` gives over a stream.

Reads are positioned and not mapped, so that a file truncated meanwhile causes an error and no bus error.
Reads are small and come in ascending order, so each fetches a window that serves the following ones.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from wheelfix.elf.stream import OutOfRange
from wheelfix.errors import InputError, describe

WINDOW = 16 << 10
"""Bytes fetched at once; headers, program headers and most string tables fit into one or two windows."""


class Reader(Protocol):
    """The input of the parser.

    Attributes:
        size: length of the input in bytes.
    """

    size: int

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes at ``offset``, or raise :class:`OutOfRange`."""

    def drain(self) -> None:
        """Read the rest, for inputs with a checksum."""


class FileReader:
    r"""Reads ranges of an open file.

    Args:
        fd: descriptor of a regular file; the caller closes it.
        size: length in bytes; reads beyond it fail at once.

    Example:
        >>> FileReader(fd, size=os.fstat(fd).st_size).read(0, 4)
        b'\x7fELF'
    """

    def __init__(self, fd: int, *, size: int) -> None:
        self.size = size
        self._fd = fd
        self._start = 0
        self._window = b""

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes at ``offset``.

        Raises:
            OutOfRange: the range is not inside the file, or the file was truncated.
        """
        if offset < 0 or size < 0 or offset + size > self.size:
            raise OutOfRange
        if offset < self._start or offset + size > self._start + len(self._window):
            self._start = offset
            self._window = os.pread(self._fd, max(size, WINDOW), offset)
            if len(self._window) < size:
                raise OutOfRange
        return self._window[offset - self._start : offset - self._start + size]

    def drain(self) -> None:
        """Do nothing: a file on disk has no checksum to verify."""


@contextmanager
def open_file(path: str, disk: Path) -> Iterator[FileReader]:
    """Open a file on disk for reading ranges of it.

    Args:
        path: name of the file in messages.
        disk: path on disk.

    Raises:
        InputError: it cannot be opened or read, or is not a regular file.
    """
    try:
        # Non-blocking: opening a pipe without a writer would hang.
        fd = os.open(disk, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise InputError(path, describe(error), _HINT) from None
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise InputError(path, "is no regular file", "give a directory that nobody changes meanwhile")
        yield FileReader(fd, size=info.st_size)
    except OSError as error:
        raise InputError(path, describe(error), _HINT) from None
    finally:
        os.close(fd)


_HINT = "check the path, its permissions and the disk"
