"""The manifest of a patched environment, which anything that is installed can bring along."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fuzz import seeds
from fuzz.target import Target, demand
from wheelfix.patch.environment import patch_environment
from wheelfix.patch.model import ElfEdit
from wheelfix.patch.undo import undo_environment

_OWN = ".wheelfix/changes.jsonl"
_PATHS = ("pkg/lib.so", "pkg/module.py", "demo-1.0.dist-info/RECORD")


@functools.cache
def _make_environment() -> tuple[Path, dict[str, bytes], dict[str, bytes], bytes]:
    """An environment, its files before and after they were patched, and the manifest of that."""
    shm = Path("/dev/shm")
    site = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shm if shm.is_dir() else None)).resolve()
    seeds.clean_later(lambda: shutil.rmtree(site, ignore_errors=True))
    files = {"demo-1.0.dist-info/METADATA": b"Name: demo\nVersion: 1.0\n", "pkg/module.py": b"answer = 42\n"}
    for path, data in (files | {"demo-1.0.dist-info/RECORD": b"pkg/lib.so,,\npkg/module.py,,\n"}).items():
        (site / path).parent.mkdir(exist_ok=True)
        (site / path).write_bytes(data)
    for data in seeds.small_elf_files():
        (site / "pkg/lib.so").write_bytes(data)
        before = _read(site)
        (done,) = patch_environment(site, {"pkg/lib.so": ElfEdit(add_run_path=("/nix/store/outer/lib",))})
        if done.method not in {None, "none"}:
            return site, before, _read(site), (site / _OWN).read_bytes()
    raise AssertionError("no seed can be patched")


def _read(site: Path) -> dict[str, bytes]:
    return {path: (site / path).read_bytes() for path in _PATHS}


def run_manifest(data: bytes) -> None:
    """Undo a patched environment by a manifest."""
    site, before, after, _ = _make_environment()
    for path, contents in after.items():
        (site / path).write_bytes(contents)
    (site / _OWN).parent.mkdir(exist_ok=True)
    (site / _OWN).write_bytes(data)
    try:
        undo_environment(site)
    finally:
        now = _read(site)
        demand(now["pkg/module.py"] == before["pkg/module.py"], "what was never edited is never written to")
        for path in _PATHS:
            demand(now[path] in {before[path], after[path]}, "a file is what it is or what it was")


def _list_manifests() -> Iterator[bytes]:
    *_, data = _make_environment()
    yield data
    yield data + data
    yield data.replace(b"pkg/lib.so", b"pkg/module.py")


TARGETS = (
    Target(
        name="manifest",
        run=run_manifest,
        seeds=_list_manifests,
        tokens=(
            b'"path":"',
            b'"old":"',
            b'"originals":[',
            b"[0,",
            b'"]',
            b"../",
            b"/",
            b"\\u0000",
            b"9" * 30,
            b"\n",
            b"e999",
        ),
        max_size=1 << 13,
    ),
)
