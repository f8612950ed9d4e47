"""Real source distributions: pinned in fixtures/real-sdists.toml, fetched as a user would, kept."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.real import CACHE, FIXTURES
from wheelfix.outside.wheels import fetch_sdist


@cache
def read_pins() -> dict[str, dict[str, Any]]:
    """All pins by ``name==version``."""
    document = tomllib.loads((FIXTURES / "real-sdists.toml").read_text())
    return {f"{pin['name']}=={pin['version']}": pin for pin in document["sdist"]}


@cache
def fetch_real(requirement: str) -> Path:
    """Path of a pinned sdist; downloads it first where the cache has not got it, and checks its hash."""
    pin = read_pins()[requirement]
    path = fetch_sdist(f"{requirement} --hash=sha256:{pin['sha256']}", CACHE / "sdists").path
    assert path.stat().st_size == pin["size"], f"{path.name} has another size than its pin says"
    return path
