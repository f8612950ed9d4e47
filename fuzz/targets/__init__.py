"""The registry: one module for each group of doors, each with a tuple ``TARGETS``."""

from __future__ import annotations

import importlib
import pkgutil

from fuzz.target import Target


def find_targets() -> dict[str, Target]:
    """All targets by name, in the order of the modules' names; a new module needs no entry anywhere."""
    found: dict[str, Target] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        for target in importlib.import_module(f"{__name__}.{module}").TARGETS:
            if target.name in found:
                raise ValueError(f"two targets are named {target.name}")
            found[target.name] = target
    return found
