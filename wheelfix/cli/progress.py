"""Shows progress on stderr; imports rich only if stderr is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Callback = Callable[[int, int], None]


@contextmanager
def show_progress(description: str, *, enabled: bool) -> Iterator[Callback | None]:
    """Show a progress bar while the block runs, if stderr is a terminal.

    Yields:
        A function to call with bytes done and bytes in all, or None if nothing is shown.
    """
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from wheelfix.report.terminal import show_progress as show

    with show(description) as callback:
        yield callback
