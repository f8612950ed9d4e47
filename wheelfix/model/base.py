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
    "encode_json",
    "field",
    "fields",
    "make_each",
    "make_one",
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
    # msgspec writes its places for people, and writes `[...]` for a key of a table of any keys.
    for misfit in _find_misfits(document, inspect.type_info(kind)):
        raise misfit
    raise Misfit("", f"is not what it must be ({said})")


def _find_misfits(value: object, kind: Any) -> Iterator[Misfit]:
    """What in a value is not of its type: the tables and lists in it are gone through in their order."""
    match kind:
        case inspect.UnionType():
            # Of the types that may stand here, one class of values has one at most.
            fitting = [one for one in kind.types if _is_of_class(value, one)]
            if fitting:
                yield from _find_misfits(value, fitting[0])
            else:
                yield Misfit("", _say_not([one for one in kind.types if _name(one)]))
        case _ if not _is_of_class(value, kind):
            yield Misfit("", _say_not([kind]))
        case inspect.StructType():
            assert isinstance(value, dict)
            for one in kind.fields:
                if one.encode_name in value:
                    yield from _list_below(one.encode_name, value[one.encode_name], one.type)
                elif one.required:
                    yield Misfit(_spell((one.encode_name,)), "is missing")
        case inspect.DictType():
            assert isinstance(value, dict)
            for key, below in value.items():
                yield from _list_below(key, below, kind.value_type)
        case inspect.VarTupleType() | inspect.FrozenSetType():
            assert isinstance(value, list)
            for number, below in enumerate(value):
                yield from _list_below(number, below, kind.item_type)


def _list_below(key: str | int, value: object, kind: Any) -> Iterator[Misfit]:
    for misfit in _find_misfits(value, kind):
        yield misfit.below(key)


def _is_of_class(value: object, kind: Any) -> bool:
    """Whether a value is of the class that a type asks for; what it holds is not looked at."""
    match kind:
        case inspect.StructType() | inspect.DictType():
            return isinstance(value, dict)
        case inspect.VarTupleType() | inspect.FrozenSetType():
            return isinstance(value, list)
        case inspect.StrType():
            return isinstance(value, str)
        case inspect.BoolType():
            return isinstance(value, bool)
        case inspect.IntType():
            return isinstance(value, int) and not isinstance(value, bool)
        case inspect.NoneType():
            return value is None
        case _:
            return True


def _say_not(kinds: list[Any]) -> str:
    names = [name for kind in kinds if (name := _name(kind))]
    return f"is neither {' nor '.join(names)}" if len(names) > 1 else f"is not {names[0]}"


def _name(kind: Any) -> str:
    """What people call values of a type; empty for None, which is no value of TOML."""
    match kind:
        case inspect.StructType() | inspect.DictType():
            return "a table"
        case inspect.VarTupleType() | inspect.FrozenSetType():
            return "a list"
        case inspect.StrType():
            return "text"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number"
        case _:
            return ""


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
