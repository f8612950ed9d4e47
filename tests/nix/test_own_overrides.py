"""What `override` writes, `override --check` has nothing to say against."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.facts import make_scan, open_table
from wheelfix.flows.check import run_check
from wheelfix.model.scan import Level

GOLDEN = Path(__file__).parents[1] / "golden"
FILES = [
    path
    for path in sorted(GOLDEN.glob("*/*.nix"))
    if path.parent.name != "several"
    and not path.name.startswith(("shell", "adapter"))
    and "prebuilt" not in path.name
    # mach-nix has no way to name the place of another package
    and not (path.stem == "mach-nix" and path.parent.name.startswith(("torch", "pyside6")))
]


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_own_code_passes_the_check(path: Path) -> None:
    findings = run_check(path, [make_scan(path.parent.name)], open_table())
    assert [f for f in findings if f.level is not Level.NOTE] == []
