"""What a loader shim adds to the start of an interpreter: medians of runs that take turns.

    python -m benchmarks.startup_shim [ROUNDS]

The environments differ in the shim alone: none, one that is compiled already, and one in a directory that
nothing can be written to, as in the Nix store, where it is compiled with each start. A difference of more
than one millisecond is an error.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wheelfix.pysource.shim import name_shim, read_shim, render_starters

ROUNDS = 200
LIMIT = 1.0
"""In milliseconds."""
TABLE = {
    "modules": ["magic"],
    "libraries": {f"libmagic{n}.so.1": f"/nix/store/{'0' * 32}-file/lib/libmagic{n}.so.1" for n in range(20)},
    "preload": [],
}


def make_environment(directory: Path, *, shim: bool, compiled: bool) -> list[str]:
    """Make a virtual environment, and return the command to be timed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(directory)], check=True)
    (site,) = directory.glob("lib/python*/site-packages")
    name = name_shim("python-magic")
    if shim:
        (site / f"{name}.py").write_text(f"{read_shim()}\nTABLE.update({TABLE!a})\n")
        for file, text in render_starters(name).items():
            (site / file).write_text(text)
    command = [str(directory / "bin" / "python"), "-I", "-c", "pass"]
    return command if compiled else [command[0], "-B", *command[1:]]


def time_command(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return (time.perf_counter() - start) * 1000


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    kinds = {"no shim": (False, True), "shim": (True, True), "shim, not compiled": (True, False)}
    with tempfile.TemporaryDirectory() as directory:
        commands = {
            kind: make_environment(Path(directory) / str(number), shim=shim, compiled=compiled)
            for number, (kind, (shim, compiled)) in enumerate(kinds.items())
        }
        times: dict[str, list[float]] = {kind: [] for kind in commands}
        for _ in range(rounds + 1):  # the first round compiles
            for kind, command in commands.items():
                times[kind].append(time_command(command))
    medians = {kind: statistics.median(several[1:]) for kind, several in times.items()}
    base = medians["no shim"]
    for kind, median in medians.items():
        print(f"{kind:<20} {median:7.2f} ms  {median - base:+.2f} ms  {median / base:.3f} x")
    if medians["shim"] - base > LIMIT:
        sys.exit(f"a shim adds more than {LIMIT} ms")


if __name__ == "__main__":
    main()
