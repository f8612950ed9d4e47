"""Processes of a session, by what the kernel says of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


def list_session(leader: int) -> list[str]:
    """Command lines of the processes of a session that still run."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            fields = (directory / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] not in "ZX":
                found.append((directory / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            pass  # it ended meanwhile
    return found


def wait_until(happened: Callable[[], bool], *, seconds: float = 30.0) -> bool:
    """Wait for something, and tell whether it happened."""
    end = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
