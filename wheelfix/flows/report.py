"""Everything about a target on one page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheelfix.flows.nix import (
    Options,
    Written,
    find_default_cuda,
    find_doubles,
    plan_reading,
    render_overrides,
)
from wheelfix.flows.scan import ScanOptions
from wheelfix.index.table import SonameTable
from wheelfix.model.base import replace
from wheelfix.model.override import Dialect
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, Level, WheelScan, find_warnings
from wheelfix.model.wheel import Distribution
from wheelfix.nix.parts import render_attributes, render_sonames
from wheelfix.report.model import NixCode, Report
from wheelfix.report.page import render_report
from wheelfix.scan.conclude import conclude
from wheelfix.scan.target import TargetKind, find_target, read_parts
from wheelfix.wheel.about import make_source

_OVERLAY = "An overlay, given pkgs and lib: compose it after the one that"
_TOOLS = {
    Dialect.UV2NIX: ("uv2nix", f"{_OVERLAY} uv2nix makes of the lock."),
    Dialect.PYPROJECT_NIX: ("pyproject.nix", f"{_OVERLAY} makes the packages."),
    Dialect.POETRY2NIX: ("poetry2nix", "An overlay, given pkgs and lib: goes into overrides of mkPoetryEnv."),
    Dialect.NIXPKGS: (
        "nixpkgs",
        "One package: for python3Packages.callPackage. Several: an overlay for a Python package set.",
    ),
    Dialect.MACH_NIX: ("mach-nix", "Settings: merge them into the argument of mkPython."),
    Dialect.SHELL: ("nix-shell", "A shell.nix with the libraries for nix-ld, for what pip or uv installed."),
}


def write_report(target: str, *, index: SonameTable, options: ScanOptions) -> Written:
    """Write a page about a target.

    Args:
        target: all that can be scanned: see :mod:`wheelfix.scan.target`.
        index: where attributes are looked up.
        options: how.

    Returns:
        HTML; answered if every need of every distribution is.

    Raises:
        InputError: the target cannot be found, fetched or read.
        IndexProblem: the index is damaged.
    """
    named = find_target(target, "report")
    code_options = Options(
        index=index,
        prefer=tuple(options.prefer),
        beside=tuple(options.beside),
        python=options.python,
        system=options.system,
        sources=options.sources,
        progress=options.progress,
    )
    if named.kind is TargetKind.LOCK and named.path:
        report = _read_lock(named.path, code_options)
    else:
        found = read_parts([named], options.make_reading())
        read: list[tuple[Reading, WheelScan, Path | None]] = []
        for part in found.parts:
            scan = conclude(part.reading, index, options.prefer, part.at_hand)
            read.append((part.reading, scan, part.wheel))
        code = write_code(read, code_options, others=found.beside)
        name = named.path.resolve().name if named.path else target
        scans = [scan for _, scan, _ in read]
        message = "is there in several wheels: no code for package sets, which have one of each package"
        several = [
            Finding(level=Level.WARNING, subject=double, message=message) for double in find_doubles(scans)
        ]
        report = make_report(name, scans, code, (*found.findings, *several))
    warnings = (f for f in report.findings if f.level is not Level.NOTE)
    return Written(
        text=render_report(report),
        findings=(*warnings, *find_warnings(report.scans)),
        answered=report.answered,
    )


def _read_lock(path: Path, options: Options) -> Report:
    """One overlay for all packages of the lock, in the dialects whose package sets are made from locks."""
    from wheelfix.flows.lock import LockOptions, plan_lock
    from wheelfix.lock.render import render_lock

    plan = plan_lock(path, LockOptions(code=options, dialect=Dialect.UV2NIX))
    plans = [plan, replace(plan, dialect=Dialect.PYPROJECT_NIX)]
    if not plan.adapters:  # poetry2nix has none, nor those for cargo
        plans.append(plan_lock(path, LockOptions(code=options, dialect=Dialect.POETRY2NIX)))
    code = []
    for one in plans:
        label, place = _TOOLS[one.dialect]
        code.append(NixCode(label=label, place=place, text=render_lock(one)))
    return make_report(path.name, plan.scans, code, plan.findings)


def make_report(
    target: str, scans: Sequence[WheelScan], code: Sequence[NixCode], findings: Sequence[Finding] = ()
) -> Report:
    """Put together what a page shows, whatever it was that was scanned.

    Args:
        target: what the page is about, in a few words.
        scans: one per distribution.
        code: what to paste, best first.
        findings: about all of it together.
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


def write_code(
    read: Sequence[tuple[Reading, WheelScan, Path | None]],
    options: Options,
    *,
    others: Sequence[Distribution] = (),
) -> tuple[NixCode, ...]:
    """Write the code for what was read, for every tool that there can be code for.

    Args:
        read: each distribution, what was concluded, and the wheel file if it is one. Complete packages for
            nixpkgs have the wheel's hash in them, so they are written only where all are wheel files.
        options: how to plan.
        others: metadata of distributions at hand.

    Raises:
        InputError: a wheel file cannot be read.
    """
    named = [(reading, scan, wheel) for reading, scan, wheel in read if reading.distribution.name]
    found = []
    doubles = find_doubles(scan for _, scan, _ in named)
    for dialect, (label, place) in _TOOLS.items():
        if doubles and dialect is not Dialect.SHELL:
            continue
        complete = dialect is Dialect.NIXPKGS
        if not named or (complete and not all(wheel for *_, wheel in named)):
            continue
        overrides = [
            plan_reading(
                reading,
                scan,
                find_default_cuda(dialect),
                options,
                path=wheel,
                source=make_source(reading) if complete and wheel else None,
                others=others,
            )[0]
            for reading, scan, wheel in named
        ]
        found.append(NixCode(label=label, place=place, text=render_overrides(overrides, (), dialect)))
    return tuple(found)
