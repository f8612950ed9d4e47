"""How long `explain` takes for a large log, beside `grep -c so` over the same one.

    python -m benchmarks.logs [MEGABYTES]

The log is of a build: compilers, tests, downloads, paths of the store, and one message in its middle, which
has to be answered. Each program runs three times; the least counts. The exit code is 1 if `explain` takes
more than 12 times as long, or more than 100 MB of memory.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

MESSAGE = "ImportError: libodbc.so.2: cannot open shared object file: No such file or directory"
WORDS = """
building installing Executing phase checking for configure compile gcc -O2 -c src/foo.c -o build/foo.o running
test_abc PASSED 12% error: warning: unused variable note: copying wheel python3.12
site-packages/numpy/core/_multiarray.so Downloading torch-2.9.1 https://files.example/x DEBUG INFO collected
items so the /nix/store/00000000000000000000000000000000-zlib-1.3.1/lib/libz.so.1 not required
"""
MOST, MEMORY, RUNS = 12.0, 100 << 20, 3


def write_log(path: Path, size: int) -> None:
    """Write a log of some bytes."""
    chance, words = random.Random(1), WORDS.split()
    lines = [" ".join(chance.choices(words, k=chance.randint(4, 18))) for _ in range(20_000)]
    block = "".join(f"{line} {number}\n" for number, line in enumerate(lines)).encode()
    with path.open("wb") as file:
        for number in range(size // len(block) + 1):
            if number == size // len(block) // 2:
                file.write(f"{MESSAGE}\n".encode())
            file.write(block)


def measure(command: Sequence[str | Path]) -> tuple[float, int, str]:
    """Run a program; return seconds, its largest size in bytes, and what it wrote."""
    started = time.perf_counter()
    with subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        output = process.stdout.read().decode()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    return time.perf_counter() - started, usage.ru_maxrss << 10, output


def main() -> int:
    """Print the ratio, and the memory."""
    size = int(sys.argv[1] if len(sys.argv) > 1 else 500) << 20
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        write_log(log, size)
        grep = min(measure(["grep", "-c", "so", log])[0] for _ in range(RUNS))
        runs = [measure([sys.executable, "-m", "wheelfix", "explain", "--quiet", log]) for _ in range(RUNS)]
    seconds, memory = min(one for one, _, _ in runs), max(one for _, one, _ in runs)
    ratio = seconds / grep
    print(f"grep -c so {grep:.2f} s, explain {seconds:.2f} s: {ratio:.1f} times; {memory >> 20} MB")
    if not all("unixodbc" in output for _, _, output in runs):
        print("the message in the log is not answered")
        return 1
    return int(ratio > MOST or memory > MEMORY)


if __name__ == "__main__":
    sys.exit(main())
