"""Reads ranges of a file for the editor, and refuses those outside of the file."""

from __future__ import annotations

import os

from wheelfix.errors import EditRefused

DAMAGED = "the file is damaged or made to mislead; fetch it again, or leave it unpatched"
_WINDOW = 16 << 10
_LARGEST = 1 << 28
"""Largest table in bytes: several times the largest one seen in a wheel, and small enough for memory."""


class Source:
    """Reads ranges of an open ELF file; a small read is served from a larger window, which is kept.

    Args:
        subject: name of the file in messages.
        fd: descriptor of a regular file; the caller closes it.
    """

    def __init__(self, subject: str, fd: int) -> None:
        self.subject = subject
        self.size = os.fstat(fd).st_size
        self._fd = fd
        self._start = 0
        self._window = b""

    def read(self, offset: int, size: int, *, what: str) -> bytes:
        """Return ``size`` bytes at ``offset``.

        Raises:
            EditRefused: the range is not inside the file, or too large for a table.
        """
        if offset < 0 or size < 0 or offset + size > self.size:
            raise self.refuse(f"{what} at offset {offset:#x} ({size} bytes) lies outside the file")
        if size > _LARGEST:
            raise self.refuse(f"{what} of {size} bytes is too large to be true")
        if offset < self._start or offset + size > self._start + len(self._window):
            window = os.pread(self._fd, max(size, _WINDOW), offset)
            if len(window) < size:
                raise self.refuse("the file becomes shorter while it is read")
            if size > _WINDOW:  # returned, but not kept
                return window
            self._start, self._window = offset, window
        return self._window[offset - self._start : offset - self._start + size]

    def refuse(self, problem: str, hint: str = DAMAGED) -> EditRefused:
        """Make an error about this file."""
        return EditRefused(self.subject, problem, hint)
