"""Work in other processes, where the interpreter's lock would make threads wait for each other."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path


def may_spawn() -> bool:
    """Tell whether the main module is wheelfix's own command.

    Spawned processes import the main module again, which a script that uses wheelfix as a library need not
    expect. Forked ones would not, but a fork of a process with threads may hang.
    """
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    name = Path(getattr(main, "__file__", None) or "").name
    return name == "wheelfix" or (spec is not None and spec.name.partition(".")[0] == "wheelfix")


def open_pool(workers: int) -> ProcessPoolExecutor:
    """Make a pool of spawned processes; shut it down with ``cancel_futures=True``.

    Interrupts are the parent's business: workers end when their pool is shut down.
    """
    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
