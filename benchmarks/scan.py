"""Time and memory of scanning wheels, as ratios to inflating the same members with ISA-L.

    python benchmarks/scan.py torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl [MORE.whl ...] [--peers]

The floor inflates the ELF members on two threads and throws the bytes away. With --peers, `elfdeps` and
`auditwheel show` run on the same wheel, where they are installed.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from isal import isal_zlib

from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.wheel.archive import Archive, Member, check_header, iter_heads, open_archive

ROUNDS = 5
"""The best of so many runs counts, for the floor and for wheelfix; peers run once."""


def inflate_only(archive: Archive, member: Member) -> None:
    raw = archive.read(member.header_offset, 1 << 16)
    start = check_header(archive.name, member, raw, archive.read)
    end = start + member.compressed_size
    stream = isal_zlib.decompressobj(wbits=-15)
    while start < end and member.method:
        data = archive.read(start, min(1 << 18, end - start))
        start += len(data)
        stream.decompress(data)


def time_floor(path: Path) -> tuple[float, int, int]:
    with open_archive(path) as archive:
        members = [m for m, head in iter_heads(archive, ELF_MAGIC) if head.startswith(ELF_MAGIC)]
        start = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(inflate_only, archive, m) for m in members]:
                future.result()
        return time.perf_counter() - start, len(members), sum(m.size for m in members)


def time_command(command: list[str], cache: str) -> tuple[float, int]:
    """Wall seconds and peak RSS in MB of a child process; ``cache`` is its cache directory."""
    code = (
        "import resource, subprocess, sys, time; t = time.perf_counter(); "
        "subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
        "print(time.perf_counter() - t, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "XDG_CACHE_HOME": cache},
    )
    seconds, rss = result.stdout.split()
    return float(seconds), int(rss)


def main() -> None:
    peers = "--peers" in sys.argv
    for path in map(Path, [a for a in sys.argv[1:] if not a.startswith("-")]):
        floor, count, size = min(time_floor(path) for _ in range(ROUNDS))
        commands = {"wheelfix scan": [sys.executable, "-m", "wheelfix", "scan", "--json", str(path)]}
        if peers:
            if elfdeps := shutil.which("elfdeps"):
                commands["elfdeps"] = [elfdeps, "--requires", str(path)]
            if auditwheel := shutil.which("auditwheel"):
                commands["auditwheel show"] = [auditwheel, "show", str(path)]
        print(f"{path.name}: {count} ELF files, {size / 1e6:.0f} MB inflated")
        print(f"  {'pure inflate':18} {floor:7.2f} s   1.00x")
        for name, command in commands.items():
            first, again = [], []
            for _ in range(ROUNDS if name.startswith("wheelfix") else 1):
                with tempfile.TemporaryDirectory() as cache:
                    first.append(time_command(command, cache))
                    if name.startswith("wheelfix"):
                        again.append(time_command(command, cache))
            for label, runs in ((name, first), ("  repeated", again)):
                if runs:
                    seconds, rss = min(runs)
                    print(f"  {label:18} {seconds:7.2f} s {seconds / floor:6.2f}x   {rss} MB RSS")
    print(f"(benchmark itself: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB RSS)")


if __name__ == "__main__":
    main()
