"""Thousands of packages: a few real wheels over and over, under other names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from tests.support.facts import add_details, make_reading, make_scan
from wheelfix.model.base import replace
from wheelfix.model.override import Cuda, Dialect, Override
from wheelfix.model.scan import WheelScan
from wheelfix.override.plan import plan_override

WHEELS = ("numba-0.68.1", "pyodbc-5.5.0", "soundfile-0.14.0")
"""Two that need something, and one that does not."""


@cache
def make_scans(count: int) -> tuple[WheelScan, ...]:
    """Scans of the wheels ``numba-0``, ``pyodbc-1``, ``soundfile-2``, ``numba-3`` …"""
    scans = []
    for number in range(count):
        scan = make_scan(WHEELS[number % len(WHEELS)])
        name = f"{scan.name}-{number}"
        target = scan.target.replace(scan.name, name.replace("-", "_"), 1)
        scans.append(replace(scan, name=name, target=target))
    return tuple(scans)


def plan_overrides(scans: Sequence[WheelScan], dialect: Dialect) -> list[Override]:
    """The overrides of such wheels, as ``wheelfix override`` plans them."""
    overrides = []
    for number, scan in enumerate(scans):
        wheel = WHEELS[number % len(WHEELS)]
        override = plan_override(make_reading(wheel), scan, Cuda.WHEELS)
        if dialect is Dialect.NIXPKGS:
            details = add_details(wheel, override).details
            assert details
            override = replace(override, details=replace(details, attr=override.name))
        overrides.append(override)
    return overrides
