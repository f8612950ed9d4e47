"""Standard streams that cannot surprise: closed, full, or in an encoding that lacks characters."""

from __future__ import annotations

import io
import os
import select
import shutil
import sys
from typing import Any, TextIO

from wheelfix.errors import ApplyError, describe

CLOSED_PIPE = 141
"""Exit code where nobody reads the output any more: that of a program which SIGPIPE ends."""
_NAME = "standard output"


class _Output(io.FileIO):
    """Standard output: what cannot be written is an error with an exit code of its own."""

    def write(self, data: Any, /) -> int:
        try:
            while (
                count := super().write(data)
            ) is None:  # somebody made it non-blocking for all who share it
                select.select([], [self], [])
        except BrokenPipeError:
            _drop_output()
            raise SystemExit(CLOSED_PIPE) from None
        except OSError as error:
            _drop_output()
            problem = f"cannot be written ({describe(error)})"
            raise ApplyError(_NAME, problem, "make room, or send it elsewhere") from None
        return count


class _Messages(io.FileIO):
    """Standard error: where nobody can be told, nobody is told, and the exit code still says it."""

    def write(self, data: Any, /) -> int:
        try:
            while (count := super().write(data)) is None:
                select.select([], [self], [])
        except OSError:
            return len(data)
        return count


def prepare_streams() -> None:
    """Put streams in place that replace what their encoding lacks, and tell why they cannot be written."""
    _open_closed()
    sys.stdout = _wrap(_Output(1, "w", closefd=False), sys.stdout)
    sys.stderr = _wrap(_Messages(2, "w", closefd=False), sys.stderr, line_buffering=True)


def flush_output() -> None:
    """Write what is buffered.

    Raises:
        ApplyError: it cannot be written.
        SystemExit: nobody reads it any more.
    """
    sys.stdout.flush()


def find_width() -> int | None:
    """Columns of the terminal that standard output is; None if it is none, and lines may have any length."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _drop_output() -> None:
    """Let the rest go nowhere: what is buffered would be tried again at the end of the program."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def _open_closed() -> None:
    """Occupy closed descriptors: the next file opened would take their number, and be written into.

    Output into a closed one fails, as it does for every program; messages are lost.
    """
    for number, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, mode)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            else:
                os.set_inheritable(number, True)


def _wrap(raw: io.FileIO, before: TextIO | None, *, line_buffering: bool = False) -> TextIO:
    encoding = before.encoding if before is not None else "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=encoding,
        errors="backslashreplace",
        line_buffering=line_buffering or raw.isatty(),
    )
