"""Scan, patch, verify and write Nix code for a pinned corpus of wheels, and compare with the last report.

    python -m benchmarks.corpus wheels [MORE_DIRECTORIES] [--write] [--most MB]

For every pinned wheel of ``fixtures`` (real-wheels.toml, crosscheck-wheels.toml) with ELF files, up to
``--most`` megabytes (default 40): its needs are classed; a copy gets one more entry in the run path of every
dynamically linked file, each edit verified; an override is written in every dialect, parsed and evaluated
by the real Nix against the stub of the tests. The counts are compared with ``benchmarks/corpus.json``: a
difference, or code that does not evaluate, is exit code 1. --write accepts the counts as they are.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.crosscheck import FIXTURES, PINS, find_wheel
from tests.support.golden import ask_stub
from tests.support.nixeval import NixError
from wheelfix.errors import WheelfixError
from wheelfix.flows.override import write_override
from wheelfix.flows.scan import scan_wheel
from wheelfix.index.choice import open_index
from wheelfix.index.table import SonameTable
from wheelfix.model.classes import NeedClass
from wheelfix.model.override import PACKAGE_DIALECTS, Dialect
from wheelfix.model.scan import WheelScan
from wheelfix.override.dialects import TRAITS
from wheelfix.patch.model import ElfEdit
from wheelfix.patch.wheel import patch_wheel
from wheelfix.scan.scan import ScanOptions

REPORT = Path(__file__).with_name("corpus.json")
ENTRY = f"/nix/store/{'0' * 32}-corpus/lib"
QUESTIONS = {
    Dialect.NIXPKGS: "stub.show (stub.callAny (import {path}))",
    Dialect.SHELL: "(import {path} {{ inherit (stub) pkgs; }}).NIX_LD",
    Dialect.MACH_NIX: "(import {path} {{ inherit (stub) pkgs; }}) ? _",
}
OVERLAY = 'stub.show (stub.apply (import {path} {{ inherit (stub) pkgs lib hacks; }}))."{name}"'


def try_wheel(path: Path, table: SonameTable, directory: Path) -> dict[str, Any]:
    """What becomes of one wheel, as counts."""
    scan = scan_wheel(path, index=table)
    classes = Counter(need.need_class.value for need in scan.needs)
    return {
        "needs": dict(sorted(classes.items())),
        "inputs": len(scan.build_inputs),
        "ignored": len(scan.ignore_missing),
        "dlopen": len(scan.opened),
        "patched": try_patch(path, scan, directory),
        "code": {d.value: try_code(path, scan, table, d, directory) for d in PACKAGE_DIALECTS},
    }


def try_patch(path: Path, scan: WheelScan, directory: Path) -> dict[str, int]:
    """How many files got another run path, verified, and how many were refused."""
    edits = {o.path: ElfEdit(add_run_path=(ENTRY,)) for o in scan.objects if o.dynamic}
    try:
        patched = patch_wheel(path, edits, directory / "patched", version=scan.version)
    except WheelfixError as error:  # a wheel whose RECORD does not tell the truth, and the like
        print(f"  {error}")
        return {"files": len(edits), "refused": len(edits), "found": 0}
    refused = sum(1 for result in patched.results if result.problem)
    again = scan_wheel(patched.path, index=open_index())
    found = sum(ENTRY in (*o.rpath, *o.runpath) for o in again.objects)
    patched.path.unlink()
    return {"files": len(edits), "refused": refused, "found": found}


def try_code(path: Path, scan: WheelScan, table: SonameTable, dialect: Dialect, directory: Path) -> str:
    """``evaluated``, or what Nix says against the code of a dialect."""
    code = directory / f"{dialect.value}.nix"
    options = ScanOptions(index=table)
    written = write_override([str(path)], dialect, TRAITS[dialect].cuda, options)
    code.write_text(written.text, encoding="utf-8")
    parsed = subprocess.run(["nix-instantiate", "--parse", code], capture_output=True, text=True, check=False)
    if parsed.returncode:
        return f"parse: {parsed.stderr.splitlines()[0]}"
    names = {n.distribution for n in scan.needs if n.need_class is NeedClass.SIBLING and n.distribution}
    attrs = {p.attr for n in scan.needs for p in n.providers[:3]} | {"autoAddDriverRunpath"}
    question = QUESTIONS.get(dialect, OVERLAY).format(path=code, name=scan.name)
    try:
        ask_stub(question, attrs=sorted(attrs), packages={name: [] for name in {*names, scan.name}})
    except NixError as error:
        return f"evaluate: {str(error).splitlines()[0]}"
    return "evaluated"


def main() -> int:
    arguments = [a for a in sys.argv[1:] if not a.startswith("-")]
    most = 40
    if "--most" in sys.argv:
        value = sys.argv[sys.argv.index("--most") + 1]
        most = int(value)
        arguments.remove(value)
    directories = [Path(a) for a in arguments] or [Path("wheels")]
    pins = [pin for name in PINS for pin in tomllib.loads((FIXTURES / name).read_text())["wheel"]]
    table, report = open_index(), dict[str, Any]()
    with tempfile.TemporaryDirectory() as temporary:
        for pin in sorted(pins, key=lambda p: str(p["file"])):
            path = find_wheel(pin, directories)
            if path.stat().st_size > most << 20 or not scan_wheel(path, index=table).objects:
                continue
            report[path.name] = try_wheel(path, table, Path(temporary))
            bad = {k: v for k, v in report[path.name]["code"].items() if v != "evaluated"}
            print(path.name, report[path.name]["patched"], bad or "", flush=True)
    patched = Counter[str]()
    for one in report.values():
        patched.update(one["patched"])
    code = Counter(v.partition(":")[0] for one in report.values() for v in one["code"].values())
    print(f"{len(report)} wheels; {dict(patched)}; code: {dict(code)}")
    text = json.dumps(report, indent=1, sort_keys=True) + "\n"
    if "--write" in sys.argv:
        REPORT.write_text(text)
    same = REPORT.exists() and REPORT.read_text() == text
    if not same:
        print(f"differs from {REPORT.name}: see git diff after --write", file=sys.stderr)
    return 0 if same and set(code) <= {"evaluated"} else 1


if __name__ == "__main__":
    sys.exit(main())
