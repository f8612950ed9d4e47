"""A Nix file held against scans that are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheelfix.index.table import SonameTable
from wheelfix.lint.excerpt import make_excerpt
from wheelfix.lint.model import LintFinding
from wheelfix.lint.nixfile.overrides import read_overrides
from wheelfix.lint.plan import find_lint
from wheelfix.model.scan import WheelScan


def check_file(file: Path, scans: Sequence[WheelScan], table: SonameTable) -> tuple[LintFinding, ...]:
    """What ``override --check`` finds in a file, given the scans."""
    overrides = read_overrides(file)
    return find_lint(overrides, scans, make_excerpt(overrides, scans, table))
