"""The base class of models, and the one door to ``msgspec``: what makes them, and reads and writes them.

A model is immutable, compares by its fields, and is made of keyword arguments. Where one of several shapes
may stand, each has a tag, which JSON tells them by (msgspec refuses a union of classes without).
"""

from __future__ import annotations

from typing import Any, TypeVar, dataclass_transform, overload

import msgspec
from msgspec import Meta, field, to_builtins
from msgspec.structs import asdict, astuple, replace

__all__ = [
    "Meta",
    "Struct",
    "asdict",
    "astuple",
    "decode_json",
    "encode_indented",
    "encode_json",
    "field",
    "fields",
    "make_schema",
    "replace",
    "to_builtins",
]

T = TypeVar("T")


class _Frozen(msgspec.StructMeta):
    """Makes classes whose objects do not change; msgspec itself asks for that anew in each of them."""

    def __new__(mcls, name: str, bases: tuple[type, ...], space: dict[str, Any], **options: Any) -> Any:
        return super().__new__(mcls, name, bases, space, **{"frozen": True, "kw_only": True, **options})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Struct(msgspec.Struct, metaclass=_Frozen, frozen=True):
    """A model: immutable, compared by its fields, made of keyword arguments."""


def fields(kind: type[Struct]) -> tuple[str, ...]:
    """Names of the fields of a model, in their order."""
    return kind.__struct_fields__


def encode_json(value: object) -> bytes:
    """Write a model, or what is made of models and plain values, as JSON; sets are sorted.

    Raises:
        ValueError: a text in it has half a surrogate pair.
    """
    return msgspec.json.encode(value, order="deterministic")


def encode_indented(value: object) -> str:
    """Write a model, or a list of them, as JSON to be read: ASCII, two spaces a level, a newline at the end.

    Keys stand in the order of the fields. Half a surrogate pair, as Python has it for a byte of a file name
    that is no UTF-8, is written as its escape.
    """
    import json  # msgspec's own encoder refuses halves of surrogate pairs, and writes no ASCII

    return json.dumps(to_builtins(value), indent=2) + "\n"


def make_schema(kind: type[Struct]) -> dict[str, Any]:
    """Describe the JSON of a model, and of all models in it, as JSON Schema 2020-12.

    Returns:
        A schema that refers to ``$defs``, by the names of the classes. Docstrings are descriptions, as they
        are; a field with a default is not required.
    """
    return msgspec.json.schema(kind)


@overload
def decode_json(data: bytes | str, kind: type[T]) -> T: ...
@overload
def decode_json(data: bytes | str, kind: Any) -> Any: ...
def decode_json(data: bytes | str, kind: Any) -> Any:
    """Read JSON as a model, or as what is made of models and plain types.

    Args:
        data: UTF-8.
        kind: what it must be: numbers are no texts, and what is missing has its default or is an error.

    Raises:
        ValueError: it is something else, or no JSON.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
