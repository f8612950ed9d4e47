"""Whether existing Nix code fits what wheels need: ``wheelfix override --check``."""

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

    The file is read first: a syntax error in it is told before anything is downloaded.

    Args:
        file: holds overrides, in any of the dialects that wheelfix writes and some more.
        texts: what a user may name: see :mod:`wheelfix.scan.target`.
        options: how that is scanned.

    Raises:
        InputError: the file cannot be read, or is no Nix; or a target cannot be read.
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
