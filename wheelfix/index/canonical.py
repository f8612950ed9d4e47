"""The attribute an expert writes, from the one a database recorded.

nix-index meets a store path once, under the first of its attributes in ASCII order, so ``openssl`` is recorded
as ``azure-sdk-for-cpp.openssl`` and ``wayland`` as ``kdePackages.wayland``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.index.names import split_store_name
from wheelfix.index.nixpkgs import PASSED, PASSING, QT, QT_SETS, RENAMED

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from wheelfix.index.frcode import Package


def find_canonical(package: Package, toplevel: AbstractSet[str]) -> str:
    """Choose the attribute to write.

    Args:
        package: with the attribute as recorded.
        toplevel: attributes without a dot that the database has. One of them is another store path than this
            package, which would have been recorded under it.

    Returns:
        An attribute path, with an output only where experts write one (``stdenv.cc.cc.lib``).
    """
    attr = package.attr
    if attr in RENAMED:
        return RENAMED[attr]
    parent, dot, last = attr.rpartition(".")
    if not dot:
        return attr
    if last in QT and parent in QT_SETS:
        return f"{QT_SETS[parent]}.{last}"
    if parent in PASSING and last not in toplevel:
        pname, _ = split_store_name(package.name, package.output)
        passed = PASSED.get(parent)
        if (pname == last) if passed is None else (last in passed):
            return last
    return attr
