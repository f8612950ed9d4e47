"""Translates attributes that were renamed between releases of nixpkgs.

The soname table has the names of the nixpkgs it was built from; users of an older release need older names.
The table of renamings is ``data/releases.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from wheelfix.model.tables import Attr, Release, Table, load_table

NEWEST: Final = (99, 99)


class Renames(Table):
    """Renamed attributes.

    Attributes:
        renamed: older names, by the first release with the new name, and by the new name.
        split: the same, where another package still has the older name, so that it does not mean the new one.
        former: new names, by other old ones.
    """

    FILE = "releases.toml"

    renamed: dict[Release, dict[Attr, Attr]]
    split: dict[Release, dict[Attr, Attr]]
    former: dict[Attr, Attr]


@cache
def _find_older() -> Mapping[str, tuple[str, tuple[int, int]]]:
    """Map each new name to the older one and to the first release that has the new one."""
    table = load_table(Renames)
    return {
        new: (old, parse_release(release))
        for rows in (table.renamed, table.split)
        for release, names in rows.items()
        for new, old in names.items()
    }


@cache
def _find_newer() -> Mapping[str, str]:
    """Map each older name to the newest one."""
    table = load_table(Renames)
    renamed = {old: new for names in table.renamed.values() for new, old in names.items()}
    return renamed | table.former


def parse_release(text: str) -> tuple[int, int]:
    """Read a release of nixpkgs.

    Args:
        text: ``25.05``, ``nixos-25.05``, ``unstable`` or ``newest``.

    Raises:
        ValueError: it is none of these.
    """
    if text in {"newest", "unstable", "nixos-unstable", "nixpkgs-unstable"}:
        return NEWEST
    match = re.fullmatch(r"(?:(?:nixos|release|nixpkgs)-)?(\d\d)\.(0[1-9]|1[0-2])", text)
    if match is None:
        raise ValueError(text)
    return int(match[1]), int(match[2])


def translate(attr: str, release: tuple[int, int]) -> str:
    """Return the name of an attribute in a release.

    Args:
        attr: as the newest nixpkgs writes it.
        release: from :func:`parse_release`.

    Example:
        >>> translate("libx11", (25, 5)), translate("libx11", NEWEST)
        ('xorg.libX11', 'libx11')
    """
    old, since = _find_older().get(attr, (attr, (0, 0)))
    return old if release < since else attr


def find_older(attr: str) -> str:
    """Return the name that an attribute had before the newest one; itself if it has had no other.

    Example:
        >>> find_older("libx11"), find_older("zlib")
        ('xorg.libX11', 'zlib')
    """
    return _find_older().get(attr, (attr, (0, 0)))[0]


def modernize(attr: str) -> str:
    """Return the newest name of an attribute that may have an older name.

    Example:
        >>> modernize("xorg.libX11"), modernize("tbb_2021_11"), modernize("zlib")
        ('libx11', 'onetbb', 'zlib')
    """
    return _find_newer().get(attr, attr)


def spell_both(attrs: Sequence[str]) -> tuple[str, ...]:
    """Return attributes as the user wrote them, each followed by its newest name; tables may have either.

    A prefix ``pkgs.``, as in Nix code, is removed.
    """
    bare = [attr.removeprefix("pkgs.") for attr in attrs]
    return tuple(name for attr in bare for name in dict.fromkeys((attr, modernize(attr))))
