"""What to do next in a directory: the answer to ``wheelfix`` alone."""

from __future__ import annotations

import os
from pathlib import Path

from wheelfix.errors import InputError, describe
from wheelfix.report.start import Start, plan_start


def find_start(directory: Path) -> Start:
    """Find the commands that fit what is in a directory.

    Only names are looked at, nothing is opened.

    Args:
        directory: where the user is.

    Raises:
        InputError: the directory cannot be listed.
    """
    try:
        names = sorted(path.name for path in directory.iterdir())
    except OSError as error:
        problem = f"cannot be listed ({describe(error)})"
        raise InputError(str(directory), problem, "go to a directory that you may read") from None
    # Not is_file() of a Path: a directory that may not be looked into was an error for it up to 3.13.
    environments = [n for n in names if os.path.isfile(directory / n / "pyvenv.cfg")]  # noqa: PTH113
    return plan_start(names, environments)
