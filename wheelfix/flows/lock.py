"""Writes one overlay for a whole lock: ``wheelfix lock``."""

from __future__ import annotations

from pathlib import Path

from wheelfix.lock.lock import plan_lock
from wheelfix.lock.model import LockOptions, LockPlan
from wheelfix.lock.render import render_lock
from wheelfix.override.dialects import check_choices
from wheelfix.scan.target import find_target


def write_lock(text: str, options: LockOptions) -> tuple[LockPlan, str]:
    """Write one file for all packages of a lock.

    Args:
        text: a lock of a format in :mod:`wheelfix.model.lock_formats`, or a requirements.txt with hashes.
        options: options of the plan and the scan.

    Returns:
        The plan, and the text of the file.

    Raises:
        InputError: the lock or a wheel cannot be read or fetched, has no source of a wanted kind, or an
            option makes no sense in the dialect.
        IndexProblem: the index is damaged.
    """
    find_target(text, "lock")
    check_choices(options.dialect, options.wishes, options.providers)
    plan = plan_lock(Path(text), options)
    return plan, render_lock(plan)
