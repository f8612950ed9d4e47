"""Plans a report: which code it can show, and which findings concern all distributions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from wheelfix.model.base import replace
from wheelfix.model.override import Dialect
from wheelfix.model.scan import Finding, Level, WheelScan
from wheelfix.nix.parts import render_attributes, render_sonames
from wheelfix.override.dialects import TRAITS, find_several_wheels
from wheelfix.override.plan import OverridePlan, plan_overrides
from wheelfix.override.python_set import PythonSet
from wheelfix.report.model import NixCode, Report

if TYPE_CHECKING:
    from wheelfix.scan.scan import TargetScans


def plan_code(read: TargetScans, packages: PythonSet, *, evidence: str = "") -> tuple[OverridePlan, ...]:
    """Plan the code for scanned parts, in every dialect that can express it.

    Args:
        read: the scanned parts. Complete packages for nixpkgs contain the wheel's hash, so they are planned
            only if all parts are wheel files.
        packages: the Python packages of nixpkgs.
        evidence: as for :func:`wheelfix.override.plan.plan_overrides`.
    """
    named = tuple(part for part in read.parts if part.reading.distribution.name)
    several = find_several_wheels(part.scan for part in named)
    dialects = [
        dialect
        for dialect, traits in TRAITS.items()
        if named
        and (not several or traits.listed)
        and (not traits.complete or all(part.wheel for part in named))
    ]
    read = replace(read, parts=named)
    return tuple(
        plan_overrides(read, d, TRAITS[d].cuda, packages=packages, evidence=evidence) for d in dialects
    )


def label_code(dialect: Dialect, text: str) -> NixCode:
    """Make the piece of code for a dialect, with its tool and its place."""
    traits = TRAITS[dialect]
    return NixCode(label=traits.label, place=traits.place, text=text)


def tell_several_wheels(scans: Iterable[WheelScan]) -> tuple[Finding, ...]:
    """Report why there is no code for package sets, if there is none."""
    message = "is there in several wheels: no code for package sets, which have one of each package"
    names = find_several_wheels(scans)
    return tuple(Finding(level=Level.WARNING, subject=name, message=message) for name in names)


def make_report(
    target: str, scans: Sequence[WheelScan], code: Sequence[NixCode], findings: Sequence[Finding] = ()
) -> Report:
    """Assemble a report.

    Args:
        target: the subject of the page, in a few words.
        scans: one per distribution.
        code: what to paste, best first.
        findings: about the page as a whole.
    """
    inputs = sorted({attr for scan in scans for attr in scan.build_inputs})
    ignored = sorted({soname for scan in scans for soname in scan.ignore_missing})
    return Report(
        target=target,
        scans=tuple(scans),
        code=tuple(code),
        findings=tuple(findings),
        inputs=render_attributes(inputs) if inputs else "",
        ignored=render_sonames(ignored) if ignored else "",
    )
