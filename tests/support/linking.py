"""Prefixes made by the program that links packages, and by rattler's own installer."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rattler

PROGRAM = Path(__file__).parents[2] / "wheelfix" / "lock" / "data" / "link.py"
OURS = {"conda-meta", "__clobbers__", "CACHEDIR.TAG", ".condarc"}
"""What one of the two has at the top of a prefix besides the files of packages."""


@dataclass(frozen=True)
class Linked:
    """How the program ended.

    Attributes:
        out: the prefix.
        said: lines of its log.
        worked: whether it made the prefix.
    """

    out: Path
    said: list[str]
    worked: bool


def run_link(given: Mapping[str, Any], out: Path, **variables: str) -> Linked:
    """Run the program as a build does, with the oldest Python that it may meet and nothing of this one."""
    file = out.with_name(f"{out.name}.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(given))
    python = shutil.which("python3.11") or "python3"
    result = subprocess.run(
        [python, "-I", str(PROGRAM), str(file)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "out": str(out), **variables},
        check=False,
    )
    return Linked(out, result.stderr.splitlines(), result.returncode == 0)


def describe_package(archive: Path, **more: Any) -> dict[str, Any]:
    """What Nix code says of a package."""
    index = read_index(archive)
    return {"archive": str(archive), "file": archive.name, "name": index["name"], **more}


def read_index(archive: Path) -> dict[str, Any]:
    """What a package says of itself."""
    if archive.suffix == ".conda":
        with zipfile.ZipFile(archive) as file:
            (name,) = (one for one in file.namelist() if one.startswith("info-"))
            packed = file.read(name)
        data = subprocess.run(["zstd", "-dc"], input=packed, capture_output=True, check=True).stdout
    else:
        data = archive.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as members:
        index = members.extractfile("info/index.json")
        assert index
        found: dict[str, Any] = json.load(index)
        return found


def link_ours(archives: Iterable[Path], out: Path, **more: Any) -> Linked:
    """Link packages by the program."""
    packages = [describe_package(archive) for archive in archives]
    return run_link({"mode": "prefix", "machine": "x86_64", "packages": packages, **more}, out)


def link_theirs(archives: Iterable[Path], out: Path, cache: Path, prefix: Path | None = None) -> None:
    """Link packages by rattler."""
    asyncio.run(_install(list(archives), out, cache, prefix))


async def _install(archives: Sequence[Path], out: Path, cache: Path, prefix: Path | None) -> None:
    records = []
    for archive in archives:
        index = cache / f"{archive.name}.json"
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_text(json.dumps(read_index(archive)))
        record = rattler.PackageRecord.from_index_json(index)
        records.append(rattler.RepoDataRecord(record, archive.name, archive.as_uri(), "file:///channel"))
    await rattler.install(
        records,
        out,
        cache_dir=cache / "cache",
        platform=rattler.Subdir("linux-64"),
        show_progress=False,
        alternative_target_prefix=prefix,
    )


def list_files(prefix: Path) -> dict[str, tuple[str, bytes]]:
    """What a prefix has, without the records: kind and mode, and contents, by path."""
    found = {}
    for path in sorted(prefix.rglob("*")):
        name = path.relative_to(prefix)
        if name.parts[0] in OURS:
            continue
        if path.is_symlink():
            found[str(name)] = ("link", os.fsencode(path.readlink()))
        elif path.is_dir():
            found[str(name)] = ("directory", b"")
        else:
            found[str(name)] = ("program" if path.stat().st_mode & 0o111 else "file", path.read_bytes())
    return found
