"""Checks existing Nix code against what wheels need: ``wheelfix override --check``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheelfix.lint.excerpt import make_excerpt
from wheelfix.lint.model import Linted
from wheelfix.lint.nixfile.overrides import read_overrides
from wheelfix.lint.plan import find_lint
from wheelfix.model.scan import Level, find_warnings
from wheelfix.scan.scan import ScanOptions, scan_targets
from wheelfix.scan.target import find_targets


def lint_overrides(file: Path, texts: Sequence[str], options: ScanOptions) -> Linted:
    """Scan targets, and check a Nix file against what they need.

    The file is read first, so that a syntax error is reported before anything is downloaded.

    Args:
        file: file of overrides, in any dialect that wheelfix writes, or some others.
        texts: targets: see :mod:`wheelfix.scan.target`.
        options: options of the scan.

    Raises:
        InputError: the file cannot be read, or is not Nix; or a target cannot be read.
        IndexProblem: the index is damaged.
    """
    overrides = read_overrides(file)
    scanned = scan_targets(find_targets(texts, "override --check"), options)
    excerpt = make_excerpt(overrides, scanned.scans, options.index)
    warnings = (finding for finding in scanned.findings if finding.level is not Level.NOTE)
    return Linted(
        findings=find_lint(overrides, scanned.scans, excerpt),
        warnings=(*warnings, *find_warnings(scanned.scans)),
    )
