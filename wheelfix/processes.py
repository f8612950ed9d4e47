"""Work in other processes, where the interpreter's lock would make threads wait for each other.

What runs processes is imported when one is wanted: it takes longer than many a scan.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

_BESIDE = 10
"""What runs beside gets the time that is left: the block it runs beside takes longer."""

P = ParamSpec("P")
T = TypeVar("T")


def may_spawn() -> bool:
    """Tell whether the main module is wheelfix's own command.

    Spawned processes import the main module again, which a script that uses wheelfix as a library need not
    expect. Forked ones would not, but a fork of a process with threads may hang.
    """
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    name = Path(getattr(main, "__file__", None) or "").name
    return name == "wheelfix" or (spec is not None and spec.name.partition(".")[0] == "wheelfix")


def open_pool(workers: int, *, nice: int = 0) -> ProcessPoolExecutor:
    """Make a pool of spawned processes; shut it down with ``cancel_futures=True``.

    Args:
        workers: how many.
        nice: how much they yield to other processes (``nice(2)``).
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(nice,),
    )


def _start_worker(nice: int) -> None:
    # Interrupts are the parent's business: workers end when their pool is shut down.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(nice)


@contextmanager
def run_beside(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Iterator[Callable[[], T]]:
    """Run a function in another process while the block does other work; later in this one if none may start.

    Args:
        function: of a module, with arguments and a result that can be pickled.
        *args: for it.
        **kwargs: for it.

    Yields:
        Waits for the result and returns it, or raises what the function raised.
    """
    if not may_spawn():
        yield partial(function, *args, **kwargs)
        return
    pool = open_pool(1, nice=_BESIDE)
    try:
        future = pool.submit(function, *args, **kwargs)
        yield partial(_wait, future, partial(function, *args, **kwargs))
    finally:
        pool.shutdown(cancel_futures=True)


def _wait(future: Future[T], again: Callable[[], T]) -> T:
    from concurrent.futures import BrokenExecutor

    try:
        return future.result()
    except BrokenExecutor:  # killed for want of memory, or by somebody: the work remains
        return again()
