"""Libraries outside, wheels and environments that want them, and whether RECORD tells the truth."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import zipfile
from pathlib import Path

from tests.support.elf import build_elf
from tests.support.wheel import build_wheel


def build_libs(directory: Path) -> Path:
    """A directory as a store path has it: ``lib/libouter.so.1``, whose ``answer()`` is 42."""
    (directory / "lib").mkdir(parents=True)
    data = build_elf(directory.parent / "work", "libouter.so.1", soname="libouter.so.1")
    (directory / "lib" / "libouter.so.1").write_bytes(data)
    return directory


def build_members(work: Path, *, count: int = 3) -> dict[str, bytes]:
    """Members of a wheel: libraries that want ``libouter.so.1``, one that is bundled, and text."""
    files = {
        f"demo/x{n}.so": build_elf(
            work, f"x{n}.so", needed=["libouter.so.1", "libinner.so"], runpath=["$ORIGIN/../demo.libs"]
        )
        for n in range(count)
    }
    files["demo.libs/libinner.so"] = build_elf(work, "libinner.so", soname="libinner.so")
    files["demo/__init__.py"] = b"answer = 42\n" * 1000
    return files


def find_lies(archive: Path) -> list[str]:
    """Members of a wheel that RECORD describes wrongly or not at all; damaged archives raise."""
    with zipfile.ZipFile(archive) as wheel:
        assert wheel.testzip() is None
        (record,) = (n for n in wheel.namelist() if n.endswith(".dist-info/RECORD"))
        rows = list(csv.reader(io.StringIO(wheel.read(record).decode())))
        lies = [p for p, h, s in rows if p != record and not _fits(wheel.read(p), h, s)]
        files = {name for name in wheel.namelist() if not name.endswith("/")}
        return lies + sorted(files ^ {row[0] for row in rows})


def find_installed_lies(site: Path) -> list[str]:
    """Files of an environment that a RECORD describes wrongly."""
    lies = []
    for record in site.glob("*.dist-info/RECORD"):
        with record.open(newline="") as file:
            for path, digest, size in csv.reader(file):
                if digest and not _fits(Path(os.path.normpath(site / path)).read_bytes(), digest, size):
                    lies.append(path)
    return lies


def _fits(data: bytes, digest: str, size: str) -> bool:
    value = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return digest == f"sha256={value}" and int(size) == len(data)


def install(wheel: Path, environment: Path) -> Path:
    """Lay a wheel out as an installer does; returns site-packages."""
    site = environment / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    return site


def snapshot(directory: Path) -> dict[str, tuple[str, int, int]]:
    """Digest, mode and time of every file, by path; what wheelfix keeps there is left out."""
    return {
        str(p.relative_to(directory)): (
            hashlib.sha256(p.read_bytes()).hexdigest(),
            p.stat().st_mode,
            p.stat().st_mtime_ns,
        )
        for p in sorted(directory.rglob("*"))
        if p.is_file() and ".wheelfix" not in p.parts
    }


__all__ = [
    "build_libs",
    "build_members",
    "build_wheel",
    "find_installed_lies",
    "find_lies",
    "install",
    "snapshot",
]
