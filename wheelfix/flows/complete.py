"""Finds what a shell may complete a word to: names and attributes of the index, without building anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from wheelfix.index.names import drop_longer
from wheelfix.model.names import NameKind

_MOST = 50
"""Proposals at once."""
_SET = re.compile(r"python3\d*Packages\.")
_DEFAULT_SET = "python3Packages."
_KINDS = (NameKind.PKG_CONFIG, NameKind.CMAKE, NameKind.PROGRAM)


def complete_name(typed: str, index: Path | None = None) -> Sequence[str]:
    """List what a name may go on as: sonames, and names of programs, pkg-config modules and CMake packages.

    Args:
        typed: the beginning of it; nothing begins with an empty one.
        index: a database or table that the user named; one that would have to be read first has no names.

    Returns:
        As :func:`shorten`.

    Raises:
        IndexProblem: a table is damaged.
    """
    from wheelfix.index.choice import open_names, open_ready

    table = open_ready(index) if typed else None
    if table is None:
        return ()
    found = {*drop_longer(table.list_beginning(typed))}
    if not typed.startswith("lib") and table.info.source == "bundled":
        from wheelfix.index.named import list_answered

        pattern = re.compile(rf"^{re.escape(typed)}.*$", re.MULTILINE)
        names_of, system = open_names(table, index), table.info.system
        for kind in _KINDS:
            found |= {*names_of.open(kind).list_names(kind, system=system, pattern=pattern)}
            found |= {name for name in list_answered(kind) if name.startswith(typed)}
    return shorten(found, len(typed))


def complete_attr(typed: str, index: Path | None = None) -> Sequence[str]:
    """List the attributes with libraries that begin alike; as :func:`complete_name`."""
    from wheelfix.index.choice import open_ready
    from wheelfix.index.lookup import list_attrs_beside

    if (table := open_ready(index)) is None:
        return ()
    known = {*table.list_attrs(), *list_attrs_beside()}
    return shorten((attr for attr in known if attr.startswith(typed)), len(typed))


def complete_build(typed: str) -> Sequence[str]:
    """List the attributes of Python packages that begin alike; as :func:`complete_name`."""
    from wheelfix.index.attributes import open_current_attributes

    match = _SET.match(typed)
    where = match[0] if match else _DEFAULT_SET
    if not where.startswith(typed) and not match:
        return ()
    names = (f"{where}{name}" for name in open_current_attributes().list_python())
    return shorten((name for name in names if name.startswith(typed)), len(typed))


def shorten(names: Iterable[str], length: int) -> tuple[str, ...]:
    """Return names, or, of more than fifty, their beginnings.

    A shell takes proposals for all there are, and types what they have in common: a part of the names would
    make it type what the others do not begin with.

    Args:
        names: all of them begin alike.
        length: of what they have in common.

    Returns:
        Sorted.

    Example:
        >>> shorten(["libz.so.1", "libx.so.6"], 3)
        ('libx.so.6', 'libz.so.1')
    """
    found = {*names}
    while len(found) > _MOST:
        length += 1
        beginnings = {name[:length] for name in found}
        if len(beginnings) > 1:
            return tuple(sorted(beginnings))
    return tuple(sorted(found))
