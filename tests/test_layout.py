"""Rules of the source tree that no linter knows."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 300


def test_no_module_is_too_long_to_read_at_once() -> None:
    lines = {p: len(p.read_text().splitlines()) for p in (ROOT / "wheelfix").rglob("*.py")}
    assert lines
    assert {str(p.relative_to(ROOT)): count for p, count in lines.items() if count > LONGEST} == {}
