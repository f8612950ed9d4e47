"""Positioned reads for the editor, and the refusal when they lead outside the file."""

from __future__ import annotations

import os

from wheelfix.errors import EditRefused

DAMAGED = "the file is damaged or made to mislead; fetch it again, or leave it unpatched"
_WINDOW = 16 << 10
_LARGEST = 1 << 28
"""Bytes of one table: several times the largest one seen in a wheel, and no surprise for the memory."""


class Source:
    """Reads ranges of an open ELF file; neighbours of a small read come with it.

    Args:
        subject: how the file is called in messages.
        fd: descriptor of a regular file; stays the caller's.
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
            EditRefused: the range is not inside the file, or no table is as large as that.
        """
        if offset < 0 or size < 0 or offset + size > self.size:
            raise self.refuse(f"{what} at offset {offset:#x} ({size} bytes) lies outside the file")
        if size > _LARGEST:
            raise self.refuse(f"{what} of {size} bytes is too large to be true")
        if offset < self._start or offset + size > self._start + len(self._window):
            window = os.pread(self._fd, max(size, _WINDOW), offset)
            if len(window) < size:
                raise self.refuse("the file becomes shorter while it is read")
            if size > _WINDOW:  # returned as it is, not kept
                return window
            self._start, self._window = offset, window
        return self._window[offset - self._start : offset - self._start + size]

    def refuse(self, problem: str, hint: str = DAMAGED) -> EditRefused:
        """An error about this file."""
        return EditRefused(self.subject, problem, hint)
