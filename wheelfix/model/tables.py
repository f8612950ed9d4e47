"""Loads tables: knowledge about the world, kept as data files beside the code that uses them.

A table is a file in ``data`` beside the module that declares its class: TOML if people write it, JSON if a
script generates it. Rules are code, and the lists that they use are tables, so that a new row changes one
file. A file is read on first use, and refused if it has unknown keys, values of other types, or a row twice.
The contents of rows are checked by ``tests/model/test_tables.py`` only, because the check would slow down
every command.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pkgutil import get_data
from typing import Annotated, Any, ClassVar, TypeVar, cast

from wheelfix.model.base import Misfit, Struct, convert, decode_json, decode_toml

Soname = Annotated[str, "soname"]
"""As in DT_SONAME, or the file name that the loader looks for."""
SonamePattern = Annotated[str, "soname pattern"]
"""A soname, or a pattern for :func:`fnmatch.fnmatchcase`."""
Attr = Annotated[str, "attribute"]
"""Attribute path below ``pkgs``, without quotes."""
AttrPrefix = Annotated[str, "attribute prefix"]
"""First part of attribute paths."""
Name = Annotated[str, "distribution"]
"""Normalised name of a distribution (PEP 503)."""
Release = Annotated[str, "release"]
"""A release of nixpkgs, ``25.05``."""

E_ = TypeVar("E_")
InOrder = Annotated[tuple[E_, ...], "in order"]
"""An array whose order matters; all others are sorted in their files."""


class Row(Struct, forbid_unknown_fields=True, rename="kebab"):
    """Base class of a row of a table, or a part of one."""


class Table(Row):
    """Base class of tables.

    Attributes:
        FILE: name of the file in ``data``, beside the module of the class.
        sources: where the rows come from.
        date: day when the rows were last compared with the sources, ISO 8601.
    """

    FILE: ClassVar[str]

    sources: InOrder[str]
    date: str


T = TypeVar("T", bound=Table)


def load_table(kind: type[T]) -> T:
    """Load a table of the package, and cache it.

    Raises:
        ValueError: the file does not fit the class; the message names the file and the place in it.
    """
    return cast(T, _load(kind))


@cache
def _load(kind: type[Table]) -> Table:
    try:
        return parse_table(read_data(kind.__module__, kind.FILE), kind)
    except ValueError as error:
        raise ValueError(f"{kind.FILE}: {error}") from None


def read_data(module: str, name: str) -> bytes:
    """Read a file in ``data`` beside a module of the package.

    Raises:
        FileNotFoundError: there is no such file.
    """
    # Not importlib.resources: its import takes longer than all the tables of a command.
    data = get_data(module, f"data/{name}")
    if data is None:
        raise FileNotFoundError(name)
    return data


def parse_table(data: bytes, kind: type[T]) -> T:
    """Parse the text of a table.

    Args:
        data: contents of a file: TOML, or JSON according to ``kind.FILE``.
        kind: class of the table.

    Raises:
        ValueError: the data does not fit the class.
    """
    if kind.FILE.endswith(".json"):
        return decode_json(data, kind)
    document = decode_toml(data)
    if repeated := next(_find_repeated(document), None):
        raise repeated
    return convert(document, kind)


def _find_repeated(value: Any) -> Iterator[Misfit]:
    """Yield strings that an array contains twice; TOML itself refuses a repeated key."""
    below: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        below = value.items()
    elif isinstance(value, list) and not all(isinstance(item, str) for item in value):
        below = enumerate(value)
    elif isinstance(value, list) and len(set(value)) < len(value):
        yield Misfit("", f"has {next(item for item in value if value.count(item) > 1)} twice")
    for key, inner in below:
        for misfit in _find_repeated(inner):
            yield misfit.below(key)
