"""Shell commands that may mount things where nobody else sees them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_mounted(code: str) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a mount namespace of its own, as root or as somebody who is root inside of it."""
    command = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else []), "sh", "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
