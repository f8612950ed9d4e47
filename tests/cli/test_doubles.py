"""Several wheels of one package: never the last one in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.wheel import build_wheel


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    directory = tmp_path / "wheels"
    directory.mkdir()
    for python, soname in (("cp312", "libtbb.so.12"), ("cp313", "libodbc.so.2")):
        module = build_elf(tmp_path / python, "x.so", needed=[soname])
        build_wheel(directory, files={"x.so": module}, tag=f"{python}-{python}-manylinux_2_28_x86_64")
    return directory


def run(wheels: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wheelfix", *arguments]
    environment = {**os.environ, "XDG_CACHE_HOME": str(wheels.parent / "cache")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.parametrize("dialect", ["uv2nix", "pyproject-nix", "poetry2nix", "nixpkgs", "mach-nix"])
def test_a_package_set_has_one_of_each_package(wheels: Path, dialect: str) -> None:
    done = run(wheels, "override", "--dialect", dialect, str(wheels))
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("wheelfix: demo: is there in several wheels: demo-1.0-cp312-")
    assert done.stderr.count("\n") == 2


def test_a_shell_has_the_libraries_of_all(wheels: Path) -> None:
    done = run(wheels, "override", "--dialect", "shell", str(wheels))
    assert done.returncode == 0
    assert "onetbb" in done.stdout
    assert "unixodbc" in done.stdout


def test_a_page_tells_them_all_and_has_code_for_a_shell(wheels: Path) -> None:
    done = run(wheels, "report", str(wheels), "-o", str(wheels.parent / "page.html"))
    assert done.returncode == 0
    assert "demo is there in several wheels" in done.stderr
    page = (wheels.parent / "page.html").read_text()
    assert "onetbb" in page
    assert "nix-ld" in page


def test_a_summary_is_told_for_each_machine(wheels: Path, tmp_path: Path) -> None:
    build_wheel(wheels, name="other", files={"y.so": build_elf(tmp_path, "y.so")})
    build_wheel(wheels, name="arm", files={}, tag="cp312-cp312-manylinux_2_28_aarch64")
    done = run(wheels, "scan", str(wheels))
    assert done.returncode == 0
    assert "\nFor x86_64, linked from nixpkgs:\n" in done.stdout
