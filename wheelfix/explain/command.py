"""Runs a user's command, reads its output meanwhile, and looks at what is around it on this machine."""

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

from wheelfix.elf.disk import read_object_at
from wheelfix.errors import ApplyError, InputError, describe
from wheelfix.explain.model import Account, ProgramState, Seen, Symptom, SymptomKind
from wheelfix.explain.paths import find_distribution
from wheelfix.explain.programs import parse_program
from wheelfix.explain.read import merge_accounts, read_messages
from wheelfix.index.driver import RUN_PATH
from wheelfix.outside.files import open_workplace
from wheelfix.outside.processes import Stream, run, start
from wheelfix.wheel.environment import MAX_RECORD, find_site
from wheelfix.wheel.input import open_regular
from wheelfix.wheel.tree import read_regular

_CHUNK = 64 << 10
_LINGER = 2.0
"""Seconds to wait for output after the command ended, as a process that it started may keep the pipe open."""
_NEEDED_BY = re.compile(rb"file=(?P<soname>\S+) \[\d+\];  needed by (?P<by>[^\n]+?) \[\d+\]")
_MAX_TRACE = 256 << 20
_MAX_SHEBANG = 256
"""Longest first line of a script that Linux reads, in bytes."""
_VARIABLES = (
    "CONDA_PREFIX",
    "DISPLAY",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "NIX_LD",
    "QT_PLUGIN_PATH",
    "QT_QPA_PLATFORM",
    "QT_QPA_PLATFORM_PLUGIN_PATH",
    "VIRTUAL_ENV",
    "WAYLAND_DISPLAY",
)


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


def look_around(account: Account, directory: Path, *, ran: bool) -> Seen:
    """Look at the programs that a text names, and, for a command that ran here, at what is around it.

    Args:
        account: the information of the text.
        directory: directory of the project, to which relative paths of the text refer.
        ran: whether the text is of a command that ran here.
    """
    programs: dict[str, ProgramState] = {}
    owners: dict[str, str] = {}
    for symptom in account.symptoms:
        text = symptom.wanted_by
        if symptom.kind is not SymptomKind.NO_LOADER or not text or text in programs or "\0" in text:
            continue
        path = directory / (os.path.expanduser(text) if "/" in text else f".venv/bin/{text}")  # noqa: PTH111
        program = parse_program(str(path))
        if program and (state := _find_state(path, ran=ran)):
            programs[text] = state
            if program.root and (owner := _find_owner(Path(program.root), path)):
                owners[text] = owner
    if not ran:
        return Seen(programs=programs, owners=owners)
    return Seen(
        ran=True,
        nixos=Path("/etc/NIXOS").exists() or Path("/run/current-system/nixos-version").exists(),
        driver=Path(RUN_PATH, "libcuda.so.1").exists(),
        variables={name: value for name in _VARIABLES if (value := os.environ.get(name))},
        programs=programs,
        owners=owners,
    )


def _find_state(path: Path, *, ran: bool) -> ProgramState | None:
    """Find what a file is; None if it cannot be told, or if it may be on another machine."""
    if not os.path.lexists(path):
        return ProgramState.ABSENT if ran else None
    if not path.exists():
        return ProgramState.DANGLING
    try:
        real = path.resolve()
        with open_regular(real, os.O_RDONLY, "rb") as file:
            head = file.read(_MAX_SHEBANG)
        if head.startswith(b"#!"):
            named = head[2:].split(b"\n")[0].split()
            there = bool(named) and Path(os.fsdecode(named[0])).exists()
            return ProgramState.RUNS if there else ProgramState.NO_INTERPRETER
        if not head.startswith(b"\x7fELF"):
            return None
        loader = read_object_at(str(path), real).interpreter
    except (OSError, RuntimeError, InputError, ValueError):
        return None
    return ProgramState.RUNS if loader is None or Path(loader).exists() else ProgramState.NO_LOADER


def _find_owner(root: Path, program: Path) -> str | None:
    """Find the distribution of an environment whose RECORD lists a program."""
    try:
        _, site = find_site(root)
        listed = os.path.relpath(program, site).encode()
        for info in sorted(Path(site).glob("*.dist-info")):
            record = read_regular(f"{info}/RECORD", root=str(root), limit=MAX_RECORD) or b""
            if re.search(rb"(?m)^\"?" + re.escape(listed) + rb"\"?,", record):
                return find_distribution(info.name.partition("-")[0])
    except (OSError, InputError):
        return None
    return None


def _explain_refusal(program: str, refused: InputError) -> Account:
    path = shutil.which(program)
    if isinstance(refused.__cause__, FileNotFoundError) and path:
        with contextlib.suppress(OSError), open_regular(Path(path), os.O_RDONLY, "rb") as file:
            if file.read(4).startswith((b"\x7fELF", b"#!")):
                # The file exists; the kernel did not find its loader, or the interpreter of a script.
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
