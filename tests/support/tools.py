"""Tools that make locks and environments: installed once from PyPI, in the cache of the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from tests.support.real import CACHE, lock
from wheelfix.outside.configuration import find_package_sources
from wheelfix.outside.packages import find_default_index
from wheelfix.outside.uv import find_uv

PINS = {
    "pdm": ["pdm[locked]==2.29.3"],
    "pipenv": ["pipenv==2026.10.3"],
    "poetry": ["poetry==2.5.1"],
}
"""What each is installed from; pdm names no upper bounds, and breaks with later releases of what it uses."""


@cache
def install_tool(name: str) -> Path:
    """Directory of a tool's program, with nothing else in it."""
    version = "-".join(PINS[name]).translate({ord(c): "_" for c in "[]="})
    place = CACHE / "tools" / f"{version}-py{sys.version_info[0]}{sys.version_info[1]}"
    programs = place / "programs"
    with lock(CACHE / "locks" / place.name):
        if not programs.exists():
            shutil.rmtree(place, ignore_errors=True)
            uv = [find_uv(), "-q"]
            subprocess.run([*uv, "venv", "--python", sys.executable, str(place)], check=True)
            python = str(place / "bin" / "python")
            subprocess.run([*uv, "pip", "install", "--python", python, *PINS[name]], check=True)
            made = place / "made"
            made.mkdir()
            (made / name).symlink_to(place / "bin" / name)
            made.rename(programs)
    return programs


def find_index() -> str:
    """Address of the package index that pip and uv are configured for, for tools that have to be told."""
    index = find_package_sources(None, []).index or find_default_index()
    return f"{index.rstrip('/')}/"


def make_variables(home: Path, *tools: str) -> dict[str, str]:
    """Variables for a shell that has wheelfix, uv and some tools on PATH, and keeps what they write at home.

    Args:
        home: a directory for caches and settings.
        tools: names in :data:`PINS`.
    """
    places = [*map(install_tool, tools), Path(sys.executable).parent, Path(find_uv()).parent]
    path = os.pathsep.join([*map(str, places), os.environ["PATH"]])
    return os.environ | {
        "PATH": path,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "PDM_CHECK_UPDATE": "false",
        "PIPENV_IGNORE_VIRTUALENVS": "1",
        "POETRY_VIRTUALENVS_IN_PROJECT": "false",
    }


def run_line(line: str, directory: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a line as a user pastes it into a shell; it must succeed."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=directory,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr, f"{line}\n{done.stderr}"
    assert done.returncode == 0, f"{line}\n{done.stderr}{done.stdout}"
    return done
