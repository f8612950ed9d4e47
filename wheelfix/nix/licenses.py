"""Writes licenses as nixpkgs' maintainers do: ``lib.licenses.mit``, or a list of such.

The names are in ``data/licenses.json``, by SPDX identifier.
"""

from __future__ import annotations

import re

from wheelfix.model.base import Struct
from wheelfix.model.tables import Attr, Table, load_table
from wheelfix.nix.tree import Expr, List, select

_OPERATORS = frozenset({"AND", "OR", "WITH"})
_REFERENCE = "LicenseRef-"
_PUBLIC_DOMAIN = re.compile(r"public.?domain", re.IGNORECASE)
_PUBLIC, _UNFREE = "publicDomain", "unfree"


class LicenseNames(Table):
    """Table of nixpkgs' licenses.

    Attributes:
        attributes: name below ``lib.licenses``, by SPDX identifier.
    """

    FILE = "licenses.json"

    attributes: dict[str, Attr]


class WrittenLicense(Struct):
    """A license as Nix code.

    Attributes:
        value: of ``meta.license``; None if nixpkgs has no name for any part of it.
        remark: what the value does not say; empty if it says everything.
    """

    value: Expr | None = None
    remark: str = ""


def write_license(spdx: str) -> WrittenLicense:
    """Write a license.

    nixpkgs takes a list for licenses that apply all, and for those that one may choose from. A package is
    unfree if one of the list is, so that an unfree license beside free ones to choose from is left out.

    Args:
        spdx: an expression in canonical spelling; empty if the license is not known.
    """
    words = re.findall(r"[^\s()]+", spdx)
    named = {word: _find_name(word) for word in words if word not in _OPERATORS}
    chosen = "OR" in words and "AND" not in words
    free = [name for name in named.values() if name and name != _UNFREE]
    names = dict.fromkeys(
        name for name in named.values() if name and not (chosen and free and name == _UNFREE)
    )
    absent = [word for word, name in named.items() if not name]
    remark = f"of {spdx}, nixpkgs has no {', '.join(absent)}" if absent else ""
    if not names:
        return WrittenLicense(remark=remark)
    if not remark and {"OR", "WITH"} & set(words):
        remark = spdx
    if not remark and (own := [word for word in named if word.startswith(_REFERENCE)]):
        remark = f"in the metadata's words: {', '.join(own)}" if own != [f"{_REFERENCE}Proprietary"] else ""
    if len(names) == 1:
        return WrittenLicense(value=select("lib", "licenses", *names), remark=remark)
    # Not `with lib.licenses;`: an argument of the package has the name of a license, too (zlib, curl).
    listed = List(tuple(select("lib", "licenses", name) for name in names))
    return WrittenLicense(value=listed, remark=remark)


def is_unfree(spdx: str) -> bool:
    """Tell whether nixpkgs takes a package of this license with ``allowUnfree`` only."""
    words = [word for word in re.findall(r"[^\s()]+", spdx) if word not in _OPERATORS]
    names = [name for name in map(_find_name, words) if name]
    chosen = "OR" in spdx.split() and "AND" not in spdx.split()
    return all(name == _UNFREE for name in names) and bool(names) if chosen else _UNFREE in names


def _find_name(identifier: str) -> str:
    """Find nixpkgs' name of one license or exception; empty if it has none."""
    known = load_table(LicenseNames).attributes
    if found := known.get(identifier):
        return found
    if identifier.startswith(_REFERENCE):
        return _PUBLIC if _PUBLIC_DOMAIN.search(identifier) else _UNFREE
    # GPL-2.0 and GPL-2.0+ are former spellings of GPL-2.0-only and GPL-2.0-or-later.
    base = identifier.removesuffix("+")
    return known.get(f"{base}-{'only' if base == identifier else 'or-later'}") or known.get(base, "")
