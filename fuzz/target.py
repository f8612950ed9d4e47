"""What a target is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


class Broken(AssertionError):  # noqa: N818 - says what happened
    """A promise that is more than "no traceback" does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One door.

    Attributes:
        name: as the command line takes it.
        run: gives one input to the door. WheelfixError is caught by whoever calls it; every other exception
            is a crash.
        seeds: makes the corpus.
        tokens: byte strings that mean something to the door, for the mutator.
        max_size: bytes of the longest input.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    tokens: tuple[bytes, ...] = ()
    max_size: int = 1 << 16


class Scratch:
    """A file in memory that doors can open by its path."""

    def __init__(self) -> None:
        self._fd = os.memfd_create("fuzz")
        self.path = Path(f"/proc/self/fd/{self._fd}")

    def write(self, data: bytes) -> Path:
        """Make ``data`` all that the file holds."""
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, data, 0)
        return self.path

    def read(self) -> bytes:
        """All that the file holds."""
        return os.pread(self._fd, os.fstat(self._fd).st_size, 0)


def demand(holds: bool, promise: str) -> None:
    """Raise Broken unless a promise holds."""
    if not holds:
        raise Broken(promise)
