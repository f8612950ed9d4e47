"""What holds for all tests."""

from __future__ import annotations

import os

# The index inside the package grows old, and every command says so: what tests compare must not depend on it.
os.environ["WHEELFIX_TODAY"] = "2026-05-04"
