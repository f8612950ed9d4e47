"""Ends programs that carry a mark in their environment, with everything that they started.

Also a program of its own, started by :mod:`wheelfix.outside.processes`: it outlives the process that started
it, and learns from its standard input how that one ended. It imports nothing but the standard library.
"""

import os
import signal
import sys
import time

_ROUNDS, _PAUSE = 1000, 0.01
"""How often it is looked, and seconds between: a process that waits for a broken disk may not end at all."""


def end_marked(mark: bytes) -> None:
    """Kill the processes whose environment has an entry that starts with a mark, until there is none.

    Child processes inherit the environment and so the mark. Processes of other users are skipped, as their
    environment cannot be read.

    Args:
        mark: name of a variable, ``=``, and the start of its value.

    Raises:
        OSError: this system does not list processes in ``/proc``.
    """
    for _ in range(_ROUNDS):
        left = False
        for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - pathlib takes long to import
            try:
                with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
                    entries = file.read().split(b"\0")
                if any(entry.startswith(mark) for entry in entries):
                    os.kill(int(pid), signal.SIGKILL)
                    left = True
            except OSError:
                pass
        if not left:
            return
        time.sleep(_PAUSE)


def main() -> None:
    """Wait for a byte, which means a regular end, or for the end of a process that sent none."""
    if not os.read(0, 1):
        end_marked(os.fsencode(sys.argv[1]))


if __name__ == "__main__":
    main()
