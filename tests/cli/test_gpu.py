"""``--gpu``: which of a wheel's alternatives is used, alike in every command."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.elf import build_elf
from tests.support.wheel import build_wheel

FILES = {
    "libdemo_cuda118": ["libcublas.so.11"],
    "libdemo_cuda128": ["libcublas.so.12"],
    "libdemo_cuda130": ["libcublas.so.13"],
    "libdemo_rocm71": ["libhipblas.so.3"],
}
BROUGHT = {
    None: ("cuda12", "cudaPackages.libcublas"),
    "cuda13": ("cuda13", "cudaPackages_13.libcublas"),
    "rocm": ("rocm7", "rocmPackages.hipblas"),
    "cpu": ("", ""),
}
"""By --gpu: the backend that is used, and its attribute."""


def run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [sys.executable, "-m", "wheelfix", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(directory / "cache")},
        check=False,
    )
    assert "Traceback" not in result.stderr, result.stderr
    return result


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("gpu")
    files = {f"demo/{n}.so": build_elf(directory, f"{n}.so", needed=needed) for n, needed in FILES.items()}
    path = build_wheel(directory, files=files)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    (directory / "requirements.txt").write_text(f"demo==1.0 --hash=sha256:{digest}\n")
    return path


@pytest.mark.parametrize("gpu", list(BROUGHT), ids=str)
def test_every_command_chooses_alike(wheel: Path, gpu: str | None) -> None:
    chosen, attr = BROUGHT[gpu]
    option = ["--gpu", gpu] if gpu else []
    document: dict[str, Any] = json.loads(run(wheel.parent, "scan", "--json", *option, wheel.name).stdout)
    assert [a["backend"] for a in document["alternatives"] if a["chosen"]] == ([chosen] if chosen else [])
    assert document["build_inputs"] == ([attr] if attr else [])
    unused = {n["soname"]: n["unused"] for n in document["needs"] if n["unused"]}
    assert set(document["ignore_missing"]) == set(unused)
    assert {one["chosen"] for one in unused.values()} == {chosen}
    assert len(unused) == len(FILES) - bool(chosen)
    locked = ["lock", "requirements.txt", "--find-links", ".", "--quiet", *option]
    codes = [
        run(wheel.parent, *command) for command in (["override", wheel.name, "--quiet", *option], locked)
    ]
    for code in codes:
        assert code.returncode == 0, code.stderr
        assert "cudaPackages_11" not in code.stdout
        assert [f"pkgs.{a}" in code.stdout for _, a in BROUGHT.values() if a] == [
            a == attr for _, a in BROUGHT.values() if a
        ]
        assert all(f'"{soname}"' in code.stdout for soname in unused)
    report = run(wheel.parent, "patch", wheel.name, "--dry-run", "--json", *option)
    answers = {a["soname"]: a["answer"] for f in json.loads(report.stdout)["files"] for a in f["needs"]}
    assert {soname for soname, kind in answers.items() if kind in {"open", "brought"}} == {
        s for needed in FILES.values() for s in needed if s not in unused
    }


def test_what_is_written_passes_the_check(wheel: Path) -> None:
    written = run(wheel.parent, "override", wheel.name, "--gpu", "rocm", "-o", "overrides.nix", "--quiet")
    assert written.returncode == 0, written.stderr
    checked = run(wheel.parent, "override", "--check", "overrides.nix", "--gpu", "rocm", wheel.name)
    assert checked.returncode == 0, checked.stdout


def test_an_unknown_gpu_is_refused(wheel: Path) -> None:
    refused = run(wheel.parent, "scan", "--gpu", "cuda11", wheel.name)
    assert refused.returncode == 2
    assert "cuda12" in refused.stderr
