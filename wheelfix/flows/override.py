"""Writes Nix code that gives wheels the libraries they need: ``wheelfix override``."""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.model.lock import name_packages
from wheelfix.model.override import Cuda, Dialect
from wheelfix.model.written import Written
from wheelfix.override.builds import find_no_build, make_finder
from wheelfix.override.dialects import check_choices, check_targets, render_overrides
from wheelfix.override.imports import show_imports
from wheelfix.override.plan import OverridePlan, plan_overrides
from wheelfix.override.strip import NO_WISHES, Wishes
from wheelfix.scan.scan import ScanOptions, choose_python, scan_targets
from wheelfix.scan.target import find_targets


def write_override(
    texts: Sequence[str], dialect: Dialect, cuda: Cuda, options: ScanOptions, *, wishes: Wishes = NO_WISHES
) -> Written[OverridePlan]:
    """Write overrides for wheels.

    Args:
        texts: wheels, directories of wheels, environments, ELF files, requirements or files of them, which
            are fetched: see :mod:`wheelfix.scan.target`. Their distributions are at hand of each other.
        dialect: the tool to write for.
        cuda: where CUDA libraries come from.
        options: options of the scan.
        wishes: which dependencies to keep and to strip.

    Raises:
        InputError: a target cannot be read, there are several wheels of one package, or the dialect does not
            support the answer.
        IndexProblem: the index is damaged.
    """
    targets = tuple(find_targets(texts, "override"))
    check_targets(targets, dialect, cuda)
    check_choices(dialect, wishes)
    read = scan_targets(targets, options)
    python = choose_python(options, targets[0]) if cuda is Cuda.PREBUILT else None
    names = [one.name for one in (*read.beside, *(part.reading.distribution for part in read.parts))]
    find_build = make_finder(options.index, name_packages(python.version), names) if python else find_no_build
    plan = plan_overrides(
        read,
        dialect,
        cuda,
        find_build=find_build,
        packages=options.index.attributes,
        wishes=wishes,
        evidence=", ".join(options.beside),
    )
    plan = show_imports(plan, read.parts)
    text = render_overrides(plan.overrides, plan.adapters, dialect)
    findings = tuple(dict.fromkeys((*(python.findings if python else ()), *plan.findings)))
    return Written(plan=plan, text=text, findings=findings, answered=plan.answered)
