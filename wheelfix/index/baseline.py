"""The inputs that uv2nix and poetry2nix add to ``buildInputs`` by themselves; from ``data/baseline.toml``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.model.tables import Attr, Row, Table, load_table

if TYPE_CHECKING:
    from collections.abc import Sequence


class Inputs(Row):
    """One list of ``pythonManylinuxPackages``.

    Attributes:
        tags: first parts of the platform tags for which it is added.
        inputs: attributes, as the index writes them.
    """

    tags: tuple[str, ...]
    inputs: frozenset[Attr]


class Baseline(Table):
    """The lists of inputs that are added automatically, by nixpkgs' name for the list."""

    FILE = "baseline.toml"

    lists: dict[str, Inputs]


def find_baseline(tags: Sequence[str]) -> frozenset[str]:
    """List the nixpkgs attributes that are added automatically.

    Example:
        >>> sorted(find_baseline(["cp312-cp312-linux_x86_64"]))
        []
        >>> "ncurses5" in find_baseline(["py3-none-manylinux1_x86_64"])
        True

    Args:
        tags: full tags of the wheel, compressed or not
            (``cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64``).

    Returns:
        Attribute paths below ``pkgs``, as the index writes them.
    """
    lists = load_table(Baseline).lists.values()
    platforms = [platform for tag in tags for platform in tag.rpartition("-")[2].split(".")]
    return frozenset().union(*(one.inputs for one in lists for p in platforms if p.startswith(one.tags)))
