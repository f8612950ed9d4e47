"""Edits of ELF files, each checked by the verifier, by readelf, and by the loader of this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from wheelfix.elf.disk import read_elf_at
from wheelfix.model.elf import ElfObject
from wheelfix.model.patch import AppliedEdit, ElfEdit
from wheelfix.patch.apply import apply_edit
from wheelfix.patch.verify import verify
from wheelfix.patch.verify.opinions import find_opinions

LONG = tuple(f"/nix/store/{'a' * 32}-package-{n}/lib" for n in range(12))
"""A run path of about 600 bytes."""


def edit_checked(path: Path, edit: ElfEdit) -> AppliedEdit:
    """Apply an edit, and fail unless it did what it was to do and nothing else."""
    before = path.with_name(path.name + ".before")
    shutil.copyfile(path, before)
    complaints = complain(before)
    applied = apply_edit(path, edit)
    problems = (*verify(before, path, edit), *find_opinions(path))
    assert not problems, [f"{p.check}: {p.message}" for p in problems]
    assert complain(path) <= complaints
    before.unlink()
    return applied


def complain(path: Path) -> set[str]:
    """What readelf has to say, without the numbers in it."""
    command = ["readelf", "-lSdVnW", "--dyn-syms", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, errors="replace")
    lines = [line.replace(str(path), "") for line in result.stderr.splitlines()]
    return {
        "".join(c for c in line if not c.isdigit()) for line in lines if "arning" in line or "rror" in line
    }


def read(path: Path) -> ElfObject:
    return read_elf_at(path.name, path)[0]


def load(path: Path, symbol: str = "answer") -> int:
    """Load a library in a process of its own, and call a function of it."""
    code = "import ctypes, sys; print(getattr(ctypes.CDLL(sys.argv[1]), sys.argv[2])())"
    result = subprocess.run([sys.executable, "-c", code, str(path), symbol], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def strip(path: Path) -> None:
    subprocess.run(["strip", str(path)], check=True, capture_output=True)
