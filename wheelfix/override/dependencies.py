"""Reads the metadata of a package that a build of nixpkgs is to replace, and that of its dependencies."""

from __future__ import annotations

from pathlib import Path

from wheelfix.model.base import Struct
from wheelfix.model.scan import WheelScan
from wheelfix.outside.places import find_cache
from wheelfix.override.strip import TABLE, Dependencies
from wheelfix.scan.scan import ScanOptions, choose_python, scan_targets
from wheelfix.scan.target import Target, TargetKind


class Replaced(Struct):
    """A package that is to be replaced, with its dependencies.

    Attributes:
        dependencies: metadata of the package and its dependencies.
        wheel: its file, if there is one.
        scans: of its wheel; empty if only metadata was fetched.
    """

    dependencies: Dependencies
    wheel: Path | None = None
    scans: tuple[WheelScan, ...] = ()


def read_replaced(target: Target, options: ScanOptions) -> Replaced:
    """Read a package and the metadata of its dependencies.

    Args:
        target: a wheel, the address of one, or a requirement, of which only metadata is fetched.
        options: options of the scan.

    Raises:
        InputError: the target cannot be read or fetched.
        IndexProblem: the index is damaged.
    """
    if target.kind is TargetKind.REQUIREMENT:
        return Replaced(dependencies=fetch_dependencies(target.text, options))
    read = scan_targets([target], options)
    part = read.parts[0]
    evidence = ", ".join(options.beside) or TABLE
    dependencies = Dependencies(package=part.reading.distribution, others=read.beside, evidence=evidence)
    return Replaced(dependencies=dependencies, wheel=part.wheel, scans=(part.scan,))


def fetch_dependencies(requirement: str, options: ScanOptions) -> Dependencies:
    """Fetch the metadata of a requirement and of everything it requires.

    Raises:
        InputError: it is not a requirement, cannot be resolved, or the network fails.
    """
    from wheelfix.scan.requirement import fetch_closure  # slow import

    package, *others = fetch_closure(
        requirement,
        find_cache().metadata,
        python=choose_python(options).version,
        system=options.system,
        sources=options.sources,
    )
    return Dependencies(package=package, others=tuple(others), evidence="the package index")
