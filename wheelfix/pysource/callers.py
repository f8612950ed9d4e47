"""Finds the modules of a distribution that may call a helper of another one, by a text search."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from wheelfix.pysource.program import name_module

_IMPORT: Final = re.compile(
    rb"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import\b[ \t]*\(?([^\n#;]*)|import[ \t]+([^\n#;]+))", re.MULTILINE
)
_WORD: Final = re.compile(rb"[.\w]+")
_MAX_NAMES: Final = 400
"""Names of helpers that are searched for; real distributions have some tens."""
_MAX_CALLERS: Final = 64


def find_callers(
    asked: Mapping[str, frozenset[str]],
    paths: Iterable[str],
    read: Callable[[str], bytes | None],
    hint: re.Pattern[bytes] | None = None,
) -> dict[str, tuple[str, ...]]:
    """Find the modules that import a helper's module, or a package around it, and contain the helper's name.

    Args:
        asked: names of helpers, by the full name of the module that defines them.
        paths: sources to search.
        read: reads a source.
        hint: what callers have to contain as well.

    Returns:
        Full names of modules, by the module of the helper; limited to some tens for each.
    """
    modules: dict[bytes, set[str]] = {}
    for module, names in sorted(asked.items()):
        for name in sorted(names):
            if len(modules) < _MAX_NAMES:
                modules.setdefault(name.encode(), set()).add(module)
    found: dict[str, dict[str, None]] = {}
    for path in paths:
        source = read(path) or b""
        wanted = {m for name, defined in modules.items() if name in source for m in defined}
        own = name_module(path)
        wanted.discard(own)
        if not wanted or (hint and not hint.search(source)):
            continue
        imported = set(_list_imports(path, source))
        for module in wanted:
            callers = found.setdefault(module, {})
            if len(callers) < _MAX_CALLERS and not imported.isdisjoint(_list_packages(module)):
                callers[own] = None
    return {module: tuple(callers) for module, callers in found.items() if callers}


def _list_packages(module: str) -> Iterator[str]:
    """List a module and the packages around it, which may give its names on."""
    while module:
        yield module
        module = module.rpartition(".")[0]


def _list_imports(path: str, source: bytes) -> Iterator[str]:
    """List full names that a source may import: modules, and names that may be modules."""
    package = name_module(path).split(".")
    if not path.endswith("/__init__.py"):
        package.pop()
    for match in _IMPORT.finditer(source):
        base, names, plain = (part.decode("utf-8", "replace") if part else "" for part in match.groups())
        if plain:
            yield from (part.split()[0] for part in plain.split(",") if part.strip())
            continue
        level = len(base) - len(base.lstrip("."))
        if level:
            above = package[: len(package) - level + 1]
            base = ".".join([*above, base.lstrip(".")] if base.lstrip(".") else above)
        yield base
        yield from (f"{base}.{part.split()[0]}" for part in names.split(",") if part.strip(" \t\r()\\"))
