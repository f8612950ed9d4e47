"""Work in other processes, where the interpreter's lock would make threads wait for each other.

What runs processes is imported when one is wanted: it takes longer than many a scan. No process outlives
this one: workers watch it, and a guard ends the programs it runs, with all that they started.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from wheelfix.errors import strip_login

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

_SHOWN = 3000
"""Characters of another program's words that are passed on."""
_BESIDE = 10
"""What runs beside gets the time that is left: the block it runs beside takes longer."""
_HUSH = "ignore:resource_tracker:UserWarning"
"""multiprocessing's own helper would tell that it tidies up after a process that was killed."""
_ENDING = {signal.SIGTERM, signal.SIGHUP}
_MARK = "WHEELFIX_RUN"
"""Variable by which the guard knows the programs of this process, and what they started in turn."""
_GUARD = """\
import os, signal, sys
if not os.read(0, 1):
    mark, left = sys.argv[1].encode(), True
    while left:
        left = False
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:
                    if mark in file.read().split(b"\\0"):
                        os.kill(int(pid), signal.SIGKILL)
                        left = True
            except OSError:
                pass
"""
"""Waits for a byte, which says that all is well, or for the end of a process that had no time to send one."""

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


@contextmanager
def open_pool(workers: int, *, nice: int = 0) -> Iterator[ProcessPoolExecutor]:
    """Start a pool of spawned processes, and end it with the block.

    Work that nobody waits for any more is dropped. An interrupt (whatever is no ``Exception``) ends the
    workers at once; so does the end of this process, however it comes.

    Args:
        workers: how many.
        nice: how much they yield to other processes (``nice(2)``).
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import resource_tracker

    known = multiprocessing.active_children()
    sys.warnoptions.append(_HUSH)
    try:
        resource_tracker.ensure_running()  # now: it lets interrupts through again when it is done
    finally:
        sys.warnoptions.remove(_HUSH)
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(nice,),
    )
    wait = True
    try:
        with _hold_interrupts():
            for _ in range(workers):
                pool.submit(_do_nothing)
        yield pool
    except Exception:
        raise
    except BaseException:
        wait = False
        for process in multiprocessing.active_children():
            if process not in known:
                process.kill()
        raise
    finally:
        pool.shutdown(wait=wait, cancel_futures=True)


@contextmanager
def _hold_interrupts() -> Iterator[None]:
    """What is started here never sees Ctrl-C, not even while its modules load: the parent decides.

    Nor is this process interrupted between the start of another one and the note that it was started.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *_ENDING})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _do_nothing() -> None:
    """Let a worker start."""


def _start_worker(nice: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    os.nice(nice)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the end of the parent: its end of a pipe is closed then, whatever ended it."""
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def mark_child(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a program that shall end with this process.

    Args:
        environment: to start from; None takes this process's own.

    Returns:
        The environment with a mark. A guard process ends everything that carries it if this process ends
        without :func:`release_children`.
    """
    return {**(os.environ if environment is None else environment), _MARK: _start_guard()[0]}


@cache
def _start_guard() -> tuple[str, int]:
    """Start the guard: the mark it looks for, and the end of the pipe that it listens to."""
    mark = os.urandom(16).hex()
    reader, writer = os.pipe()
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", "-c", _GUARD, f"{_MARK}={mark}"],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, reader, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setpgroup=0,  # Ctrl-C on the terminal is not for it
    )
    os.close(reader)
    return mark, writer


def release_children() -> None:
    """Let programs that are still running run on: this process ends as it should."""
    if _start_guard.cache_info().currsize:
        with suppress(OSError):
            os.write(_start_guard()[1], b".")


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
    with open_pool(1, nice=_BESIDE) as pool:
        future = pool.submit(function, *args, **kwargs)
        yield partial(_wait, future, partial(function, *args, **kwargs))


def _wait(future: Future[T], again: Callable[[], T]) -> T:
    from concurrent.futures import BrokenExecutor

    try:
        return future.result()
    except BrokenExecutor:  # killed for want of memory, or by somebody: the work remains
        return again()


def quote_output(said: bytes) -> str:
    """What a program said, on one line and without passwords; what is long is cut in its middle."""
    words = " ".join(strip_login(said.decode("utf-8", "replace")).split()) or "no reason given"
    return words if len(words) <= _SHOWN else f"{words[: _SHOWN // 2]} … {words[-_SHOWN // 2 :]}"
