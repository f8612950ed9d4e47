"""Runs the command line once: sets up streams and signals, and ends with the exit code."""

from __future__ import annotations

import _thread
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from wheelfix.cli.options import tell_error
from wheelfix.cli.streams import flush_output, prepare_streams
from wheelfix.errors import WheelfixError

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_BY_SIGNAL = 128
"""Exit codes above it name the signal that ended a process."""
_ENDING = (signal.SIGTERM, signal.SIGHUP)


def run() -> NoReturn:
    """Run the command line, and end the process.

    Ctrl-C ends it with 130, SIGTERM with 143, SIGHUP with 129, a closed output pipe with 141; always after
    cleaning up, and never with a traceback.
    """
    prepare_streams()
    sys.unraisablehook = _pass_on
    from wheelfix.cli.group import cli

    try:
        for number in (signal.SIGINT, *_ENDING):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores it
                signal.signal(number, _interrupt)
        code = _flush(_call(cli))
    except (KeyboardInterrupt, SystemExit) as ending:
        code = _find_code(ending)
    for number in (signal.SIGINT, *_ENDING):
        signal.signal(number, _leave)
    if code > _BY_SIGNAL:
        os._exit(code)  # a regular exit would wait for threads that still inflate or download
    if "wheelfix.outside.processes" in sys.modules:  # else no process was started
        from wheelfix.outside.processes import release_children

        release_children()
    # Everything is written; an interrupt during the interpreter's shutdown would print a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(code)


def _call(command: click.Command) -> int:
    try:
        result = command.main(prog_name="wheelfix", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except WheelfixError as error:  # raised before any command runs, such as for help that cannot be printed
        return tell_error(error)
    except SystemExit as ending:
        return _find_code(ending)
    return result if isinstance(result, int) else 0


def _flush(code: int) -> int:
    try:
        flush_output()
    except WheelfixError as error:
        return tell_error(error)
    return code


def _find_code(ending: BaseException) -> int:
    if isinstance(ending, KeyboardInterrupt):
        return _BY_SIGNAL + signal.SIGINT
    code = getattr(ending, "code", None)
    return code if isinstance(code, int) else int(code is not None)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(_BY_SIGNAL + number)


def _leave(number: int, _frame: FrameType | None) -> None:
    os._exit(_BY_SIGNAL + number)


def _pass_on(dropped: UnraisableHookArgs) -> None:
    """Raise an interrupt again that a destructor dropped."""
    if isinstance(dropped.exc_value, KeyboardInterrupt):
        _thread.interrupt_main()
    elif isinstance(dropped.exc_value, SystemExit):
        _thread.interrupt_main(signal.SIGTERM)
    else:
        sys.__unraisablehook__(dropped)
