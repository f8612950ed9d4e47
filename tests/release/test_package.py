"""What is uploaded: built twice, checked, and run as a user runs it first."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import wheelfix

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both packages; the script fails if two builds differ, or files are missing."""
    directory = tmp_path_factory.mktemp("dist")
    command = [sys.executable, str(ROOT / "scripts" / "build_release.py"), str(directory)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{result.stdout}{result.stderr}"
    return directory


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


def test_data_files_are_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "wheelfix"
    wanted = {p for p in package.rglob("*") if p.parent.name in {"data", "schema"} and p.is_file()}
    wanted |= {package / "py.typed"}
    wanted |= {package / "index" / "data" / f"{name}.sqlite.z" for name in ("sonames", "names", "headers")}
    assert {p.relative_to(ROOT).as_posix() for p in wanted} <= names
    assert not any("__pycache__" in name for name in names)


def test_metadata_is_what_the_project_says(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    base = f"wheelfix-{wheelfix.__version__}.dist-info"
    metadata = Parser().parsestr(archive.read(f"{base}/METADATA").decode())
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    extras = {"conda", "docs", "env", "lint", "release", "test", "verify"}
    assert set(metadata.get_all("Provides-Extra", [])) == extras
    assert "wheelfix = wheelfix.cli:main" in archive.read(f"{base}/entry_points.txt").decode()
    assert "Root-Is-Purelib: true" in archive.read(f"{base}/WHEEL").decode()


@pytest.mark.network
def test_pipx_runs_it(wheel: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PIPX_HOME": str(tmp_path / "pipx"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [
        sys.executable,
        "-m",
        "pipx",
        "run",
        "--python",
        sys.executable,
        "--spec",
        str(wheel),
        "wheelfix",
    ]
    for arguments, shown in ((["--version"], wheelfix.__version__), (["locate", "libtbb.so.12"], "onetbb")):
        result = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path, env=env
        )
        assert result.returncode == 0, result.stderr
        assert shown in result.stdout
