"""``python -m fuzz``: all targets, or some, for as long as one likes."""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fuzz.targets import find_targets

_GRACE = 90
"""Seconds that a worker may take longer than it was given, for its seeds and for one slow input."""


def main() -> int:
    """Run the workers and print what they did; 1 if anything broke."""
    targets = find_targets()
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together, per job [60]")
    parser.add_argument("--inputs", type=int, default=0, help="at most so many for each target [no limit]")
    parser.add_argument("--target", action="append", choices=list(targets), help="only this one; repeatable")
    parser.add_argument("--engine", choices=("random", "atheris"), default="random", help="[random]")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers [1]")
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time [1]")
    parser.add_argument(
        "--crashes", type=Path, default=Path("fuzz-crashes"), help="directory for what breaks something"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    asked = parser.parse_args()
    if asked.engine == "atheris" and not importlib.util.find_spec("atheris"):
        parser.error("atheris is not installed: pip install atheris, or --engine random")
    names = asked.target or list(targets)
    each = asked.seconds * asked.jobs / len(names)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as work, ThreadPoolExecutor(asked.jobs) as pool:
        found = list(pool.map(lambda name: _start(name, asked, each, Path(work)), names))
    for one in found:
        print(_say(one))
        for what, file in one["crashes"].items():
            print(f"    {what} -> {asked.crashes / file}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")
    print(
        f"{sum(one['inputs'] for one in found)} inputs, {sum(len(one['crashes']) for one in found)} crashes"
    )
    return 1 if any(one["crashes"] for one in found) else 0


def _start(name: str, asked: argparse.Namespace, seconds: float, work: Path) -> dict[str, Any]:
    report = work / f"{name}.json"
    command = [sys.executable, "-m", "fuzz.worker", name, asked.engine, str(seconds), str(asked.inputs)]
    command += [str(asked.seed), str(report), str(asked.crashes)]
    try:
        result = subprocess.run(command, capture_output=True, timeout=seconds + _GRACE, check=False)
        said = result.stderr.decode(errors="replace")[-800:] if result.returncode else ""
    except subprocess.TimeoutExpired:
        said = "does not end: an input hangs in a place that cannot be interrupted"
    if report.exists():
        found: dict[str, Any] = json.loads(report.read_text())
    else:
        found = {
            "target": name,
            "inputs": 0,
            "seconds": 0.0,
            "slowest": 0,
            "peak_mb": 0,
            "refused": {},
            "crashes": {},
        }
    if said:
        found["crashes"][f"the worker ends: {said}"] = "-"
    return found


def _say(one: dict[str, Any]) -> str:
    rate = one["inputs"] / one["seconds"] if one["seconds"] else 0
    refused = ", ".join(f"{count} {name}" for name, count in sorted(one["refused"].items()))
    return (
        f"{one['target']:<10} {one['inputs']:>9} inputs {rate:>7.0f}/s  slowest {one['slowest']:.2f} s  "
        f"{one['peak_mb']} MB  refused: {refused or 'none'}"
    )


if __name__ == "__main__":
    sys.exit(main())
