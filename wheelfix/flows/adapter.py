"""Replaces a wheel by nixpkgs' build of the package: ``wheelfix adapter``."""

from __future__ import annotations

from wheelfix.model.base import replace
from wheelfix.model.override import AdapterPlan
from wheelfix.model.scan import find_warnings
from wheelfix.model.written import Written
from wheelfix.override.adapter import render_adapters
from wheelfix.override.bound import Environment, plan_adapters
from wheelfix.override.builds import choose_build
from wheelfix.override.dependencies import read_replaced
from wheelfix.override.imports import show_own_imports
from wheelfix.override.prebuilt import check_build, parse_attr
from wheelfix.override.strip import NO_WISHES, Wishes, check_wishes, list_names
from wheelfix.scan.scan import ScanOptions, choose_python
from wheelfix.scan.target import find_target


def write_adapter(
    text: str,
    build: str | None,
    options: ScanOptions,
    *,
    wishes: Wishes = NO_WISHES,
    standalone: bool = False,
) -> Written[AdapterPlan]:
    """Write an adapter that replaces a wheel by nixpkgs' build, and adapters of what is bound to it.

    Args:
        text: a wheel, its address, or a requirement, of which only metadata is fetched.
        build: the build's attribute (``python3Packages.torchWithoutCuda``); None takes nixpkgs' package of
            the same distribution.
        options: options of the scan, including the version of Python.
        wishes: which dependencies to keep and to strip.
        standalone: whether to write a complete file instead of the overlay alone.

    Raises:
        InputError: the target cannot be read or fetched, or the build is for another Python or not known.
        IndexProblem: the index is damaged.
    """
    attr = parse_attr(build) if build else None
    target = find_target(text, "adapter")
    python = choose_python(options, target)
    read = read_replaced(target, replace(options, python=python.version))
    package, others = read.dependencies.package, read.dependencies.others
    check_wishes(wishes, list_names([package, *others]))
    names = [one.name for one in (package, *others)]
    chosen, find_build, told = choose_build(attr, package.name, python.version, options.index, names)
    checked = check_build(chosen.attr, package.name, package.tags, asked=options.python, index=options.index)
    environment = Environment(
        packages={one.name: one for one in (*others, package)},
        needs={scan.name: scan.needs for scan in read.scans},
        evidence=read.dependencies.evidence,
    )
    plan = plan_adapters({package.name: chosen}, environment, find_build, wishes=wishes)
    first = replace(plan.adapters[0], strip=show_own_imports(plan.adapters[0].strip, read.wheel))
    findings = (*python.findings, *told, *checked, *plan.findings)
    plan = replace(plan, adapters=(first, *plan.adapters[1:]), findings=findings)
    text = render_adapters(plan, standalone=standalone)
    return Written(plan=plan, text=text, findings=(*findings, *find_warnings(read.scans)))
