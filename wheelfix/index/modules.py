"""Tells which distributions a top-level module is in.

The table is ``data/modules.json``, made by ``scripts/collect_modules.py`` from wheels and from nixpkgs'
expressions: to add a module, add it to ``USUAL`` there.
"""

from __future__ import annotations

from functools import cache

from wheelfix.model.tables import InOrder, Name, Table, load_table


class Modules(Table):
    """Modules that are not called as their distributions are.

    Attributes:
        modules: distributions that have a module, the usual one first, by the module as it is imported.
        spoken: modules, in lower case, that people call a package by in texts.
    """

    FILE = "modules.json"

    modules: dict[str, InOrder[Name]]
    spoken: frozenset[str]


def find_module_distributions(module: str) -> tuple[str, ...]:
    """List the distributions that are known to have a top-level module, the usual one first.

    Args:
        module: as it is imported; another spelling of its capitals is understood.

    Returns:
        Normalised names (PEP 503). Empty for a module that is called as its distribution is, and for one
        that nobody knows.

    Example:
        >>> find_module_distributions("OpenGL"), find_module_distributions("opengl")
        (('pyopengl',), ('pyopengl',))
    """
    table = load_table(Modules).modules
    return table.get(module) or table.get(_list_spellings().get(module.lower(), ""), ())


def is_spoken(word: str) -> bool:
    """Whether a word of a text is a module that people call a package by."""
    return word in load_table(Modules).spoken


@cache
def _list_spellings() -> dict[str, str]:
    return {module.lower(): module for module in reversed(load_table(Modules).modules)}
