"""The command line: thin commands over :mod:`wheelfix.flows`, made with ``click``.

Only what is needed to end quietly on Ctrl-C is imported here, as the signal may come during the other
imports.
"""

import os

try:
    import signal
except KeyboardInterrupt:
    os._exit(130)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from wheelfix.cli.group import COMMANDS, cli

__all__ = ["COMMANDS", "cli", "main"]


def main() -> "NoReturn":
    """Run the command line, and end the process."""
    try:
        # Nothing needs cleaning up yet, and an exception during an import would print a traceback.
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    except KeyboardInterrupt:
        os._exit(130)
    from wheelfix.cli.run import run

    run()


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name in {"COMMANDS", "cli"}:
        return getattr(import_module("wheelfix.cli.group"), name)
    raise AttributeError(f"module 'wheelfix.cli' has no attribute {name!r}")
