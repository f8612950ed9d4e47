"""Hold the answers for other machines than x86_64-linux against a real nixpkgs, evaluated for these.

    python benchmarks/machines.py NIXPKGS DIR...

Every pinned wheel (see benchmarks/crosscheck.py) that is for another machine, or for musl, is scanned. Each
attribute that its inputs name is evaluated for that machine by the Nix on PATH, in pkgsMusl for musl. One
that does not evaluate is a wrong answer, and the script exits with 1. What the table of machines left out is
named. docs/crosscheck.md has the results.
"""

from __future__ import annotations

import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import wheelfix
from benchmarks.crosscheck import FIXTURES, PINS, find_wheel
from scripts.update_machines import ask_all
from wheelfix.index.machines import find_place
from wheelfix.scan.needs import is_for_musl


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    nixpkgs, directories = Path(sys.argv[1]), [Path(argument) for argument in sys.argv[2:]]
    pins = [pin for name in PINS for pin in tomllib.loads((FIXTURES / name).read_text())["wheel"]]
    named: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    wheels: dict[str, int] = defaultdict(int)
    for pin in sorted(pins, key=lambda pin: pin["file"]):
        if is_usual(pin["file"]):
            continue
        scan = wheelfix.scan_wheel(find_wheel(pin, directories))
        place = find_place(scan.machine or "", musl=is_for_musl(scan.tags, scan.objects))
        if place is None:
            continue
        wheels[place] += 1
        for attr in scan.build_inputs:
            named[place][attr].append(scan.target)
        for need in scan.used:
            if getattr(need.cause, "absent_on", None):
                print(f"{place}: left out {', '.join(need.gone)} for {need.soname} of {scan.target}")
    wrong = 0
    for place, users in sorted(named.items()):
        there = ask_all(nixpkgs, sorted(users), place)
        lost = [attr for attr in users if not there[attr]]
        wrong += len(lost)
        print(f"{place}: {wheels[place]} wheels, {len(users)} attributes, {len(lost)} do not evaluate")
        for attr in lost:
            print(f"  {attr}: named for {', '.join(users[attr])}")
    return 1 if wrong else 0


def is_usual(file: str) -> bool:
    """Whether a wheel is for glibc on x86_64, or for any machine."""
    platform = file.removesuffix(".whl").rpartition("-")[2]
    return platform in {"any", "linux_x86_64"} or (
        platform.startswith("manylinux") and platform.endswith("x86_64")
    )


if __name__ == "__main__":
    sys.exit(main())
