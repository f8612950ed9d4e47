"""Real wheels: pinned in fixtures/real-wheels.toml, downloaded by pip from the configured index, kept."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parents[2] / "fixtures"
CACHE = Path(os.environ.get("WHEELFIX_TEST_CACHE", Path.home() / ".cache" / "wheelfix-tests"))


@cache
def read_pins() -> dict[str, dict[str, Any]]:
    """All pinned wheels by file name."""
    document = tomllib.loads((FIXTURES / "real-wheels.toml").read_text())
    return {pin["file"]: pin for pin in document["wheel"]}


def find_pin(start: str) -> str:
    """The one pinned file name that starts with ``start``."""
    (found,) = (name for name in read_pins() if name.lower().startswith(start.lower()))
    return found


@cache
def fetch_wheel(filename: str) -> Path:
    """Path of a pinned wheel; downloads it first where the cache has not got it, and checks its hash."""
    pin = read_pins()[filename]
    path = CACHE / filename
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        _download(filename, pin)
    assert _digest(path) == pin["sha256"], f"{path} is not the pinned file: delete it"
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
