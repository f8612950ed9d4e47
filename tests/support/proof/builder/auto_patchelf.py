"""Gives the ELF files of a build run paths to what they need, by the rules of nixpkgs' hook.

    python -m tests.support.proof.builder.auto_patchelf PLAN

PLAN is a JSON file: ``paths`` are the build's outputs, ``libs`` the directories to search, ``append`` run
paths that all files get, ``ignore`` patterns of names that may be missing, ``libc`` a directory with libc's.
A library is known by its file name; the outputs' own come first, then those of the inputs and of the
directories that their run paths lead to. Whatever is not found fails the build.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from tests.support.proof.builder.elffile import ElfFile, read_elf

Known = dict[tuple[str, int], Path]


def list_libraries(directory: Path, *, deep: bool = False) -> list[Path]:
    """Files with ``.so`` in their name."""
    pattern = "**/*.so*" if deep else "*.so*"
    return sorted(path for path in directory.glob(pattern) if path.is_file())


def learn(known: Known, files: list[Path]) -> list[Path]:
    """Remember where files are, first come; returns absolute directories that their run paths name."""
    further = []
    for path in files:
        elf = read_elf(path)
        if elf is None:
            continue
        resolved = path.resolve()
        place = resolved if resolved.name == path.name else path
        known.setdefault((path.name, elf.machine), place.parent)
        further += [Path(entry) for entry in elf.run_path if "$ORIGIN" not in entry]
    return further


def search(outputs: list[Path], directories: list[Path]) -> Known:
    """All libraries that can be found."""
    known: Known = {}
    for output in outputs:
        learn(known, list_libraries(output, deep=True))
    waiting, seen = list(directories), set()
    while waiting:
        directory = waiting.pop(0)
        if directory not in seen:
            seen.add(directory)
            waiting += learn(known, list_libraries(directory))
    return known


def patch(path: Path, elf: ElfFile, known: Known, plan: dict[str, Any]) -> list[str]:
    """Set the run path of one file; returns names that nobody has."""
    missing: list[str] = []
    run_path: list[str] = []
    for names in [*((name,) for name in elf.needed), *elf.dlopen]:
        if any((Path(plan["libc"]) / name).exists() for name in names):
            continue
        if any(name.startswith("/") and Path(name).is_file() for name in names):
            continue
        found = [known[name, elf.machine] for name in names if (name, elf.machine) in known]
        label = names[0] if len(names) == 1 else f"any({', '.join(names)})"
        if found:
            run_path.append(str(found[0]))
        elif not any(fnmatch(label, pattern) for pattern in plan["ignore"]):
            missing.append(label)
    run_path += plan["append"]
    if run_path:
        text = ":".join(dict.fromkeys(run_path))
        path.chmod(0o755)
        subprocess.run([os.environ["PATCHELF"], "--set-rpath", text, str(path)], check=True)
    return missing


def main(plan: dict[str, Any]) -> int:
    """Patch everything; 1 if something is missing."""
    outputs = [Path(path) for path in plan["paths"]]
    known = search(outputs, [Path(path) for path in plan["libs"]])
    failed = False
    for output in outputs:
        for path in sorted(output.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            elf = read_elf(path)
            if elf is None or elf.machine != 62:
                continue
            for name in patch(path, elf, known, plan):
                print(f"auto-patchelf: {path} could not satisfy {name}", file=sys.stderr)
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
