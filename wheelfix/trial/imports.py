"""Imports modules in processes of their own, several at once: a crash of one loses nothing of the others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache

from wheelfix.model.base import Struct, decode_json
from wheelfix.model.tables import read_data
from wheelfix.outside.processes import Watched, iter_ended, watch
from wheelfix.trial.model import Answer, Attempt, Ending, Stage
from wheelfix.trial.stage import enter_stage

SECONDS = 120.0
"""Time limit for one module."""
_MOST = 4 << 20
"""Bytes kept of what a process answers, and of its messages."""
_SHOWN = 1 << 14
"""Bytes of the last messages of a process that are shown, as of a traceback."""
_MOST_ENDS = 5
"""How often the modules of one attempt may end their process, before the rest is left out."""
_SHELL = 128
"""Exit codes above it stand for signals, where another program passes them on."""

Progress = Callable[[int, int], None]


class _Error(Struct):
    line: str
    file: str
    text: str
    absent: str | None


class _Line(Struct):
    """A line that the program in the environment's interpreter writes."""

    module: str
    error: _Error | None


def import_modules(
    attempts: Sequence[Attempt], stage: Stage, *, progress: Progress | None = None
) -> list[tuple[Answer, ...]]:
    """Import the modules of all attempts.

    This runs the code of packages.

    Args:
        attempts: what is imported.
        stage: where.
        progress: called with the numbers of modules done and in all.

    Returns:
        For each attempt, how it went, in the order of its modules. If the module at the top fails, the
        others are left out.
    """
    from concurrent.futures import ThreadPoolExecutor

    total = sum(len(attempt.modules) for attempt in attempts)
    done = 0
    pool = ThreadPoolExecutor(count_processors())
    try:
        pending = {pool.submit(_import, attempt, stage): attempt for attempt in attempts}
        for future in iter_ended(pending):
            future.result()
            done += len(pending[future].modules)
            if progress:
                progress(done, total)
    except BaseException:
        # Running processes are ended by the guard: nobody waits for them.
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return [future.result() for future in pending]


def count_processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def _import(attempt: Attempt, stage: Stage) -> tuple[Answer, ...]:
    answers: list[Answer] = []
    pending = list(attempt.modules)
    ends = 0
    while pending and ends < _MOST_ENDS:
        tops = int(pending[0] == attempt.top)
        command = enter_stage(stage, [*_FLAGS, _read_program(), str(tops), *pending])
        watched = watch(command, environment=stage.variables, seconds=SECONDS, most=_MOST)
        told = list(_read_answers(watched.output, pending))
        answers += told
        if tops and told and told[0].ending is Ending.RAISED:
            return tuple(answers)
        pending = pending[len(told) :]
        if pending:
            ends += 1
            answers.append(_tell_end(pending.pop(0), watched, passed_on=stage.namespace is not None))
            if tops and not told:
                return tuple(answers)
    answers += [Answer(module=module, ending=Ending.UNTRIED) for module in pending]
    return tuple(answers)


_FLAGS = ("-I", "-B", "-X", "faulthandler", "-c")
"""No variables, no packages of the user, no bytecode written; a crash says where it was."""


@cache
def _read_program() -> str:
    return read_data(__name__, "inside.py").decode()


def _read_answers(output: bytes, modules: Iterable[str]) -> Iterator[Answer]:
    """Read what the program wrote, as far as it makes sense: code of packages may write there as well."""
    for data, module in zip(output.splitlines(), modules, strict=False):
        try:
            line = decode_json(data, _Line)
        except ValueError:
            return
        if line.module != module:
            return
        error = line.error
        if error is None:
            yield Answer(module=module, ending=Ending.IMPORTED)
        else:
            yield Answer(
                module=module,
                ending=Ending.RAISED,
                line=error.line,
                file=error.file,
                text=error.text,
                absent=error.absent,
            )


def _tell_end(module: str, watched: Watched, *, passed_on: bool) -> Answer:
    text = watched.messages[-_SHOWN:].decode("utf-8", "replace")
    if watched.silent:
        return Answer(module=module, ending=Ending.SILENT, text=text)
    code = _SHELL - watched.code if passed_on and watched.code > _SHELL else watched.code
    if code < 0 and -code in set(signal.Signals):
        return Answer(module=module, ending=Ending.KILLED, text=text, code=-code)
    return Answer(module=module, ending=Ending.EXITED, text=text, code=watched.code)
