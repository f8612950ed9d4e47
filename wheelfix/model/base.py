"""The base class of models, and the one door to ``msgspec``: what makes them, and reads and writes them.

A model is immutable, compares by its fields, and is made of keyword arguments. Where one of several shapes
may stand, each has a tag, which JSON tells them by (msgspec refuses a union of classes without).
"""

from __future__ import annotations

from typing import Any, TypeVar, dataclass_transform, overload

import msgspec
from msgspec import field, to_builtins
from msgspec.structs import asdict, astuple, replace

__all__ = [
    "Struct",
    "asdict",
    "astuple",
    "convert",
    "decode_json",
    "encode_json",
    "field",
    "fields",
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


def convert(value: object, kind: type[T]) -> T:
    """Make a model of plain values, such as a TOML document.

    Args:
        value: what is made of mappings, lists and plain types.
        kind: what it must be, as for :func:`decode_json`.

    Raises:
        ValueError: it is something else.
    """
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
