"""Plans a report: which code it can show, and which findings concern all distributions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from wheelfix.model.override import Dialect
from wheelfix.model.scan import Finding, Level, WheelScan
from wheelfix.nix.parts import render_attributes, render_sonames
from wheelfix.override.dialects import TRAITS, find_several_wheels
from wheelfix.override.plan import OverridePlan, plan_overrides
from wheelfix.override.python_set import PythonSet
from wheelfix.report.advice import INSTALLED, patch_environment
from wheelfix.report.model import NixCode, Report
from wheelfix.scan.target import TargetKind

if TYPE_CHECKING:
    from wheelfix.scan.scan import TargetScans


def plan_code(read: TargetScans, packages: PythonSet, *, evidence: str = "") -> tuple[OverridePlan, ...]:
    """Plan the code for scanned parts, in every dialect that can express it.

    Args:
        read: the scanned parts. Complete packages for nixpkgs contain the wheel's hash, so they are planned
            only if all parts are wheel files.
        packages: the Python packages of nixpkgs.
        evidence: as for :func:`wheelfix.override.plan.plan_overrides`.

    Returns:
        For what is installed, and for files of no package, only lists of libraries: there is no package set.
    """
    installed = is_installed(read)
    several = find_several_wheels(part.scan for part in read.parts)
    dialects = [
        dialect
        for dialect, traits in TRAITS.items()
        if not traits.whole
        and (traits.listed or not (installed or several))
        and (not traits.complete or all(part.wheel for part in read.parts))
    ]
    return tuple(
        plan_overrides(read, d, TRAITS[d].cuda, packages=packages, evidence=evidence) for d in dialects
    )


def is_installed(read: TargetScans) -> bool:
    """Tell whether something is used as it is, and no package of a set is made of it."""
    return any(part.target.kind in INSTALLED for part in read.parts)


def list_commands(read: TargetScans) -> tuple[NixCode, ...]:
    """List the commands that change the scanned environments in place."""
    targets = (part.target for part in read.parts if part.target.kind is TargetKind.ENVIRONMENT)
    remedies = [patch_environment(text) for text in dict.fromkeys(target.text for target in targets)]
    return tuple(
        NixCode(label="patch", place=f"{one.text.rstrip(':')}.", text=f"{one.command}\n") for one in remedies
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
    target: str,
    scans: Sequence[WheelScan],
    code: Sequence[NixCode],
    findings: Sequence[Finding] = (),
    *,
    installed: bool = False,
) -> Report:
    """Assemble a report.

    Args:
        target: the subject of the page, in a few words.
        scans: one per distribution.
        code: what to paste, best first.
        findings: about the page as a whole.
        installed: whether the page is about what pip or uv installed: no package of a set is changed, so that
            there is no list of what auto-patchelf ignores.
    """
    inputs = sorted({attr for scan in scans for attr in scan.build_inputs})
    ignored = sorted({soname for scan in scans for soname in scan.ignore_missing} if not installed else ())
    return Report(
        target=target,
        scans=tuple(scans),
        code=tuple(code),
        findings=tuple(findings),
        inputs=render_attributes(inputs) if inputs else "",
        ignored=render_sonames(ignored) if ignored else "",
        installed=installed,
    )
