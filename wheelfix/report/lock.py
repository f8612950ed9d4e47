"""``wheelfix.lock/1``: what an overlay for a lock rests on, described by ``schema/lock-1.json``."""

from __future__ import annotations

import json
from typing import Any

from wheelfix.lock.model import LockPlan
from wheelfix.model.lock import Choice
from wheelfix.model.override import Override
from wheelfix.model.scan import WheelScan, find_warnings
from wheelfix.report.json import document_need, document_opening

LOCK_SCHEMA = "wheelfix.lock/1"


def render_plan(plan: LockPlan) -> str:
    """Render the document of a lock; lists are sorted."""
    return json.dumps(document_plan(plan), indent=2) + "\n"


def document_plan(plan: LockPlan) -> dict[str, Any]:
    """Build the ``wheelfix.lock/1`` document."""
    scans = {scan.name: scan for scan in plan.scans}
    overrides = {override.name: override for override in plan.overrides}
    return {
        "schema": LOCK_SCHEMA,
        "lock": plan.lock,
        "python": plan.python,
        "system": plan.system,
        "dialect": plan.dialect.value,
        "packages": [
            _document_choice(c, scans.get(c.package.name), overrides.get(c.package.name))
            for c in plan.choices
        ],
        "builds": [
            {"name": b.name, "version": b.version, "requires": list(b.requires), "cargo": b.cargo}
            for b in plan.builds
        ],
        "adapters": [
            {
                "name": a.name,
                "attr": ".".join(a.attr),
                "stripped": [judged.name for judged in a.strip.stripped],
            }
            for a in plan.adapters
        ],
        "collisions": [
            {
                "kind": c.clash.value,
                "distributions": list(c.distributions),
                "paths": list(c.paths),
                "fix": c.fix or None,
            }
            for c in plan.collisions
        ],
        "findings": [
            {"level": f.level.value, "subject": f.subject, "message": f.message}
            for f in (*plan.findings, *find_warnings(plan.scans))
        ],
        "read": list(plan.read),
    }


def _document_choice(choice: Choice, scan: WheelScan | None, override: Override | None) -> dict[str, Any]:
    package = choice.package
    return {
        "name": package.name,
        "version": package.version,
        "provider": choice.kind.value,
        "file": scan.target if scan else choice.file.filename if choice.file else None,
        "attr": ".".join(choice.attr) or None,
        "build_inputs": sorted(scan.build_inputs) if scan else [],
        "ignore_missing": sorted(i.soname for i in override.ignored) if override else [],
        "searches": sorted({s.distribution for s in override.searches if s.distribution}) if override else [],
        "needs": [document_need(need) for need in scan.needs] if scan else [],
        "openings": [document_opening(opening) for opening in scan.openings] if scan else [],
    }
