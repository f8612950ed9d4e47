"""Check existing Nix overrides against what scanned wheels need: the file is read, the index asked once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheelfix.index.baseline import find_baseline
from wheelfix.index.table import SonameTable
from wheelfix.lint.inputs import find_carriers, find_input_facts, find_similar, spell_attr
from wheelfix.lint.lint import find_lint
from wheelfix.lint.model import CheckFacts, InputRoot, LintFinding, OverrideFile
from wheelfix.lint.nixfile.overrides import read_overrides
from wheelfix.model.base import Struct
from wheelfix.model.scan import Finding, Level, WheelScan, find_warnings
from wheelfix.scan.scan import ScanOptions, scan_targets
from wheelfix.scan.target import find_targets
from wheelfix.wheel.metadata import normalize_name


def run_check(file: Path, scans: Sequence[WheelScan], table: SonameTable) -> tuple[LintFinding, ...]:
    """Check a Nix file.

    Args:
        file: holds overrides, in any of the dialects that wheelfix writes and some more.
        scans: of the wheels that the overrides are for.
        table: the soname table the scans were made with.

    Returns:
        What to change and what to know, errors first, then in file order.

    Raises:
        InputError: the file cannot be read, or is no Nix.
        IndexProblem: the table is damaged.
    """
    overrides = read_overrides(file)
    return find_lint(overrides, scans, gather_facts(overrides, scans, table))


def gather_facts(file: OverrideFile, scans: Sequence[WheelScan], table: SonameTable) -> CheckFacts:
    """Ask the index about everything that a file and the scans name.

    Raises:
        IndexProblem: the table is damaged.
    """
    names = {o.package: normalize_name(o.package) for o in file.overrides if o.package is not None}
    scanned = {scan.name for scan in scans}
    checked = [o for o in file.overrides if o.package is None or names[o.package] in scanned]
    inputs = [i for o in checked for i in o.inputs if i.root is not InputRoot.PYTHON]
    wanted = [need.soname for scan in scans for need in scan.needs]
    ignored = [entry.soname for o in checked for entry in o.ignored]
    return CheckFacts(
        names=names,
        inputs=find_input_facts(table, [attr for i in inputs for attr in (i.attr, *i.alternatives)]),
        carriers=find_carriers(table, [*wanted, *(name for scan in scans for name in scan.opened)]),
        similar=find_similar(table, ignored, wanted),
        baselines={
            scan.target: frozenset(spell_attr(attr) for attr in find_baseline(scan.tags)) for scan in scans
        },
    )


class Checked(Struct):
    """What a check found.

    Attributes:
        findings: as :func:`run_check` returns them.
        warnings: about the wheels themselves, whatever the file says.
    """

    findings: tuple[LintFinding, ...]
    warnings: tuple[Finding, ...]


def check_overrides(file: Path, targets: Sequence[str], options: ScanOptions) -> Checked:
    """Scan targets, and check a Nix file against what they need.

    The file is read first: a syntax error in it is told before anything is downloaded.

    Args:
        file: as in :func:`run_check`.
        targets: what a user may name: see :mod:`wheelfix.scan.target`.
        options: how they are scanned.

    Raises:
        InputError: the file or a target cannot be read.
        IndexProblem: the table is damaged.
    """
    overrides = read_overrides(file)
    scanned = scan_targets(find_targets(targets, "override --check"), options)
    scans = scanned.scans
    findings = find_lint(overrides, scans, gather_facts(overrides, scans, options.index))
    warnings = (f for f in scanned.findings if f.level is not Level.NOTE)
    return Checked(findings=findings, warnings=(*warnings, *find_warnings(scans)))


def find_exit_code(findings: Sequence[LintFinding]) -> int:
    """1 if a finding is an error, else 0."""
    return 1 if any(finding.level is Level.ERROR for finding in findings) else 0
