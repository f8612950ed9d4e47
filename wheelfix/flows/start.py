"""Finds the next commands for a directory: ``wheelfix`` without a command."""

from __future__ import annotations

import os
from pathlib import Path

from wheelfix.errors import InputError, describe
from wheelfix.report.start import Start, plan_start


def find_start(directory: Path) -> Start:
    """Find the commands that fit the contents of a directory.

    Only names are read; no file is opened.

    Args:
        directory: the user's working directory.

    Raises:
        InputError: the directory cannot be listed.
    """
    try:
        names = sorted(path.name for path in directory.iterdir())
    except OSError as error:
        problem = f"cannot be listed ({describe(error)})"
        raise InputError(str(directory), problem, "go to a directory that you may read") from None
    # Not Path.is_file, which up to Python 3.13 raises an error for a directory without permission.
    environments = [n for n in names if os.path.isfile(directory / n / "pyvenv.cfg")]  # noqa: PTH113
    return plan_start(names, environments)
