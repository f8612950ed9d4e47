"""The environment that tests and the programs they start see: nothing of the machine's own configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIXED = {
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "TERM": "xterm-256color",
    "COLUMNS": "80",
    "LINES": "24",
    # Nix warns where root has no group of builders, and reads its user's settings.
    "NIX_CONFIG": "build-users-group =\n",
    "NIX_USER_CONF_FILES": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    # The index inside the package grows old, and every command says so.
    "WHEELFIX_TODAY": "2026-05-04",
}
OWN = ("PATH", "CI", "TMPDIR", "PYTEST_*", "COV_*", "WHEELFIX_TEST_*", "WHEELFIX_WRITE_*")
# Where a user says how packages are fetched, or has the toolchain that a program on PATH stands for.
FILES = {
    "PIP_CONFIG_FILE": ".config/pip/pip.conf",
    "UV_CONFIG_FILE": ".config/uv/uv.toml",
    "NETRC": ".netrc",
    "RUSTUP_HOME": ".rustup",
}


def list_patterns() -> list[str]:
    """Names of variables that clients of package registries read, as patterns."""
    lines = (ROOT / ".ci" / "registries").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def link_rust(environment: Mapping[str, str], directory: Path) -> None:
    """Put cargo and rustc into a directory, those that run: rustup's find no toolchain in another home."""
    directory.mkdir()
    for program in ("cargo", "rustc"):
        for place in environment["PATH"].split(os.pathsep):
            found = shutil.which(program, path=place)
            command = [found or "false", "--version"]
            if subprocess.run(command, env=environment, capture_output=True, check=False).returncode == 0:
                (directory / program).write_text(f'#!/bin/sh\nexec "{found}" "$@"\n')
                (directory / program).chmod(0o755)
                break


def make_environment(given: Mapping[str, str], home: Path) -> dict[str, str]:
    """What is left of an environment, with another home."""
    patterns = [*OWN, *list_patterns()]
    kept = {k: v for k, v in given.items() if any(fnmatchcase(k, p) for p in patterns)}
    kept = {k: v for k, v in kept.items() if not k.endswith("_CACHE_DIR")}
    old = Path(given.get("HOME", "/nonexistent"))
    files = {k: str(old / name) for k, name in FILES.items() if (old / name).exists()}
    return files | kept | FIXED | {"HOME": str(home)}
