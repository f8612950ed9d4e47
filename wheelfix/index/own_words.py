"""Knows what distributions open and run, and what they say when that is not there.

The table is ``data/own_words.json``, made by ``scripts/collect_own_words.py`` from the sources in wheels and
sdists: to add a distribution, add its name to ``scripts/own_words.txt``.
"""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.model.tables import Name, Table, load_table
from wheelfix.model.words import OwnWords


class OwnWordsTable(Table):
    """What distributions open, run and say, by distribution."""

    FILE = "own_words.json"

    distributions: dict[Name, OwnWords]


def list_own_words() -> Mapping[str, OwnWords]:
    """List what distributions say, by normalised name (PEP 503)."""
    return load_table(OwnWordsTable).distributions


def find_own_words(distribution: str) -> OwnWords | None:
    """Find what a distribution opens, runs and says; None if it is not in the table.

    Args:
        distribution: normalised name (PEP 503).
    """
    return list_own_words().get(distribution)
