"""What all downloads have in common: where a file waits until it is whole, and that https stays https."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    import httpx

_WRITE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def open_part(part: Path, done: int) -> BinaryIO:
    """Open the file that a download waits in, to go on writing.

    What waits has a name that others could guess: no link is followed there.

    Args:
        part: the file; made, for its owner alone, if there is none.
        done: bytes that stay; the rest is cut off.

    Raises:
        OSError: it is a link, or cannot be written.
    """
    file = open(os.open(part, _WRITE | (0 if done else os.O_TRUNC), 0o600), "r+b")  # noqa: PTH123, SIM115
    file.truncate(done)
    file.seek(done)
    return file


def find_downgrade(response: httpx.Response) -> str | None:
    """Where an https address led to one that is not; None if it did not, or was none itself."""
    steps = [step.url for step in (*response.history, response)]
    if steps[0].scheme != "https":
        return None
    return next((str(url) for url in steps if url.scheme != "https"), None)
