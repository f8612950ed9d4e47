"""Holds what is known of nixpkgs against the nixpkgs that the user named."""

from __future__ import annotations

from collections.abc import Iterable

from wheelfix.index.lookup import find_providers
from wheelfix.index.table import SonameTable
from wheelfix.model.index import Attribute
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, Level
from wheelfix.scan.conclude import find_opened
from wheelfix.scan.sentences import name_some

_NAMED = 6


def ask_together(table: SonameTable, readings: Iterable[Reading]) -> None:
    """Ask the user's nixpkgs about all that scans can name, in one evaluation; without one, do nothing.

    Args:
        table: where nixpkgs attributes are looked up.
        readings: of the distributions to be scanned.

    Raises:
        IndexProblem: the table is damaged.
        InputError: the nixpkgs cannot be evaluated.
    """
    if not table.attributes.followed:
        return
    wanted: set[str] = set()
    for reading in readings:
        wanted.update(soname for obj in reading.objects for soname in obj.needed)
        wanted.update(name.rpartition("/")[2] for name in find_opened(reading))
    find_providers(table, sorted(wanted))


def tell_differences(table: SonameTable) -> tuple[Finding, ...]:
    """Report where the user's nixpkgs differs from what wheelfix knows, and why it could not be asked."""
    attributes = table.attributes
    followed = attributes.followed
    if followed is None:
        return ()
    if followed.problem:
        known = f"{attributes.info.release} of {attributes.info.date or 'unknown date'}"
        # What Nix says differs from run to run, and generated files begin with findings.
        message = (
            f"names {followed.nixpkgs}, which could not be evaluated: answers are for nixpkgs {known}; name "
            "it with --nixpkgs to see why"
        )
        return (Finding(level=Level.WARNING, subject=followed.origin, message=message),)
    pairs = attributes.list_different()
    if not pairs:
        return ()
    named = name_some([f"{one.attr} ({_say(one)}, was {_say(kept)})" for one, kept in pairs], _NAMED)
    message = f"differs from the nixpkgs that wheelfix knows: {named}"
    return (Finding(level=Level.NOTE, subject=followed.nixpkgs, message=message),)


def _say(attribute: Attribute) -> str:
    """Tell in one word or two what an attribute is like."""
    if attribute.removed is not None:
        return "gone"
    if attribute.broken:
        return "broken"
    return f"refused without {' and '.join(attribute.permissions)}" if attribute.permissions else "there"
