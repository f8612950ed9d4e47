"""A patched copy of a large wheel, held against ``cp`` and deflating again the members that changed.

    python -m benchmarks.repack WHEEL --libs DIR [--rounds N]

The peer copies the wheel with ``cp``, and deflates the members that changed from files in the page cache, two
pieces at a time with the same settings: what nobody can leave out. Inflating, hashing twice, editing and
verifying come on top in wheelfix. Both are measured in turns; ratios hold, seconds do not.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from wheelfix.outside.files import open_scratch
from wheelfix.patch.model import PatchReport
from wheelfix.patch.wheel import Prepared, iter_packed
from wheelfix.wheel.archive import iter_chunks, open_archive


def measure_wheelfix(wheel: Path, libs: Path, out: Path) -> tuple[float, int]:
    """Seconds and peak resident bytes of the command, in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "wheelfix",
        "patch",
        str(wheel),
        "--libs",
        str(libs),
        "-o",
        str(out),
        "--quiet",
    ]
    before = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    return time.perf_counter() - before, usage.ru_maxrss << 10


def measure_peer(wheel: Path, changed: list[str], out: Path) -> tuple[float, float]:
    """Seconds of ``cp``, and of deflating the members."""
    before = time.perf_counter()
    subprocess.run(["cp", wheel, out / "copy"], check=True)
    copied = time.perf_counter() - before
    (out / "copy").unlink()
    with ExitStack() as stack, open_archive(wheel) as archive, (out / "deflated").open("wb") as sink:
        members = {m.path: m for m in archive.members}
        files = []
        for path in changed:
            fd = stack.enter_context(open_scratch(out))
            for chunk in iter_chunks(archive, members[path]):
                os.write(fd, chunk)
            files.append(Prepared(close=ExitStack(), fd=fd, size=members[path].size))
        before = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            for prepared in files:
                for piece in iter_packed(prepared, 8, pool):
                    sink.write(piece)
        return copied, time.perf_counter() - before


def find_changed(wheel: Path, libs: Path) -> list[str]:
    from wheelfix.flows.patch import patch_target
    from wheelfix.index.choice import open_index
    from wheelfix.patch.model import PatchOptions

    options = PatchOptions(libs=[libs], dry_run=True)
    report: PatchReport = patch_target(wheel, index=open_index(), options=options)
    return [plan.path for plan in report.plans if plan.edit]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--libs", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    changed = find_changed(arguments.wheel, arguments.libs)
    print(f"{len(changed)} members change")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as directory:
        for _ in range(arguments.rounds):
            ours, memory = measure_wheelfix(arguments.wheel, arguments.libs, Path(directory))
            copied, deflated = measure_peer(arguments.wheel, changed, Path(directory))
            print(
                f"wheelfix {ours:.2f} s, {memory >> 20} MiB; cp {copied:.2f} s + deflate {deflated:.2f} s; "
                f"ratio {ours / (copied + deflated):.2f}"
            )


if __name__ == "__main__":
    main()
