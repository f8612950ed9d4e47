"""Tables: what is known about the world, as data files beside the code that asks them.

A table is a file in ``data`` beside the module that declares its class: TOML where people write it, JSON
where a script makes it. Rules are code, and the lists that they use are tables: who adds a row changes one
file. A file is read when it is first asked for, and refused if it has names that the class has not, values of
other types, or a row twice. What rows may say is checked by ``tests/model/test_tables.py`` alone, as it would
cost every command time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pkgutil import get_data
from typing import Annotated, Any, ClassVar, TypeVar, cast

from wheelfix.model.base import Misfit, Struct, convert, decode_json, decode_toml

Soname = Annotated[str, "soname"]
"""As in DT_SONAME, or the name of a file that the loader looks for."""
SonamePattern = Annotated[str, "soname pattern"]
"""A soname, or a pattern for :func:`fnmatch.fnmatchcase`."""
Attr = Annotated[str, "attribute"]
"""Attribute path below ``pkgs``, without quotes."""
AttrPrefix = Annotated[str, "attribute prefix"]
"""What attribute paths begin with."""
Name = Annotated[str, "distribution"]
"""Normalised name of a distribution (PEP 503)."""
Release = Annotated[str, "release"]
"""A release of nixpkgs, ``25.05``."""

E_ = TypeVar("E_")
InOrder = Annotated[tuple[E_, ...], "in order"]
"""An array whose order means something; all others are sorted in their files."""


class Row(Struct, forbid_unknown_fields=True, rename="kebab"):
    """A row of a table, or a part of one."""


class Table(Row):
    """A table.

    Attributes:
        FILE: name of the file in ``data``, beside the module of the class.
        sources: where the rows are from.
        date: day when the rows were last held against the sources, ISO 8601.
    """

    FILE: ClassVar[str]

    sources: InOrder[str]
    date: str


T = TypeVar("T", bound=Table)


def load_table(kind: type[T]) -> T:
    """Read a table of the package; it is read once.

    Raises:
        ValueError: the file is none of this table; it is named, with the place in it.
    """
    return cast(T, _load(kind))


@cache
def _load(kind: type[Table]) -> Table:
    try:
        return parse_table(read_data(kind.__module__, kind.FILE), kind)
    except ValueError as error:
        raise ValueError(f"{kind.FILE}: {error}") from None


def read_data(module: str, name: str) -> bytes:
    """Read a file of ``data`` beside a module of the package.

    Raises:
        FileNotFoundError: there is none.
    """
    # Not importlib.resources: its import takes longer than all the tables of a command.
    data = get_data(module, f"data/{name}")
    if data is None:
        raise FileNotFoundError(name)
    return data


def parse_table(data: bytes, kind: type[T]) -> T:
    """Read the text of a table.

    Args:
        data: of a file: TOML, or JSON if the table's name says so.
        kind: the table.

    Raises:
        ValueError: it is no table of this kind.
    """
    if kind.FILE.endswith(".json"):
        return decode_json(data, kind)
    document = decode_toml(data)
    if repeated := next(_find_repeated(document), None):
        raise repeated
    return convert(document, kind)


def _find_repeated(value: Any) -> Iterator[Misfit]:
    """Texts that an array has twice; TOML itself refuses a key that is there twice."""
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
