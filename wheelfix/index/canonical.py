"""The attribute that experts write for the one a database has recorded: the table ``data/canonical.toml``."""

from __future__ import annotations

from collections.abc import Set

from wheelfix.model.tables import Attr, Table, load_table


class Canonical(Table):
    """Attributes as recorded, and as experts write them.

    Attributes:
        attributes: the attribute experts write, by the recorded one.
        sets: a set as experts write it, by the recorded one.
        thieves: sets that re-export packages of the top level under names that sort first.
        outputs: attributes whose default output is a compiler, with the output that has the libraries named.
    """

    FILE = "canonical.toml"

    attributes: dict[Attr, Attr]
    sets: dict[Attr, Attr]
    thieves: frozenset[Attr]
    outputs: dict[Attr, Attr]


def find_canonical(attr: str, pname: str, attrs: Set[str]) -> str:
    """The attribute experts write for a recorded one.

    The database has the first alias of a store path in ASCII order: ``azure-sdk-for-cpp.openssl`` for
    ``openssl``.

    Args:
        attr: as recorded.
        pname: of the store path.
        attrs: all recorded attributes; an alias that won is not among them.
    """
    table = load_table(Canonical)
    attr = table.attributes.get(attr, attr)
    base, _, last = attr.rpartition(".")
    if base in table.thieves and pname == last and last not in attrs:
        attr = last
    elif base in table.sets:
        attr = f"{table.sets[base]}.{last}"
    return table.outputs.get(attr, attr)


def spell_recorded(attr: str) -> str:
    """What experts write for an attribute that may be the recorded one.

    Example:
        >>> spell_recorded("mpi"), spell_recorded("zlib")
        ('openmpi', 'zlib')
    """
    return load_table(Canonical).attributes.get(attr, attr)
