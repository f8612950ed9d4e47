"""Decides whether a fetched database is newer than the one in use; only then does it replace it."""

from __future__ import annotations

from pathlib import Path

from wheelfix.errors import IndexProblem
from wheelfix.index.choice import find_fetched_table, open_bundled
from wheelfix.index.table import open_file
from wheelfix.model.base import Struct
from wheelfix.model.index import IndexInfo


class Fetched(Struct):
    """A database that was fetched.

    Attributes:
        date: day of its nixpkgs, or None if its origin does not say.
        named: whether the user gave its address; it is then used even if it is older than the one in use.
    """

    database: Path
    system: str
    date: str | None
    named: bool


def find_current() -> IndexInfo | None:
    """Find the index that an update would replace; None if it cannot be read."""
    table = find_fetched_table()
    try:
        return (open_file(table, source="fetched") if table.is_file() else open_bundled()).info
    except IndexProblem:
        return None


def is_news(fetched: Fetched, digest: str, current: IndexInfo) -> bool:
    """Tell whether a database is to replace the index that is in use.

    Args:
        fetched: the database.
        digest: sha256 of it.
        current: the index.

    Returns:
        False for the database that the index was built from, and for one that is not newer, provided that
        both have a date and the user did not name the database.
    """
    if digest == current.digest:
        return False
    if fetched.named or fetched.system != current.system or not fetched.date or not current.date:
        return True
    return fetched.date > current.date
