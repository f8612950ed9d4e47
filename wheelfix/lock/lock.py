"""Plans the overlay of a lock: reads what each step needs, and runs the steps in order."""

from __future__ import annotations

from pathlib import Path

from wheelfix.lock.model import LockOptions, LockPlan
from wheelfix.lock.plan import (
    drop_removed_packages,
    find_selection,
    plan_lock_adapters,
    plan_overlay,
    replace_bound,
)
from wheelfix.lock.prefix import settle_dialect
from wheelfix.lock.provided import add_provided, ask_channels, read_provided
from wheelfix.lock.read import find_places, read_dependencies, read_request, read_rust
from wheelfix.override.dialects import TRAITS
from wheelfix.scan.locked import keep_chosen, read_choices
from wheelfix.scan.scan import scan_readings


def plan_lock(path: Path, options: LockOptions) -> LockPlan:
    """Plan one overlay for all packages of a lock.

    Args:
        path: a lock of a format in :mod:`wheelfix.model.lock_formats`, or a requirements.txt with hashes.
        options: target and other options.

    Raises:
        InputError: the lock or a wheel cannot be read or fetched, or has no source of a wanted kind.
        IndexProblem: the index is damaged.
    """
    request = read_request(path, options)
    options = settle_dialect(request.lock, options)
    request = ask_channels(request, options)
    selection = find_selection(request, options)
    dependencies = read_dependencies(request, selection, options)
    places = find_places(path, request, options)
    adapters = plan_lock_adapters(request, selection, dependencies, {}, options)
    kept = drop_removed_packages(request, replace_bound(selection, adapters), adapters, options)
    # A package set of nixpkgs has no place for packages of conda, which are not fetched for it then.
    packages = request.lock.conda if TRAITS[options.dialect].prefix else ()
    found = read_choices(kept.choices, places, packages)
    if adapters.adapters:  # only the wheels that stay tell whether they link what is replaced
        scans = {scan.name: scan for scan in scan_readings(found.wheels, options.scan)}
        adapters = plan_lock_adapters(request, selection, dependencies, scans, options)
        kept = drop_removed_packages(request, replace_bound(selection, adapters), adapters, options)
        found = keep_chosen(found, kept.choices)
    rust = read_rust(request, found, options)
    provided = read_provided(request, kept.choices, places, options)
    plan = plan_overlay(request, kept, adapters, found, rust, options, provided.views)
    return add_provided(plan, provided, options)
