"""Real wheels: pinned in fixtures, downloaded by pip from the configured index, kept.

A test that wants a large one is marked so (``pytest.mark.large``, or ``by_size`` for its parameters): only
then it gets it. What the others download together has a limit (tests/test_downloads.py).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"
CACHE = Path(os.environ.get("WHEELFIX_TEST_CACHE", Path.home() / ".cache" / "wheelfix-tests"))


@dataclass
class Permission:
    """Whether the test that runs is marked as one with large wheels; tests/conftest.py says so."""

    large: bool = True


PERMISSION = Permission()


@cache
def read_pins() -> dict[str, dict[str, Any]]:
    """Pinned wheels of real-wheels.toml by file name."""
    return _read_pins("real-wheels.toml")


@cache
def read_proof_pins() -> dict[str, dict[str, Any]]:
    """Pinned wheels by file name: of real-wheels.toml, and what only environments of proofs are built of."""
    return read_pins() | _read_pins("proof-wheels.toml") | read_jupyter_pins()


@cache
def read_jupyter_pins() -> dict[str, dict[str, Any]]:
    """Pinned wheels of jupyter-wheels.toml by file name."""
    return _read_pins("jupyter-wheels.toml")


def _read_pins(name: str) -> dict[str, dict[str, Any]]:
    document = tomllib.loads((FIXTURES / name).read_text())
    return {pin["file"]: pin for pin in document["wheel"]}


def find_pin(start: str) -> str:
    """The one pinned file name that starts with ``start``."""
    (found,) = (name for name in read_pins() if name.lower().startswith(start.lower()))
    return found


def is_large(start: str) -> bool:
    """Whether the pinned wheel whose file name starts with ``start`` is for marked tests alone."""
    return bool(read_pins()[find_pin(start)].get("large"))


def by_size(cases: Iterable[Any]) -> list[Any]:
    """Parameters of a test, marked where the first of a case is the start of a large wheel's name."""
    parameters = []
    for case in cases:
        values = case if isinstance(case, tuple) else (case,)
        parameters.append(pytest.param(*values, marks=pytest.mark.large if is_large(values[0]) else ()))
    return parameters


def fetch_wheel(filename: str) -> Path:
    """Path of a pinned wheel; downloads it first where the cache has not got it, and checks its hash."""
    large = read_proof_pins()[filename].get("large")
    assert PERMISSION.large or not large, f"{filename} is large: mark the test with pytest.mark.large"
    return _fetch(filename)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Only one process at a time runs the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@cache
def _fetch(filename: str) -> Path:
    pin = read_proof_pins()[filename]
    path = CACHE / filename
    with lock(CACHE / "locks" / filename):
        if not path.exists():
            _download(filename, pin)
    assert _digest(path) == pin["sha256"], f"{path} is not the pinned file: delete it"
    assert path.stat().st_size == pin["size"], f"{filename} has another size than its pin says"
    return path


def _download(filename: str, pin: dict[str, Any]) -> None:
    interpreter, abi, platforms = filename.removesuffix(".whl").split("-")[-3:]
    requirement = CACHE / f".{filename}.txt"
    requirement.write_text(f"{pin['name']}=={pin['version']} --hash=sha256:{pin['sha256']}\n")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary=:all:",
        "--require-hashes",
    ]
    command += ["--python-version", pin.get("python", "3.12"), "-d", str(CACHE), "-r", str(requirement)]
    for platform in platforms.split("."):
        command += ["--platform", platform]
    if not re.match(r"py\d", interpreter):
        for name in {abi, "abi3", "none"}:
            command += ["--abi", name]
    try:
        subprocess.run(command, check=True)
    finally:
        requirement.unlink()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
