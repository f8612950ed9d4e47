"""Which file it is, so that what was read of it can be found again without reading it.

What is kept is kept by the SHA-256 of a file's bytes. A file whose digest was found once is recognised by its
identity: device, inode, size, both times, and the digest of its last bytes, where a wheel has its directory.
All of them: two wheels can have one directory and one size, and a file can be written to and get its old time
of modification back; the time of change cannot be set, as long as the file system is the same.
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
"""How far apart two writes can be, in nanoseconds, that get the same time: where nanoseconds are kept, by the
kernel's clock, which ticks every 10 ms; and where seconds are kept, or every other one."""

Read = Callable[[int, int], bytes]
"""``read(offset, size)`` gives bytes of the file, from any thread."""


class Identity(Struct):
    """A file in one state; times in nanoseconds.

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
        """Whether whoever writes to the file at a time, or later, changes its identity."""
        fine = self.changed % 10**9 or self.modified % 10**9
        return self.changed + (_FINE if fine else _COARSE) <= at


def find_stamp(info: os.stat_result) -> Stamp:
    """What tells a file that is written to, or another one, from what it was."""
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns


def read_identity(fd: int, read: Read) -> Identity:
    """Find which file is open.

    Args:
        fd: the file.
        read: gives its bytes, and raises what it likes.
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
    """Wait, no longer than some milliseconds, until a file that was just written is no longer that young.

    Nothing is kept of a file that might be written to again without a change of its times.
    """
    try:
        changed = path.stat().st_ctime_ns
    except (OSError, ValueError):
        return
    wait = changed + _FINE - time.time_ns()
    if 0 < wait <= _FINE:
        time.sleep(wait / 1e9)


def hash_file(read: Read, *, stopped: Callable[[], bool] = lambda: False) -> str:
    """SHA-256 of a file.

    Args:
        read: gives its bytes, and raises what it likes.
        stopped: asked from time to time; the result is then worth nothing.
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
        read: gives its bytes as long as the block runs.
        known: its SHA-256, where it needs no hashing.

    Yields:
        Waits for the digest and returns it.
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
