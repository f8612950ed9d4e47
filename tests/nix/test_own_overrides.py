"""What `override` and `adapter` write, `override --check` has nothing to say against."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.facts import make_scan, open_table
from tests.support.lint import check_file
from wheelfix.lint.model import Instead

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = [path for path in sorted(GOLDEN.glob("*-*/*.nix")) if path.parent.name != "several"]


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_own_code_passes_the_check(path: Path) -> None:
    findings = check_file(path, [make_scan(path.parent.name)], open_table())
    adapted = path.name.startswith("adapter") or "prebuilt" in path.name
    assert [finding.instead for finding in findings] == [Instead.PREBUILT] * adapted
