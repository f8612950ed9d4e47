"""Time and memory of scanning packages of conda, as ratios to inflating and hashing them, and to rattler.

    python benchmarks/conda.py PACKAGE.conda [MORE.conda ...]
    python benchmarks/conda.py --made 200 DIR      # makes a package of so many MB of this machine's files

The floor inflates both archives in a package and computes the SHA-256 of the file, one after the other, and
throws the bytes away; two threads are the floor of wheelfix, which does both at once. rattler extracts the
package to a directory: it writes what it inflates. All run in one process, in turns, so that a busy machine
is busy for each of them.
"""

from __future__ import annotations

import hashlib
import os
import resource
import sys
import sysconfig
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, cast

from rattler.package_streaming import extract

from wheelfix.scan.read import read_conda
from wheelfix.wheel.zstd import inflate

ROUNDS = 5
"""The best of so many runs counts."""


def inflate_only(path: Path) -> int:
    """Inflate what a package has, and return how many bytes that is."""
    size = 0
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.filename.endswith(".tar.zst"):
                with archive.open(info) as file:
                    for chunk in inflate(cast(BinaryIO, file), subject="", size=1 << 20):
                        size += len(chunk)
    return size


def hash_only(path: Path) -> None:
    with path.open("rb") as file:
        hashlib.file_digest(file, "sha256")


def run_floor(path: Path) -> None:
    inflate_only(path)
    hash_only(path)


def run_threads(path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        beside = pool.submit(hash_only, path)
        pool.submit(inflate_only, path).result()
        beside.result()


def run_rattler(path: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        extract(path, Path(directory))


RUNS: dict[str, Callable[[Path], object]] = {
    "floor": run_floor,
    "floor, two threads": run_threads,
    "rattler extract": run_rattler,
    "wheelfix": read_conda,
}


def measure(path: Path) -> None:
    """Print the times of one package."""
    best = dict.fromkeys(RUNS, float("inf"))
    for _ in range(ROUNDS):
        for name, run in RUNS.items():
            start = time.perf_counter()
            run(path)
            best[name] = min(best[name], time.perf_counter() - start)
    size = inflate_only(path)
    print(f"{path.name}: {path.stat().st_size >> 20} MB, inflates to {size >> 20} MB")
    for name, seconds in best.items():
        print(f"  {name:20} {seconds:6.2f} s  {seconds / best['floor']:5.2f} x floor")


def make_package(directory: Path, megabytes: int) -> Path:
    """Make a package of libraries and Python sources of this machine."""
    from tests.support.conda import Member, build_conda

    left, files = megabytes << 20, dict[str, Member | bytes]()
    sources = sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*.py"))
    libraries = sorted(Path("/usr/lib").rglob("*.so*"), key=lambda path: str(path)[::-1])
    for path in (*sources[:3000], *libraries):
        if path.is_file() and not path.is_symlink() and left > 0 and os.access(path, os.R_OK):
            data = path.read_bytes()
            place = "lib/python3.12/site-packages" if path.suffix == ".py" else "lib"
            files[f"{place}/{len(files)}-{path.name}"] = data
            left -= len(data) // 3
    return build_conda(directory, "made", files)


def main(arguments: list[str]) -> None:
    """Measure the packages that are named."""
    if arguments[:1] == ["--made"]:
        packages = [make_package(Path(arguments[2]), int(arguments[1]))]
    else:
        packages = [Path(argument) for argument in arguments]
    for path in packages:
        measure(path)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB, of all of them")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
