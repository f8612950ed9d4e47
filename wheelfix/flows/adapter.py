"""Replaces a wheel by nixpkgs' build of the package: ``wheelfix adapter``."""

from __future__ import annotations

from wheelfix.model.override import Adapter
from wheelfix.model.scan import find_warnings
from wheelfix.model.written import Written
from wheelfix.override.adapter import render_adapter
from wheelfix.override.dependencies import read_replaced
from wheelfix.override.imports import show_own_imports
from wheelfix.override.prebuilt import check_build, parse_attr
from wheelfix.override.strip import NO_WISHES, Wishes, check_wishes, list_names, plan_strip
from wheelfix.scan.scan import ScanOptions
from wheelfix.scan.target import find_target


def write_adapter(
    text: str, build: str, options: ScanOptions, *, wishes: Wishes = NO_WISHES, standalone: bool = False
) -> Written[Adapter]:
    """Write an adapter that replaces a wheel by nixpkgs' build.

    Args:
        text: a wheel, its address, or a requirement, of which only metadata is fetched.
        build: the build's attribute (``python3Packages.torchWithoutCuda``).
        options: options of the scan, including the version of Python.
        wishes: which dependencies to keep and to strip.
        standalone: whether to write a complete file instead of the overlay alone.

    Raises:
        InputError: the target cannot be read or fetched, or the build is for another Python.
        IndexProblem: the index is damaged.
    """
    attr = parse_attr(build)
    replaced = read_replaced(find_target(text, "adapter"), options)
    package = replaced.dependencies.package
    check_wishes(wishes, list_names([package, *replaced.dependencies.others]))
    findings = check_build(attr, package.name, package.tags, asked=options.python, index=options.index)
    needs = [need for scan in replaced.scans for need in scan.needs]
    strip = plan_strip(replaced.dependencies, needs=needs, wishes=wishes)
    strip = show_own_imports(strip, replaced.wheel)
    adapter = Adapter(
        name=package.name, version=package.version, target=package.target, attr=attr, strip=strip
    )
    text = render_adapter(adapter, standalone=standalone)
    return Written(plan=adapter, text=text, findings=(*findings, *find_warnings(replaced.scans)))
