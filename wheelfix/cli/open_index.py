"""Opens the index that a command uses, and warns if it is old."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.cli.options import tell_findings
from wheelfix.cli.progress import show_progress

if TYPE_CHECKING:
    from wheelfix.index.table import SonameTable

_TODAY = "WHEELFIX_TODAY"
"""Variable with the day to use as today, for reproducible output."""


def open_table(index: Path | None, *, quiet: bool, prefer: Sequence[str] = ()) -> SonameTable:
    """Open the index, with progress where a table has to be built first.

    Args:
        index: path that the user named with --index.
        quiet: show neither progress nor how old the index is.
        prefer: attributes that the user prefers.

    Raises:
        InputError: the index has no such attribute.
        IndexProblem: it cannot be read.
    """
    from wheelfix.index.choice import open_index
    from wheelfix.outside.places import find_own_database

    builds = (index or find_own_database()).is_file()
    with show_progress("building the soname table", enabled=not quiet and builds) as progress:
        table = open_index(index, progress=progress)
    from wheelfix.model.index import say_age

    if words := say_age(table.info, find_today()):
        from wheelfix.model.scan import Finding, Level

        tell_findings([Finding(level=Level.NOTE, subject=words[0], message=words[1])], quiet=quiet)
    if prefer:
        from wheelfix.index.lookup import check_attrs

        check_attrs(table, prefer)
    return table


def find_today() -> date:
    """Return today's date in UTC, or the date in the variable."""
    try:
        return date.fromisoformat(os.environ.get(_TODAY, ""))
    except ValueError:
        return datetime.now(UTC).date()
