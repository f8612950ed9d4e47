"""Standard streams that handle being closed or full, and encodings that lack characters."""

from __future__ import annotations

import io
import os
import select
import shutil
import sys
from typing import Any, TextIO

from wheelfix.errors import ApplyError, describe

CLOSED_PIPE = 141
"""Exit code if the reader of the output is gone: that of a program ended by SIGPIPE."""
_NAME = "standard output"


class _Output(io.FileIO):
    """Standard output: a failed write is an error with an exit code of its own."""

    def write(self, data: Any, /) -> int:
        try:
            while (
                count := super().write(data)
            ) is None:  # another process made the shared stream non-blocking
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
    """Standard error: a failed write is ignored; the exit code still reports the error."""

    def write(self, data: Any, /) -> int:
        try:
            while (count := super().write(data)) is None:
                select.select([], [self], [])
        except OSError:
            return len(data)
        return count


def prepare_streams() -> None:
    """Replace the standard streams by ones that replace unencodable characters and report failed writes."""
    _open_closed()
    sys.stdout = _wrap(_Output(1, "w", closefd=False), sys.stdout)
    sys.stderr = _wrap(_Messages(2, "w", closefd=False), sys.stderr, line_buffering=True)


def flush_output() -> None:
    """Write buffered output.

    Raises:
        ApplyError: it cannot be written.
        SystemExit: the reader of the output is gone.
    """
    sys.stdout.flush()


def find_width() -> int | None:
    """Return the columns of the terminal on standard output; None if it is not a terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def _drop_output() -> None:
    """Discard the rest of the output: the interpreter would try to write it again at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def _open_closed() -> None:
    """Occupy closed descriptors: the next file opened would get their number, and be written into.

    Output to a closed one fails, as for every program; messages are lost.
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
