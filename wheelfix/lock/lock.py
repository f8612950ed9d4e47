"""Plans the overlay of a lock: reads what each step needs, and runs the steps in order."""

from __future__ import annotations

from pathlib import Path

from wheelfix.lock.model import LockOptions, LockPlan
from wheelfix.lock.plan import drop_removed_packages, find_selection, plan_adapters, plan_overlay
from wheelfix.lock.read import find_places, read_dependencies, read_request, read_rust
from wheelfix.scan.locked import read_choices


def plan_lock(path: Path, options: LockOptions) -> LockPlan:
    """Plan one overlay for all packages of a lock.

    Args:
        path: uv.lock, pylock.toml, poetry.lock, or a requirements.txt with hashes.
        options: target and other options.

    Raises:
        InputError: the lock or a wheel cannot be read or fetched, or has no source of a wanted kind.
        IndexProblem: the index is damaged.
    """
    request = read_request(path, options)
    selection = find_selection(request, options)
    dependencies = read_dependencies(request, selection, options)
    adapters = plan_adapters(request, selection, dependencies, options)
    selection = drop_removed_packages(request, selection, adapters, options)
    found = read_choices(selection.choices, find_places(path, request, options))
    rust = read_rust(found, options)
    return plan_overlay(request, selection, adapters, found, rust, options)
