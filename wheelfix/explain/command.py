"""Runs a user's command, passes its output through, and reads it meanwhile."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from wheelfix.errors import ApplyError, InputError, describe
from wheelfix.explain.model import Account, Symptom, SymptomKind
from wheelfix.explain.read import merge_accounts, read_messages
from wheelfix.outside.files import open_workplace
from wheelfix.outside.processes import Stream, run, start
from wheelfix.wheel.input import open_regular

_CHUNK = 64 << 10
_LINGER = 2.0
"""Seconds to wait for output after the command ended, as a process that it started may keep the pipe open."""
_NEEDED_BY = re.compile(rb"file=(?P<soname>\S+) \[\d+\];  needed by (?P<by>[^\n]+?) \[\d+\]")
_MAX_TRACE = 256 << 20


def run_command(command: Sequence[str]) -> tuple[int, Account]:
    """Run a command, pass its output through, and read it.

    Args:
        command: program and arguments; standard input is the one of this process.

    Returns:
        The exit code as a shell returns it (128 plus the signal's number for a killed command), and the
        symptoms in both streams.

    Raises:
        InputError: the program does not exist.
        ApplyError: its output could not be passed through; the command still ran to its end.
    """
    readings: dict[int, Account] = {}
    lost: list[OSError] = []

    def read(stream: IO[bytes], target: int) -> None:
        with stream:
            readings[target] = read_messages(_pass_through(stream, target, lost))

    sys.stdout.flush()
    with contextlib.ExitStack() as stack:
        try:
            process = stack.enter_context(start(command, given=Stream.SHARE))
        except InputError as refused:
            return 127, _explain_refusal(command[0], refused)
        assert process.stdout is not None
        assert process.stderr is not None
        threads = [
            threading.Thread(target=read, args=(process.stderr, 2), daemon=True),
            threading.Thread(target=read, args=(process.stdout, 1), daemon=True),
        ]
        for thread in threads:
            thread.start()
        with _leave_interrupts_to_the_command():
            code = process.wait()
            for thread in threads:
                thread.join(_LINGER)
    if lost:
        problem = f"cannot be written ({describe(lost[0])})"
        raise ApplyError("the command's output", problem, "make room, or send it elsewhere")
    account = merge_accounts(readings.get(2, Account(symptoms=())), readings.get(1, Account(symptoms=())))
    return (code if code >= 0 else 128 - code), account


def trace_loader(command: Sequence[str], *, seconds: float) -> Mapping[str, str]:
    """Run a command again without output; glibc's loader tells which file needs which library (``LD_DEBUG``).

    Args:
        command: program and arguments; it gets no input, and its output is dropped.
        seconds: time limit.

    Returns:
        Paths of the files that need a library, by soname; empty if the loader prints nothing, as musl's.
    """
    with open_workplace() as directory:
        environment = {**os.environ, "LD_DEBUG": "files", "LD_DEBUG_OUTPUT": f"{directory}/loader"}
        with contextlib.suppress(InputError):  # it ran before
            run(
                command,
                environment=environment,
                output=Stream.DROP,
                messages=Stream.DROP,
                seconds=seconds,
            )
        found: dict[str, str] = {}
        for path in sorted(directory.iterdir()):
            if path.stat().st_size <= _MAX_TRACE:
                for match in _NEEDED_BY.finditer(path.read_bytes()):
                    found[os.fsdecode(match["soname"])] = os.fsdecode(match["by"])
        return found


def _explain_refusal(program: str, refused: InputError) -> Account:
    path = shutil.which(program)
    if isinstance(refused.__cause__, FileNotFoundError) and path:
        with contextlib.suppress(OSError), open_regular(Path(path), os.O_RDONLY, "rb") as file:
            if file.read(4) == b"\x7fELF":
                # The file exists; the kernel did not find its loader.
                return Account(symptoms=(Symptom(kind=SymptomKind.NO_LOADER, wanted_by=path),))
    raise refused


def _pass_through(stream: IO[bytes], target: int, lost: list[OSError]) -> Iterator[bytes]:
    open_end = True
    while chunk := os.read(stream.fileno(), _CHUNK):
        try:
            if open_end:
                _write_all(target, chunk)
        except BrokenPipeError:
            open_end = False
        except OSError as error:
            open_end = False
            lost.append(error)
        yield chunk


def _write_all(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


@contextlib.contextmanager
def _leave_interrupts_to_the_command() -> Iterator[None]:
    """Ignore Ctrl-C, which reaches the whole process group, and wait for the command to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
