"""The base class of models, and the one door to ``msgspec``: what makes them, and reads and writes them.

A model is immutable, compares by its fields, and is made of keyword arguments. Where one of several shapes
may stand, each has a tag, which JSON tells them by (msgspec refuses a union of classes without).

A document that others wrote is described by models too, decoded in one call, and then made into what the
program works with. A key that the models do not name is not looked at, because formats grow; a key that they
name has a value of its type, or :class:`Misfit` says where it has not. :mod:`tomllib` parses TOML, and is
imported where that is done.
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
    """Makes classes whose objects do not change; msgspec itself asks for that anew in each of them."""

    def __new__(mcls, name: str, bases: tuple[type, ...], space: dict[str, Any], **options: Any) -> Any:
        return super().__new__(mcls, name, bases, space, **{"frozen": True, "kw_only": True, **options})


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Struct(msgspec.Struct, metaclass=_Frozen, frozen=True):
    """A model: immutable, compared by its fields, made of keyword arguments."""


def fields(kind: type[Struct]) -> tuple[str, ...]:
    """Names of the fields of a model, in their order."""
    return kind.__struct_fields__


class Misfit(ValueError):  # noqa: N818 - says what a value is
    """A document, or a value in it, that is not what it must be.

    Attributes:
        place: of the value, such as ``package[3].wheels[0].url``; empty for the document itself.
        problem: what is wrong with it, in one clause.
    """

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.place = place
        self.problem = problem

    def below(self, *keys: str | int) -> Misfit:
        """The same, of a value whose own keys, or numbers in lists, are known now."""
        return Misfit(_join(_spell(keys), self.place), self.problem)

    def tell(self, subject: str, hint: str) -> InputError:
        """The error that a user reads.

        Args:
            subject: the document: its file name, for example.
            hint: what to do about it.
        """
        return InputError(f"{subject}: {self.place}" if self.place else subject, self.problem, hint)


def make_one(keys: str | tuple[str | int, ...], value: V, make: Callable[[V], T]) -> T:
    """Make something of a value in a document.

    Args:
        keys: of the value, or the only one.
        value: what stands there.
        make: takes it.

    Raises:
        Misfit: ``make`` raised it; its place starts with the keys.
    """
    try:
        return make(value)
    except Misfit as misfit:
        raise misfit.below(*((keys,) if isinstance(keys, str) else keys)) from None


def make_each(
    keys: str | tuple[str | int, ...], values: Iterable[V], make: Callable[[V], T]
) -> tuple[T, ...]:
    """Make something of each value of a list, as :func:`make_one` does.

    Args:
        keys: of the list.
        values: in their order.
        make: takes one of them.

    Raises:
        Misfit: ``make`` raised it; its place starts with the keys and the number of the value.
    """
    path = (keys,) if isinstance(keys, str) else keys
    return tuple(make_one((*path, number), value, make) for number, value in enumerate(values))


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


def decode_toml(data: bytes | str) -> dict[str, Any]:
    """Read TOML; :func:`convert` makes a model of it.

    Args:
        data: UTF-8; a byte order mark is no part of it.

    Raises:
        Misfit: it is no TOML; the place is empty.
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
    except ValueError:  # Python converts no number of some thousand digits
        said = "a number in it is too long"
    raise Misfit("", f"is no TOML ({said})")


def convert(document: object, kind: type[T]) -> T:
    """Make a model of a document that was parsed.

    Args:
        document: of tables, lists, texts, numbers, and so on.
        kind: what it must be; as for :func:`decode_json`.

    Raises:
        Misfit: it is something else; the place is that of the first value that does not fit.
    """
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        said = str(error)
    # msgspec tells places for people to read, and `[...]` for a key of a table that may have any keys.
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
"""Types, the classes of the values that fit, and what people call them."""


def _find_misfits(value: object, kind: Any) -> Iterator[Misfit]:
    """What in a value is not of its type; tables and lists in it are gone through in their order."""
    kinds = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    # Of the types that may stand in one place, no two are of one class.
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
    """Whether a value is of the class that a type asks for; what it holds is not looked at."""
    for types, classes, _ in _CLASSES:
        if isinstance(kind, types):
            return isinstance(value, classes) and (classes is bool or not isinstance(value, bool))
    return value is None or not isinstance(kind, inspect.NoneType)


def _spell(keys: Iterable[str | int]) -> str:
    """Keys as TOML has them in a path, in one line whatever is in them."""
    place = ""
    for key in keys:
        if isinstance(key, int):
            place += f"[{key}]"
        else:
            place = _join(place, key if _BARE.fullmatch(key) else repr(key))
    return place


def _join(place: str, below: str) -> str:
    return f"{place}{'.' if place and below and not below.startswith('[') else ''}{below}"
