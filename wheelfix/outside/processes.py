"""Runs other programs, and work in processes that threads would do slower because of the GIL.

The only module that imports ``subprocess`` and ``multiprocessing``, on demand, because these imports take
longer than many a scan. No process outlives this one: workers watch it, and a guard ends the programs that it
runs, with everything that they started.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from wheelfix.errors import InputError, WheelfixError, describe, strip_login
from wheelfix.model.base import Struct
from wheelfix.outside import guard

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor
    from subprocess import Popen

_SHOWN = 1000
"""Characters of another program's output that are passed on."""
_BESIDE = 10
"""Niceness of a process that runs beside a block, as the block takes longer."""
_HUSH = "ignore:resource_tracker:UserWarning"
"""Hides the warning of multiprocessing's helper when it cleans up after a killed process."""
_ENDING = {signal.SIGTERM, signal.SIGHUP}
_MARK = "WHEELFIX_RUN"
"""Variable by which the guard recognises the programs of this process and their children."""
_HINT = "name a program that is on PATH"
_LOOK = 0.05
"""Seconds between two looks whether a program has ended, where others have its streams open."""
_WAIT = 0.2
"""Seconds of one wait, where many are done."""
_LINGER = 2.0
"""Seconds to go on reading when a program has ended and another one that it started goes on writing."""
_CHUNK = 1 << 16
_numbers = count()

P = ParamSpec("P")
T = TypeVar("T")


class Stream(Enum):
    """What is done with a standard stream of a program."""

    KEEP = "it is a pipe to this process"
    DROP = "it is empty, or goes nowhere"
    SHARE = "it is that of this process"


class Ran(Struct):
    """The result of a program.

    Attributes:
        code: its exit code, or minus the number of the signal that ended it.
        output: its standard output, if that was kept.
        messages: its standard error, if that was kept.
    """

    code: int
    output: bytes
    messages: bytes


class Watched(Ran):
    """The result of a program that was watched: see :func:`watch`.

    Attributes:
        silent: whether it was ended because it wrote nothing for too long.
    """

    silent: bool


def run(
    command: Sequence[str],
    *,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    output: Stream = Stream.KEEP,
    messages: Stream = Stream.KEEP,
    seconds: float | None = None,
    missing: WheelfixError | None = None,
    late: WheelfixError | None = None,
    hint: str = _HINT,
) -> Ran:
    """Run a program to its end; its standard input is empty.

    Args:
        command: program and arguments.
        directory: where to run it; None takes the working directory.
        environment: its variables; None takes those of this process.
        output: what is done with its standard output.
        messages: what is done with its standard error.
        seconds: time limit, after which it is ended with everything that it started.
        missing: raised if there is no such program, instead of a general error.
        late: raised if it takes longer, instead of a general error.
        hint: what the user can do if the program cannot be run.

    Raises:
        InputError: it cannot be run, or takes too long.
    """
    from subprocess import TimeoutExpired

    with start(
        command,
        directory=directory,
        environment=environment,
        output=output,
        messages=messages,
        missing=missing,
        hint=hint,
    ) as process:
        try:
            kept, said = process.communicate(timeout=seconds)
        except TimeoutExpired:
            problem = f"was not done in {seconds:g} seconds"
            raise late or InputError(command[0], problem, hint) from None
        finally:
            for stream in filter(None, (process.stdout, process.stderr)):
                stream.close()
    return Ran(code=process.returncode, output=kept or b"", messages=said or b"")


@contextmanager
def start(
    command: Sequence[str],
    *,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    given: Stream = Stream.DROP,
    output: Stream = Stream.KEEP,
    messages: Stream = Stream.KEEP,
    alone: bool = False,
    missing: WheelfixError | None = None,
    hint: str = _HINT,
) -> Iterator[Popen[bytes]]:
    """Start a program, let the block read its output, and wait for its end.

    If the block raises, the program is ended with everything that it started. The same happens when this
    process ends in any way, unless :func:`release_children` was called.

    Args:
        command: as for :func:`run`.
        directory: as for :func:`run`.
        environment: as for :func:`run`.
        given: what its standard input is connected to.
        output: as for :func:`run`.
        messages: as for :func:`run`.
        alone: whether what it started, and left running, is ended with it.
        missing: as for :func:`run`.
        hint: as for :func:`run`.

    Yields:
        The process; the block reads its pipes to their ends, or ignores them.

    Raises:
        InputError: it cannot be run; the cause is the system's error.
    """
    import subprocess

    streams = {Stream.KEEP: subprocess.PIPE, Stream.DROP: subprocess.DEVNULL, Stream.SHARE: None}
    mark = f"{_start_guard()[0]}{next(_numbers)}."
    try:
        process = subprocess.Popen(
            list(command),
            cwd=directory,
            env={**(os.environ if environment is None else environment), _MARK: mark},
            stdin=streams[given],
            stdout=streams[output],
            stderr=streams[messages],
        )
    except (OSError, ValueError) as error:
        if missing and isinstance(error, FileNotFoundError):
            raise missing from error
        raise InputError(command[0], f"cannot be run ({describe(error)})", hint) from error
    try:
        yield process
        if alone:
            process.wait()
            _end_marked(mark)
    except BaseException:
        _end_marked(mark)
        process.kill()
        raise
    finally:
        process.wait()


def _end_marked(mark: str) -> None:
    with suppress(OSError):
        guard.end_marked(f"{_MARK}={mark}".encode())


class _Silent(Exception):  # noqa: N818 - says what a program is
    """A program wrote nothing for too long."""


def watch(command: Sequence[str], *, environment: Mapping[str, str], seconds: float, most: int) -> Watched:
    """Run a program that is not trusted: it may hang, write without end, or leave others running.

    Its standard input is empty. What it started ends with it.

    Args:
        command: program and arguments.
        environment: its variables.
        seconds: how long it may write nothing to its standard output, before it is ended.
        most: bytes of each stream that are kept; of its messages, the last ones.

    Raises:
        InputError: it cannot be run.
    """
    output, messages = _Kept(most, last=False), _Kept(most, last=True)
    silent = False
    try:
        with start(command, environment=environment, alone=True) as process:
            assert process.stdout
            assert process.stderr
            with process.stdout, process.stderr:
                streams = {process.stdout.fileno(): output, process.stderr.fileno(): messages}
                _gather(process, streams, process.stdout.fileno(), seconds)
    except _Silent:
        silent = True
    return Watched(
        code=process.returncode, output=bytes(output.data), messages=bytes(messages.data), silent=silent
    )


class _Kept:
    """The first or the last bytes of a stream."""

    def __init__(self, most: int, *, last: bool) -> None:
        self.data = bytearray()
        self._most, self._last = most, last

    def add(self, data: bytes) -> None:
        self.data += data if self._last else data[: self._most - len(self.data)]
        del self.data[: max(0, len(self.data) - self._most)]

    @property
    def full(self) -> bool:
        """Whether more was written than is kept, or as much."""
        return len(self.data) >= self._most


def _gather(process: Popen[bytes], streams: Mapping[int, _Kept], counts: int, seconds: float) -> None:
    """Read what a program writes, until it ends; others that have its streams open are not waited for.

    Raises:
        _Silent: it wrote nothing to the stream ``counts`` for too long.
    """
    import select
    from subprocess import TimeoutExpired

    waiting = select.poll()
    for number in streams:
        waiting.register(number, select.POLLIN)
    opened, end, ended = set(streams), time.monotonic() + seconds, False
    while opened:
        if not ended and process.poll() is not None:
            ended, end = True, time.monotonic() + _LINGER
        ready = waiting.poll(0 if ended else _LOOK * 1000)
        for number, _ in ready:
            if data := os.read(number, _CHUNK):
                streams[number].add(data)
                if number == counts and not ended and not streams[number].full:
                    end = time.monotonic() + seconds
            else:
                waiting.unregister(number)
                opened.discard(number)
        if ended and (not ready or time.monotonic() > end):
            return
        if time.monotonic() > end:
            raise _Silent
    try:
        process.wait(max(0, end - time.monotonic()))
    except TimeoutExpired:
        raise _Silent from None


@cache
def _start_guard() -> tuple[str, int]:
    """Start the guard; return the prefix of its marks, and the end of the pipe that it listens to."""
    mark = f"{os.urandom(16).hex()}."
    reader, writer = os.pipe()
    os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", guard.__file__, f"{_MARK}={mark}"],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, reader, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setpgroup=0,  # keeps Ctrl-C on the terminal from ending it
    )
    os.close(reader)
    return mark, writer


def release_children() -> None:
    """Let running programs continue, because this process ends regularly."""
    if _start_guard.cache_info().currsize:
        with suppress(OSError):
            os.write(_start_guard()[1], b".")


def quote_output(said: bytes) -> str:
    """Quote a program's output on one line without passwords; long output is cut in its middle."""
    words = " ".join(strip_login(said.decode("utf-8", "replace")).split()) or "no reason given"
    return words if len(words) <= _SHOWN else f"{words[: _SHOWN // 2]} … {words[-_SHOWN // 2 :]}"


def may_spawn() -> bool:
    """Tell whether the main module is wheelfix's own command.

    Spawned processes import the main module again, which a script that uses wheelfix as a library need not
    allow. Forked processes would not, but a fork of a process with threads may hang.
    """
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    name = Path(getattr(main, "__file__", None) or "").name
    return name == "wheelfix" or (spec is not None and spec.name.partition(".")[0] == "wheelfix")


@contextmanager
def open_pool(workers: int, *, nice: int = 0) -> Iterator[ProcessPoolExecutor]:
    """Start a pool of spawned processes, and end it with the block.

    Work without a waiting caller is dropped. An interrupt (anything that is not an ``Exception``) ends the
    workers at once; so does the end of this process, in any way.

    Args:
        workers: number of processes.
        nice: their niceness (``nice(2)``).
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import resource_tracker

    known = multiprocessing.active_children()
    sys.warnoptions.append(_HUSH)
    try:
        resource_tracker.ensure_running()  # started here, as it unblocks interrupts when it has started
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
    """Keep Ctrl-C from the processes started in the block, even while their modules load: the parent decides.

    This process is not interrupted either, between the start of another one and the record of it.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *_ENDING})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _do_nothing() -> None:
    """Do nothing: submitted to start a worker."""


def _start_worker(nice: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)
    os.nice(nice)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the end of the parent, which closes its end of a pipe."""
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def run_beside(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Iterator[Callable[[], T]]:
    """Run a function in another process during the block; in this one after it if none may be started.

    Args:
        function: function of a module, with arguments and a result that can be pickled.
        *args: its arguments.
        **kwargs: its keyword arguments.

    Yields:
        A function that waits for the result and returns it, or raises what ``function`` raised.
    """
    if not may_spawn():
        yield partial(function, *args, **kwargs)
        return
    with open_pool(1, nice=_BESIDE) as pool:
        future = pool.submit(function, *args, **kwargs)
        yield partial(_wait, future, partial(function, *args, **kwargs))


def iter_ended(futures: Iterable[Future[T]]) -> Iterator[Future[T]]:
    """Yield futures as they end.

    CPython acts on a signal that comes just before it starts to wait when that wait is over: no wait is long
    here, so that Ctrl-C ends a command at any time.

    Args:
        futures: what threads or processes do.
    """
    from concurrent.futures import FIRST_COMPLETED, wait

    waiting = set(futures)
    while waiting:
        ended, waiting = wait(waiting, timeout=_WAIT, return_when=FIRST_COMPLETED)
        yield from ended


def _wait(future: Future[T], again: Callable[[], T]) -> T:
    from concurrent.futures import BrokenExecutor

    try:
        return future.result()
    except BrokenExecutor:  # killed, for example for lack of memory: the work is done here
        return again()
