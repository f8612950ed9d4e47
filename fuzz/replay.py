"""The inputs that broke something once; a file is named after its target, ``<target>-<what it was>``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

REGRESSIONS = Path(__file__).parent / "regressions"


def find_regressions() -> Iterator[tuple[str, Path]]:
    """Name of the target and file, sorted."""
    for path in sorted(REGRESSIONS.iterdir()):
        yield path.name.partition("-")[0], path
