"""Overlays of many packages: CPU time and bytes per package, as ratios to those of the smallest number.

    python -m benchmarks.overlays [--counts 500,1000,2000,5000] [--nixpkgs-lib DIR] [--dialects uv2nix,...]

Makes wheels of one small library each, and a pylock.toml of them. ``override``, ``override --check`` of what
it wrote, ``lock`` and ``report`` run on them as commands of their own, with what was read kept from a first
run; what one wheel takes is subtracted. Then the real Nix, where it is installed, lists the names of the
overlay and works out one package, with the lib of the tests or ``--nixpkgs-lib``. A ratio near 1 is linear.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.elf import build_elf
from tests.support.uv2nix import NIX
from tests.support.wheel import build_wheel

NEEDED = ("libtbb.so.12", "libodbc.so.2", "libcuda.so.1", "libnobody.so.7", "libstdc++.so.6", "libc.so.6")
STANDIN = NIX / "standin" / "nixpkgs.lib" / "lib"
SHORTEST = 0.05e-3
"""Seconds; a package that takes less is not told from noise."""
OVERLAYS = ("uv2nix", "pyproject-nix", "poetry2nix")
EVALUATE = """
let
  lib = import {lib};
  names = builtins.genList (n: "demo-${{toString n}}") {count};
  package = name: rec {{ overrideAttrs = f: f {{ }}; overridePythonAttrs = overrideAttrs; }};
  prev = lib.genAttrs names package;
  leaf = name: name;
  pkgs = lib.genAttrs [ "onetbb" "unixodbc" "autoPatchelfHook" "autoAddDriverRunpath" ] leaf // {{
    stdenv.cc.cc.lib = "lib";
  }};
  overlay = import {overlay} {{ inherit pkgs lib; }} prev prev;
in
{{
  count = builtins.length (builtins.attrNames overlay);
  last = overlay."demo-{last}".buildInputs;
}}
"""


def make_wheels(directory: Path, count: int, library: bytes) -> None:
    """Write wheels of one library each into ``wheels``, and a lock of them."""
    (directory / "wheels").mkdir(parents=True)
    lines = ['lock-version = "1.0"', 'created-by = "benchmark"']
    for number in range(count):
        files = {f"demo_{number}/core.so": library, f"demo_{number}/number": str(number).encode()}
        wheel = build_wheel(directory / "wheels", name=f"demo_{number}", files=files)
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines += ["[[packages]]", f'name = "demo-{number}"', 'version = "1.0"', "[[packages.wheels]]"]
        lines += [f'path = "wheels/{wheel.name}"', f'hashes = {{ sha256 = "{digest}" }}']
    (directory / "pylock.toml").write_text("\n".join(lines) + "\n")


def run(command: Sequence[str], cache: Path, output: Path) -> float:
    """Run a command, what it prints into a file; its CPU seconds, those of its children with them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    with output.open("wb") as file:
        done = subprocess.run(command, stdout=file, stderr=subprocess.PIPE, check=False, env=environment)
    if done.returncode not in {0, 1} or b"Traceback" in done.stderr:
        sys.exit(f"{' '.join(command)}\n{done.stderr.decode(errors='replace')}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(directory: Path, count: int, dialects: Sequence[str], lib: Path) -> dict[str, tuple[float, int]]:
    """CPU seconds and bytes written of every command, for one number of packages."""
    wheelfix = [sys.executable, "-m", "wheelfix"]
    wheels, cache = str(directory / "wheels"), directory / "cache"
    run([*wheelfix, "override", wheels, "--quiet"], cache, directory / "first")
    found = {}
    for dialect in dialects:
        file = directory / f"{dialect}.nix"
        written = run([*wheelfix, "override", wheels, "--quiet", "--dialect", dialect], cache, file)
        found[f"override --dialect {dialect}"] = (written, file.stat().st_size)
        report = directory / "check"
        checked = run([*wheelfix, "override", wheels, "--quiet", "--check", str(file)], cache, report)
        found[f"override --check, {dialect}"] = (checked, report.stat().st_size)
        if dialect in OVERLAYS and shutil.which("nix-instantiate"):
            code = EVALUATE.format(lib=lib.resolve(), count=count, overlay=file, last=count - 1)
            (directory / "ask.nix").write_text(code)
            ask = ["nix-instantiate", "--eval", "--strict", "--json", "--store", "dummy://"]
            answer = directory / "answer"
            seconds = run([*ask, str(directory / "ask.nix")], cache, answer)
            if f'"count":{count},' not in answer.read_text():
                sys.exit(f"Nix does not find {count} packages in {file}: {answer.read_text()}")
            found[f"nix-instantiate, {dialect}"] = (seconds, answer.stat().st_size)
    lock, page = directory / "lock.nix", directory / "report.html"
    locked = [*wheelfix, "lock", str(directory / "pylock.toml"), "--quiet"]
    run(locked, cache, lock)
    found["lock"] = (run(locked, cache, lock), lock.stat().st_size)
    seconds = run([*wheelfix, "report", wheels, "--quiet", "-o", str(page)], cache, directory / "report")
    found["report"] = (seconds, page.stat().st_size)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--counts", default="500,1000,2000,5000")
    parser.add_argument("--dialects", default="uv2nix,pyproject-nix,poetry2nix,nixpkgs,mach-nix,shell")
    parser.add_argument("--nixpkgs-lib", type=Path, default=STANDIN)
    arguments = parser.parse_args()
    dialects = arguments.dialects.split(",")
    counts = [int(count) for count in arguments.counts.split(",")]
    results = {}
    for count in (1, *counts):
        with tempfile.TemporaryDirectory() as work:
            library = build_elf(Path(work) / "elf", "core.so", needed=NEEDED)
            make_wheels(Path(work) / "demo", count, library)
            results[count] = measure(Path(work) / "demo", count, dialects, arguments.nixpkgs_lib)
    for name, (base, size) in results[1].items():
        print(name)
        first = 0.0
        for count in counts:
            seconds, written = results[count][name]
            each = (seconds - base) / count
            first = first or max(each, SHORTEST)
            ratio, room = each / first, (written - size) / (count - 1)
            print(f"  {count:6} {each * 1e3:8.2f} ms a package {ratio:6.2f}x {room:8.0f} bytes a package")


if __name__ == "__main__":
    main()
