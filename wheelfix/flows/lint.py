"""Whether existing Nix code fits what wheels need: ``wheelfix override --check``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheelfix.index.table import SonameTable
from wheelfix.lint.excerpt import make_excerpt
from wheelfix.lint.model import Linted
from wheelfix.lint.nixfile.overrides import read_overrides
from wheelfix.lint.plan import find_lint
from wheelfix.model.scan import Level, find_warnings
from wheelfix.scan.conclude import conclude
from wheelfix.scan.target import ReadOptions, read_targets


def lint_overrides(
    file: Path,
    targets: Sequence[str],
    *,
    index: SonameTable,
    options: ReadOptions,
    prefer: Sequence[str] = (),
) -> Linted:
    """Scan targets, and check a Nix file against what they need.

    The file is read first: a syntax error in it is told before anything is downloaded.

    Args:
        file: holds overrides, in any of the dialects that wheelfix writes and some more.
        targets: wheels, environments, locks, requirements: see :mod:`wheelfix.scan.target`.
        index: where attributes are looked up.
        options: how targets are read.
        prefer: attributes that win where several provide a library, strongest first.

    Raises:
        InputError: the file cannot be read, or is no Nix; or a target cannot be read.
        IndexProblem: the table is damaged.
    """
    overrides = read_overrides(file)
    read = read_targets(targets, "override --check", options)
    scans = [conclude(part.reading, index, prefer, part.at_hand) for part in read.parts]
    findings = find_lint(overrides, scans, make_excerpt(overrides, scans, index))
    warnings = (finding for finding in read.findings if finding.level is not Level.NOTE)
    return Linted(findings=findings, warnings=(*warnings, *find_warnings(scans)))
