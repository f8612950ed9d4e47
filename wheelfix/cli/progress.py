"""Progress on stderr, and rich only where somebody looks at it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

Callback = Callable[[int, int], None]


def index_progress(index: Path | None, *, enabled: bool) -> AbstractContextManager[Callback | None]:
    """Progress for opening an index: nothing is shown, and nothing imported, where no table has to be built.

    Args:
        index: what the user named with --index.
        enabled: False shows nothing.
    """
    from wheelfix.index.sources import find_own_database

    database = index or find_own_database()
    return show_progress("building the soname table", enabled=enabled and database.is_file())


@contextmanager
def show_progress(description: str, *, enabled: bool) -> Iterator[Callback | None]:
    """Show a progress bar while the block runs, if stderr is a terminal.

    Yields:
        A function to call with bytes done and bytes in all, or None if nobody looks.
    """
    if not enabled or not sys.stderr.isatty():
        yield None
        return
    from wheelfix.report.terminal import show_progress as show

    with show(description) as callback:
        yield callback
