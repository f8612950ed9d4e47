"""Shows progress on stderr; imports rich only if stderr is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Callback = Callable[[int, int], None]


@contextmanager
def show_progress(description: str, *, enabled: bool, in_bytes: bool = True) -> Iterator[Callback | None]:
    """Show a progress bar while the block runs, if stderr is a terminal.

    Args:
        description: the current work.
        enabled: whether it is shown.
        in_bytes: whether the work is measured in bytes; else in pieces.

    Yields:
        A function to call with what is done and what there is in all, or None if nothing is shown.
    """
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from wheelfix.report.terminal import show_progress as show

    with show(description, in_bytes=in_bytes) as callback:
        yield callback
