"""Dates of databases: the day of the nixpkgs that a database describes, not the day of the file.

A nix-index database does not record the date, so it depends on the origin:

- the table inside the package: recorded with it (``data/provenance.toml``), and used for every copy of the
  same database;
- the wheel of a package index: its version is the day;
- a release on the web: its address has the day (``…/download/2026-05-03-031122/index-x86_64-linux``);
- the user's own, made by ``nix-index``: unknown. The day its file was written is reported as such.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

from wheelfix.model.tables import Table, load_table

_NO_YEAR = 1980
"""Times up to this year mean no date: files in Nix stores, and archives with the earliest possible time."""


class Provenance(Table):
    """Origin and counts of the soname table inside the package.

    Attributes:
        digest: sha256 of the database.
        system: the table's main system.
        packages: number of packages in the database.
        entries: number of rows of the table.
        sonames: number of distinct file names in it.
    """

    FILE = "provenance.toml"

    digest: str
    system: str
    packages: int
    entries: int
    sonames: int


def find_known_date(digest: str) -> str | None:
    """Return the day of the database that the table inside the package was built from.

    Args:
        digest: sha256 of a database.

    Returns:
        None for any other database.
    """
    bundled = load_table(Provenance)
    return bundled.date if bundled.digest == digest else None


def parse_version_date(version: str) -> str | None:
    """Parse a version that is a day.

    Example:
        >>> parse_version_date("2026.5.3"), parse_version_date("1.0")
        ('2026-05-03', None)
    """
    return _make_date(re.findall(r"\d+", version)[:3])


def parse_url_date(url: str) -> str | None:
    """Find the day in a segment of a URL's path, as in releases; the last one counts.

    Example:
        >>> parse_url_date("https://h.example/releases/download/2026-05-03-031122/index-x86_64-linux")
        '2026-05-03'
    """
    found = re.findall(r"(?:^|/)(\d{4})-(\d\d)-(\d\d)(?=[-/T_]|$)", urlsplit(url).path)
    return next((day for parts in reversed(found) if (day := _make_date(parts))), None)


def find_written(database: Path) -> str | None:
    """Return the day a file was written; None in a Nix store, where every file has the same time of 1970."""
    written = datetime.fromtimestamp(database.stat().st_mtime, UTC).date()
    return None if written.year <= _NO_YEAR else written.isoformat()


def _make_date(parts: Sequence[str]) -> str | None:
    try:
        year, month, day = map(int, parts)
        return date(year, month, day).isoformat()
    except ValueError:
        return None
