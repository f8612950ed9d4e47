"""Renders the findings of a check of overrides, one per line, in the form of compiler messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from wheelfix.lint.model import LintFinding, Rule
from wheelfix.model.scan import Level
from wheelfix.report.escape import printable


def render_lint(findings: Sequence[LintFinding], *, details: bool = True) -> str:
    """Render findings for people and editors: ``FILE:LINE:COLUMN: LEVEL: PACKAGE: SUBJECT: MESSAGE [RULE]``.

    Args:
        findings: in the order of :func:`wheelfix.lint.plan.find_lint`.
        details: also print the notes.
    """
    strangers = [f for f in findings if f.rule is Rule.NOT_CHECKED and not f.instead]
    shown = [f for f in findings if f not in strangers and (details or f.level is not Level.NOTE)]
    lines = [line for finding in shown for line in _render_one(finding)]
    unchecked = list(dict.fromkeys(f.subject for f in strangers))
    if unchecked and details:
        lines.append(f"not checked, no target is one of them: {', '.join(unchecked)}")
    lines.append(_sum_up(findings))
    return "".join(f"{printable(line)}\n" for line in lines)


def _render_one(finding: LintFinding) -> list[str]:
    where = f"{finding.path}:{finding.place.line}:{finding.place.column}" if finding.place else finding.path
    subject = "" if finding.subject == finding.package else f"{finding.subject}: "
    package = f"{finding.package}: " if finding.package else ""
    head = f"{where}: {finding.level.value}: {package}{subject}{finding.message} [{finding.rule.value}]"
    return [head, f"    -> {finding.suggestion}"] if finding.suggestion else [head]


def _sum_up(findings: Sequence[LintFinding]) -> str:
    counts = Counter(f.level for f in findings if f.rule is not Rule.NOT_CHECKED)
    parts = [f"{n} {level.value}{'s' if n > 1 else ''}" for level in Level if (n := counts[level])]
    return ", ".join(parts) if parts else "nothing to say: the overrides fit the wheels"
