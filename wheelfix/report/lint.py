"""What a check of overrides found: lines as compilers write them, and ``wheelfix.check/1``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from wheelfix.lint.model import LintFinding, Rule
from wheelfix.model.scan import Level
from wheelfix.report.escape import printable

CHECK_SCHEMA = "wheelfix.check/1"


def render_lint(findings: Sequence[LintFinding], *, details: bool = True) -> str:
    """Render findings for people and editors: ``FILE:LINE:COLUMN: LEVEL: PACKAGE: SUBJECT: MESSAGE [RULE]``.

    Args:
        findings: in the order of :func:`wheelfix.lint.plan.find_lint`.
        details: also the notes.
    """
    strangers = [f for f in findings if f.rule is Rule.NOT_CHECKED and not f.instead]
    shown = [f for f in findings if f not in strangers and (details or f.level is not Level.NOTE)]
    lines = [line for finding in shown for line in _render_one(finding)]
    unchecked = list(dict.fromkeys(f.subject for f in strangers))
    if unchecked and details:
        lines.append(f"not checked, no target is one of them: {', '.join(unchecked)}")
    lines.append(_sum_up(findings))
    return "".join(f"{printable(line)}\n" for line in lines)


def render_lint_json(findings: Sequence[LintFinding], *, path: str) -> str:
    """Render the ``wheelfix.check/1`` document, findings in the order given.

    Args:
        findings: of one file.
        path: the file, as the user named it.
    """
    document = {
        "schema": CHECK_SCHEMA,
        "file": path,
        "findings": [
            {
                "rule": f.rule.value,
                "level": f.level.value,
                "line": f.place.line if f.place else None,
                "column": f.place.column if f.place else None,
                "package": f.package,
                "subject": f.subject,
                "message": f.message,
                "suggestion": f.suggestion,
            }
            for f in findings
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=True) + "\n"


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
