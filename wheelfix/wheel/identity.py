"""Identifies files, so that a stored reading or digest can be found without reading the file.

The store is keyed by the SHA-256 of a file's bytes. A file with a known digest is recognised by its identity:
device, inode, size, both times, and the digest of its last bytes, where a wheel has its central directory.
All of these are needed: two wheels can have equal directories and sizes, and a modified file can be given its
old modification time; the change time cannot be set, as long as the file system is the same.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from wheelfix.model.base import Struct
from wheelfix.model.reading import Stamp

_STEP = 1 << 20
_TAIL = 1 << 16
_MAX_TAIL = 32 << 20
_END = struct.Struct("<4s4H2LH")
_END64 = 76
_FINE, _COARSE = 20_000_000, 2_000_000_000
"""Largest distance of two writes with equal times, in nanoseconds: with nanosecond times, by the kernel's
clock, which ticks every 10 ms; and with times in seconds or two seconds."""

Read = Callable[[int, int], bytes]
"""``read(offset, size)`` gives bytes of the file, from any thread."""


class Identity(Struct):
    """A file in one state; times are in nanoseconds.

    Attributes:
        tail: SHA-256 of the last bytes: a zip archive's central directory, or 64 KiB of another file.
    """

    device: int
    inode: int
    size: int
    modified: int
    changed: int
    tail: str

    def is_settled(self, at: int) -> bool:
        """Whether any write to the file at or after a time changes its identity."""
        fine = self.changed % 10**9 or self.modified % 10**9
        return self.changed + (_FINE if fine else _COARSE) <= at


def find_stamp(info: os.stat_result) -> Stamp:
    """Return the properties of a file that change when it is written to or replaced."""
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns


def read_identity(fd: int, read: Read) -> Identity:
    """Read the identity of an open file.

    Args:
        fd: the file.
        read: reads its bytes; its errors are passed on.
    """
    info = os.fstat(fd)
    size = info.st_size
    tail = read(max(0, size - _TAIL), _TAIL)
    at = tail.rfind(b"PK\5\6")
    if at >= 0 and at + _END.size <= len(tail):
        wanted = _END.unpack_from(tail, at)[5] + len(tail) - at + _END64
        if wanted > len(tail):
            wanted = min(wanted, size, _MAX_TAIL)
            tail = read(size - wanted, wanted)
    return Identity(
        device=info.st_dev,
        inode=info.st_ino,
        size=size,
        modified=info.st_mtime_ns,
        changed=info.st_ctime_ns,
        tail=hashlib.sha256(tail).hexdigest(),
    )


def wait_for_tick(path: Path) -> None:
    """Wait up to some milliseconds until a file that was just written counts as settled.

    Nothing is stored of a file that could be written to again without a change of its times.
    """
    try:
        changed = path.stat().st_ctime_ns
    except (OSError, ValueError):
        return
    wait = changed + _FINE - time.time_ns()
    if 0 < wait <= _FINE:
        time.sleep(wait / 1e9)


def hash_file(read: Read, *, stopped: Callable[[], bool] = lambda: False) -> str:
    """Compute the SHA-256 of a file.

    Args:
        read: reads its bytes; its errors are passed on.
        stopped: polled; once it returns True, the result is invalid.
    """
    digest, at = hashlib.sha256(), 0
    while (data := read(at, _STEP)) and not stopped():
        digest.update(data)
        at += len(data)
    return digest.hexdigest()


@contextmanager
def hash_beside(read: Read, known: str | None = None) -> Iterator[Callable[[], str]]:
    """Hash a file in a thread while the block does other work with it.

    Args:
        read: reads its bytes while the block runs.
        known: its SHA-256, if it is known already.

    Yields:
        A function that waits for the digest and returns it.
    """
    if known:
        yield lambda: known
        return
    done = threading.Event()
    pool = ThreadPoolExecutor(1, thread_name_prefix="hash")
    try:
        yield pool.submit(hash_file, read, stopped=done.is_set).result
    finally:
        done.set()
        pool.shutdown()
