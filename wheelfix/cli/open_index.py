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
    from wheelfix.outside.nixpkgs import NamedNixpkgs

_TODAY = "WHEELFIX_TODAY"
"""Variable with the day to use as today, for reproducible output."""


def open_table(
    index: Path | None,
    *,
    quiet: bool,
    prefer: Sequence[str] = (),
    nixpkgs: str | NamedNixpkgs | None = None,
    required: bool = True,
    lock: Path | None = None,
    system: str | None = None,
) -> SonameTable:
    """Open the index, with progress where a table has to be built first.

    Args:
        index: path that the user named with --index.
        quiet: show neither progress nor how old the index is.
        prefer: attributes that the user prefers.
        nixpkgs: the nixpkgs that the user named, or that was found for the command; None takes the one that
            the project names.
        required: whether it is an error if that cannot be evaluated.
        lock: the lock that code is written for, beside which a flake.lock may name a nixpkgs.
        system: Nix system that a nixpkgs is asked for; None takes that of the index.

    Raises:
        InputError: the index has no such attribute, or a file of the project cannot be read.
        IndexProblem: it cannot be read.
    """
    from wheelfix.index.choice import open_index
    from wheelfix.outside.places import find_own_database

    builds = (index or find_own_database()).is_file()
    with show_progress("building the soname table", enabled=not quiet and builds) as progress:
        table = open_index(index, progress=progress)
    _follow_nixpkgs(table, nixpkgs, lock, required=required, system=system)
    if not quiet:
        _tell_ages(table)
    if prefer:
        from wheelfix.index.lookup import check_attrs

        check_attrs(table, prefer)
    return table


def _tell_ages(table: SonameTable) -> None:
    """Tell how old the index is, and the nixpkgs that its answers are held against, where they are old."""
    from wheelfix.model.index import say_age, say_attributes_age

    today = find_today()
    said = [say_age(table.info, today)]
    if not table.attributes.followed:
        said.append(say_attributes_age(table.attributes.info, today))
    if old := [words for words in said if words]:
        from wheelfix.model.scan import Finding, Level

        tell_findings(
            [Finding(level=Level.NOTE, subject=subject, message=message) for subject, message in old]
        )


def _follow_nixpkgs(
    table: SonameTable,
    nixpkgs: str | NamedNixpkgs | None,
    lock: Path | None,
    *,
    required: bool,
    system: str | None,
) -> None:
    """Let the user's nixpkgs decide about attributes: the one of the option, else the project's."""
    from wheelfix.outside.nixpkgs import find_nixpkgs, has_nix

    if isinstance(nixpkgs, str):
        table.attributes.follow(nixpkgs, origin="--nixpkgs", required=required, system=system)
        return
    named = nixpkgs or find_nixpkgs(lock.parent if lock else Path.cwd(), locked=lock is not None)
    if named and (named.required or has_nix()):
        table.attributes.follow(
            named.nixpkgs,
            origin=named.origin,
            required=named.required,
            system=system,
            confined=named.confined,
        )


def find_today() -> date:
    """Return today's date in UTC, or the date in the variable."""
    try:
        return date.fromisoformat(os.environ.get(_TODAY, ""))
    except ValueError:
        return datetime.now(UTC).date()
