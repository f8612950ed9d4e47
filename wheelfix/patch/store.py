"""Store paths for what is missing: those an index recorded, or those nixpkgs builds."""

from __future__ import annotations
from collections.abc import Sequence
from pathlib import Path
from wheelfix.index.table import SonameTable
from wheelfix.model.repair import FilePlan, Group


def fetch_libraries(
    plans: Sequence[FilePlan],
    groups: Sequence[Group],
    index: SonameTable,
    *,
    nixpkgs: str | None,
    home: Path,
    dry_run: bool,
) -> tuple[Path, ...]:
    """Placeholder until written below."""
    raise NotImplementedError
