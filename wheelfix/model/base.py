"""The base class of all models, their encoding and decoding; the only module that imports ``msgspec``.

A model is immutable, compares by its fields, and takes keyword arguments. Where a field may hold one of
several models, each of them has a tag, by which JSON tells them apart (msgspec refuses such a union without
tags).

A document in a foreign format is also described by models: it is decoded in one call, then converted into the
program's own models. A key that the models do not name is ignored, because formats grow. A key that they name
must have a value of its type; :class:`Misfit` names the place of one that has not. :mod:`tomllib` parses
TOML, and is imported only where TOML is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, dataclass_transform, overload

import msgspec
from msgspec import Meta, field, inspect, to_builtins
from msgspec.structs import asdict, astuple, replace

from wheelfix.errors import InputError

__all__ = [
    "Meta",
    "Misfit",
    "Struct",
    "asdict",
    "astuple",
    "convert",
    "decode_json",
    "decode_toml",
    "encode_indented",
    "encode_json",
    "field",
    "fields",
    "make_each",
    "make_one",
    "make_schema",
    "replace",
    "to_builtins",
]

T = TypeVar("T")
V = TypeVar("V")

_BARE = re.compile(r"[A-Za-z0-9_-]+")
"""A key that TOML writes without quotes."""


class _Frozen(msgspec.StructMeta):
    """Makes frozen, keyword-only classes; msgspec itself does not inherit these options."""

    def __new__(mcls, name: str, bases: tuple[type, ...], space: dict[str, Any], **options: Any) -> Any:
        return super().__new__(mcls, name, bases, space, **{"frozen": True, "kw_only": True, **options})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Struct(msgspec.Struct, metaclass=_Frozen, frozen=True):
    """Base class of models: immutable, compared by fields, keyword-only."""


def fields(kind: type[Struct]) -> tuple[str, ...]:
    """Names of the fields of a model, in their order."""
    return kind.__struct_fields__


class Misfit(ValueError):  # noqa: N818 - says what a value is
    """A document, or a value in it, that does not have the required form.

    Attributes:
        place: of the value, such as ``package[3].wheels[0].url``; empty for the document itself.
        problem: what is wrong with it, in one clause.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.place = place
        self.problem = problem

    def below(self, *keys: str | int) -> Misfit:
        """Return the same error with ``keys`` (of tables, or numbers in lists) put before its place."""
        return Misfit(_join(_spell(keys), self.place), self.problem)

    def tell(self, subject: str, hint: str) -> InputError:
        """Make the error that a user reads.

        Args:
            subject: the document: its file name, for example.
            hint: what to do about it.
        """
        return InputError(f"{subject}: {self.place}" if self.place else subject, self.problem, hint)


def make_one(keys: str | tuple[str | int, ...], value: V, make: Callable[[V], T]) -> T:
    """Convert one value of a document.

    Args:
        keys: keys of the value, or its only key.
        value: the value.
        make: converts it.

    Raises:
        Misfit: ``make`` raised it; ``keys`` are put before its place.
    """
    try:
        return make(value)
    except Misfit as misfit:
        raise misfit.below(*((keys,) if isinstance(keys, str) else keys)) from None


def make_each(
    keys: str | tuple[str | int, ...], values: Iterable[V], make: Callable[[V], T]
) -> tuple[T, ...]:
    """Convert each value of a list, as :func:`make_one` does.

    Args:
        keys: keys of the list.
        values: in order.
        make: converts one of them.

    Raises:
        Misfit: ``make`` raised it; ``keys`` and the number of the value are put before its place.
    """
    path = (keys,) if isinstance(keys, str) else keys
    return tuple(make_one((*path, number), value, make) for number, value in enumerate(values))


def encode_json(value: object) -> bytes:
    """Encode models and plain values as JSON; sets are sorted.

    Raises:
        ValueError: a string contains half of a surrogate pair.
    """
    return msgspec.json.encode(value, order="deterministic")


def encode_indented(value: object) -> str:
    """Encode a model or a list of models as JSON for people: ASCII, indented by two spaces, final newline.

    Keys are in the order of the fields. Half of a surrogate pair, which Python uses for a byte of a file name
    that is not UTF-8, is written as its escape.
    """
    import json  # msgspec's own encoder refuses halves of surrogate pairs, and does not write ASCII

    return json.dumps(to_builtins(value), indent=2) + "\n"


def make_schema(kind: type[Struct]) -> dict[str, Any]:
    """Describe the JSON of a model, and of all models in it, as JSON Schema 2020-12.

    Returns:
        A schema that refers to ``$defs``, by the names of the classes. Descriptions are the docstrings,
        unchanged; a field with a default is not required.
    """
    return msgspec.json.schema(kind)


@overload
def decode_json(data: bytes | str, kind: type[T]) -> T: ...
@overload
def decode_json(data: bytes | str, kind: Any) -> Any: ...
def decode_json(data: bytes | str, kind: Any) -> Any:
    """Decode JSON to a model, or to models and plain types.

    Args:
        data: UTF-8.
        kind: required type: a number is no string; a missing key has its default or is an error.

    Raises:
        ValueError: the data is not JSON, or has another type.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def decode_toml(data: bytes | str) -> dict[str, Any]:
    """Decode TOML to tables; :func:`convert` makes a model of them.

    Args:
        data: UTF-8, with or without a byte order mark.

    Raises:
        Misfit: the data is not TOML; the place is empty.
    """
    import tomllib

    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        return tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        said = str(error)
    except UnicodeDecodeError:
        raise Misfit("", "is no text in UTF-8") from None
    except RecursionError:
        said = "nested too deep"
    except ValueError:  # Python refuses to convert numbers of several thousand digits
        said = "a number in it is too long"
    raise Misfit("", f"is no TOML ({said})")


def convert(document: object, kind: type[T]) -> T:
    """Convert a parsed document to a model.

    Args:
        document: tables, lists, strings, numbers, and so on.
        kind: required type, as for :func:`decode_json`.

    Raises:
        Misfit: a value has another type; the place is that of the first such value.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        said = str(error)
    # msgspec words places for people, and writes `[...]` for a key of a table with arbitrary keys.
    unknown = Misfit("", f"is not what it must be ({said})")
    raise next(_find_misfits(document, inspect.type_info(kind)), unknown)


_CLASSES: tuple[tuple[tuple[type, ...], type | tuple[type, ...], str], ...] = (
    ((inspect.StructType, inspect.DictType), dict, "a table"),
    ((inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType), list, "a list"),
    ((inspect.StrType,), str, "text"),
    ((inspect.BoolType,), bool, "true or false"),
    ((inspect.IntType,), int, "a whole number"),
    ((inspect.FloatType,), (float, int), "a number"),
)
"""Types, the classes of the values that fit, and their names in messages."""


def _find_misfits(value: object, kind: Any) -> Iterator[Misfit]:
    """Yield the values of a wrong type, searching tables and lists in order."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    # No two types that may stand in one place are of the same class.
    fitting = next((one for one in kinds if _fits(value, one)), None)
    if fitting is None:
        names = [name for one in kinds for types, _, name in _CLASSES if isinstance(one, types)]
        yield Misfit("", f"is neither {' nor '.join(names)}" if len(names) > 1 else f"is not {names[0]}")
    elif isinstance(fitting, inspect.StructType) and isinstance(value, dict):
        for one in fitting.fields:
            if one.encode_name in value:
                yield from _find_below(one.encode_name, value[one.encode_name], one.type)
            elif one.required:
                yield Misfit(_spell([one.encode_name]), "is missing")
        if fitting.forbid_unknown_fields:
            known = {one.encode_name for one in fitting.fields}
            yield from (Misfit(_spell([key]), "is not known") for key in value if key not in known)
    elif isinstance(fitting, inspect.DictType) and isinstance(value, dict):
        for key, below in value.items():
            yield from _find_below(key, below, fitting.value_type)
    elif isinstance(value, list) and (item := getattr(fitting, "item_type", None)):
        for number, below in enumerate(value):
            yield from _find_below(number, below, item)


def _find_below(key: str | int, value: object, kind: Any) -> Iterator[Misfit]:
    for misfit in _find_misfits(value, kind):
        yield misfit.below(key)


def _fits(value: object, kind: Any) -> bool:
    """Whether a value is of the class that a type asks for; its items are not checked."""
    for types, classes, _ in _CLASSES:
        if isinstance(kind, types):
            return isinstance(value, classes) and (classes is bool or not isinstance(value, bool))
    return value is None or not isinstance(kind, inspect.NoneType)


def _spell(keys: Iterable[str | int]) -> str:
    """Join keys as TOML writes them in a path, in one line whatever they contain."""
    place = ""
    for key in keys:
        if isinstance(key, int):
            place += f"[{key}]"
        else:
            place = _join(place, key if _BARE.fullmatch(key) else repr(key))
    return place


def _join(place: str, below: str) -> str:
    return f"{place}{'.' if place and below and not below.startswith('[') else ''}{below}"
