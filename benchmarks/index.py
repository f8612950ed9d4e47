"""Building and asking the tables of sonames and other names, as ratios to decompression and to nix-locate.

    python benchmarks/index.py ~/.cache/nix-index/files

The floor streams the database through zstd and scans it for ``.so`` once, holding nothing. nix-locate is
timed where it is installed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from wheelfix.wheel.zstd import inflate

FIXTURES = Path(__file__).parents[1] / "fixtures"
BUILD = """
import sys
from pathlib import Path
from wheelfix.index.{module} import {function}
{function}(Path(sys.argv[1]), Path(sys.argv[2]))
"""
MEASURE = """
import resource, subprocess, sys, time
t = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.perf_counter() - t, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024)
"""


def time_floor(database: Path) -> float:
    start = time.process_time()
    with database.open("rb") as file:
        file.seek(12)
        hits = sum(chunk.count(b".so") for chunk in inflate(file, subject=str(database), size=1 << 20))
    assert hits
    return time.process_time() - start


def measure(*command: str, runs: int = 1) -> tuple[float, float, int]:
    """Wall seconds, CPU seconds, peak RSS in MB; the best of some runs."""
    results = []
    for _ in range(runs):
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, check=True
        )
        wall, cpu, rss = done.stdout.split()
        results.append((float(wall), float(cpu), int(rss)))
    return min(results)


def main() -> None:
    database = Path(sys.argv[1])
    wheelfix = [sys.executable, "-m", "wheelfix"]
    floor = min(time_floor(database) for _ in range(3))
    print(f"floor: stream and scan      {floor:7.2f} s CPU   1.0x")
    with tempfile.TemporaryDirectory() as work:
        table = f"{work}/table.sqlite"
        for what, module, function in (
            ("sonames", "build", "build_table"),
            ("names", "named_build", "build_names"),
        ):
            code = BUILD.format(module=module, function=function)
            wall, cpu, rss = measure(sys.executable, "-c", code, str(database), table)
            rest = f"{cpu:.1f} s CPU, {rss} MB RSS"
            print(f"building the {what:<8}       {wall:7.2f} s     {wall / floor:5.1f}x   {rest}")
    build = [*wheelfix, "index", "build", "--from", str(database)]
    measure(*build)
    wall, _, _ = measure(*build, runs=3)
    print(f"index build, second call    {wall:7.3f} s")
    sonames = list(json.loads((FIXTURES / "sonames-expert.json").read_text()))[:292]
    one, _, rss = measure(*wheelfix, "locate", "libtbb.so.12", runs=5)
    many, _, _ = measure(*wheelfix, "locate", *sonames, runs=3)
    print(f"locate, 1 soname            {one:7.3f} s   {rss} MB RSS")
    print(f"locate, {len(sonames)} sonames        {many:7.3f} s")
    for name in ("cairo.pc", "pg_config", "lber.h"):
        other, _, rss = measure(*wheelfix, "locate", name, runs=5)
        print(f"locate, {name:<20}{other:7.3f} s   {rss} MB RSS")
    if nix_locate := shutil.which("nix-locate"):
        base = [nix_locate, "--db", str(database.parent), "--minimal", "--whole-name"]
        theirs, _, _ = measure(*base, "/lib/libtbb.so.12", runs=3)
        print(f"nix-locate, 1 soname        {theirs:7.3f} s   {theirs / one:.0f}x wheelfix's")


if __name__ == "__main__":
    main()
