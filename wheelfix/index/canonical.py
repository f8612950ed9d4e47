"""Maps recorded attributes to the ones that experts write; from the table ``data/canonical.toml``."""

from __future__ import annotations

from collections.abc import Set

from wheelfix.model.tables import Attr, Table, load_table


class Canonical(Table):
    """Recorded attributes, and the ones that experts write for them.

    Attributes:
        attributes: the attribute experts write, by the recorded one.
        sets: a set as experts write it, by the recorded one.
        thieves: sets that re-export top-level packages under names that sort first.
        outputs: attributes whose default output is a compiler, with the output that has the libraries named.
    """

    FILE = "canonical.toml"

    attributes: dict[Attr, Attr]
    sets: dict[Attr, Attr]
    thieves: frozenset[Attr]
    outputs: dict[Attr, Attr]


def find_canonical(attr: str, pname: str, attrs: Set[str]) -> str:
    """Return the attribute that experts write for a recorded one.

    The database records the alias of a store path that is first in ASCII order: ``azure-sdk-for-cpp.openssl``
    instead of ``openssl``.

    Args:
        attr: as recorded.
        pname: of the store path.
        attrs: all recorded attributes.
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
    """Return the attribute that experts write for one that may be recorded.

    Example:
        >>> spell_recorded("mpi"), spell_recorded("zlib")
        ('openmpi', 'zlib')
    """
    return load_table(Canonical).attributes.get(attr, attr)
