from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_killed_run_leaves_old_or_new_files_and_can_be_repeated_or_undone(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.support.killing", str(tmp_path / "kill"), "40", "7"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    cut = dict(line.split() for line in result.stdout.splitlines())
    assert int(cut["environment"]) >= 5
    assert int(cut["wheel"]) >= 5
