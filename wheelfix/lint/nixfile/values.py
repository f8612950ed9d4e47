"""What expressions stand for, as far as it can be told without evaluating nixpkgs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

from wheelfix.lint.model import Place, Unclear
from wheelfix.lint.nixfile.syntax import Lambda, Syntax
from wheelfix.model.base import Struct, replace


class Root(StrEnum):
    """What a path of attributes starts from."""

    PKGS = "pkgs"
    PYTHON = "python"
    """The Python package set: the arguments of an overlay."""
    LIB = "lib"
    """``lib`` and ``builtins``."""
    OLD = "old"
    """The attributes that an override starts from."""
    ARGUMENT = "argument"
    """An argument of a function that callPackage would fill in."""
    UNKNOWN = "unknown"


class Ref(Struct, kw_only=False):
    """A path below something that is not in the file; ``others`` if several ``with`` are open."""

    root: Root
    path: tuple[str, ...] = ()
    others: tuple[Ref, ...] = ()


class Constant(Struct, kw_only=False):
    """A string, a boolean or null."""

    value: str | bool | None


class Opaque(Struct, kw_only=False):
    """Something that only an evaluation could tell."""

    unclear: Unclear


class Scope:
    """Names in reach: bound ones, or the set of a ``with``.

    Args:
        parent: the scope around it.
        names: what is bound here.
        opened: the set of a ``with``.
    """

    __slots__ = ("names", "opened", "parent")

    def __init__(
        self, parent: Scope | None, names: dict[str, Thunk] | None = None, opened: Thunk | None = None
    ) -> None:
        self.parent = parent
        self.names = names if names is not None else {}
        self.opened = opened


class Thunk:
    """An expression in its scope, worked out at most once; or a value from the start."""

    __slots__ = ("busy", "scope", "syntax", "value")

    def __init__(self, syntax: Syntax, scope: Scope | None, value: Value | None = None) -> None:
        self.syntax = syntax
        self.scope = scope
        self.value = value
        self.busy = False


class Function(Struct, kw_only=False):
    """A lambda of the file, in its scope."""

    syntax: Lambda
    scope: Scope


class Partial(Struct, kw_only=False):
    """A function of ``lib`` that waits for more arguments."""

    name: str
    arguments: tuple[Thunk, ...]


class Element(Struct, kw_only=False):
    """One element of a list, there only if ``condition`` holds."""

    thunk: Thunk
    condition: str | None = None


class Seq(Struct, kw_only=False):
    """A list: the elements that are known, and whether it starts from the inherited one."""

    elements: tuple[Element, ...] = ()
    inherits: bool = False
    unclear: tuple[Unclear, ...] = ()


class Piece(Struct, kw_only=False):
    """A part of a string, there only if ``condition`` holds: text, or what an interpolation stands for."""

    content: str | Ref | Opaque
    condition: str | None = None


class Joined(Struct, kw_only=False):
    """A string that is put together: its parts in order, without the inherited one."""

    pieces: tuple[Piece, ...] = ()


class Entry(Struct, kw_only=False):
    """One binding of a set, there only if ``condition`` holds."""

    path: tuple[str, ...]
    thunk: Thunk
    place: Place
    condition: str | None = None


class Attrs(Struct, kw_only=False):
    """A set: the bindings that are known."""

    entries: tuple[Entry, ...] = ()
    unclear: tuple[Unclear, ...] = ()


class Choice(Struct, kw_only=False):
    """Either of two, by a condition that is not known."""

    condition: str
    consequence: Thunk
    alternative: Thunk


_BRANCHES = 10

Value = Ref | Constant | Opaque | Function | Partial | Seq | Joined | Attrs | Choice
Force = Callable[[Thunk], Value]


def find_unclear(syntax: Syntax, reason: str) -> Unclear:
    """Say that an expression is not understood."""
    return Unclear(text=syntax.text, reason=reason, place=syntax.place)


def join_conditions(one: str | None, other: str | None) -> str | None:
    """Both conditions as one text."""
    return f"{one} && {other}" if one and other else one or other


def guard_seq(seq: Seq, condition: str | None) -> Seq:
    """The same list, there only if a condition holds."""
    guarded = (Element(e.thunk, join_conditions(condition, e.condition)) for e in seq.elements)
    return replace(seq, elements=tuple(guarded))


def guard_attrs(attrs: Attrs, condition: str | None) -> Attrs:
    """The same set, there only if a condition holds."""
    guarded = (replace(e, condition=join_conditions(condition, e.condition)) for e in attrs.entries)
    return replace(attrs, entries=tuple(guarded))


def to_seq(value: Value, syntax: Syntax, force: Force, *, depth: int = _BRANCHES) -> Seq:
    """Read a value as a list, with what either branch of a choice has, ``depth`` choices deep."""
    match value:
        case Seq():
            return value
        case Constant(value=None):
            return Seq()
        case Ref(root=Root.OLD):
            return Seq(inherits=True)
        case Opaque(unclear=unclear):
            return Seq(unclear=(unclear,))
        case Choice() if depth:
            below = [
                (force(value.consequence), value.condition),
                (force(value.alternative), f"!({value.condition})"),
            ]
            return join_seqs(
                guard_seq(to_seq(one, syntax, force, depth=depth - 1), text) for one, text in below
            )
    return Seq(unclear=(find_unclear(syntax, "no list that is written in this file"),))


def to_attrs(value: Value, syntax: Syntax, force: Force, *, depth: int = _BRANCHES) -> Attrs:
    """Read a value as a set, with what either branch of a choice has, ``depth`` choices deep."""
    match value:
        case Attrs():
            return value
        case Constant(value=None) | Ref(root=Root.OLD | Root.PYTHON):
            return Attrs()  # the inherited ones
        case Opaque(unclear=unclear):
            return Attrs(unclear=(unclear,))
        case Choice() if depth:
            below = [
                (force(value.consequence), value.condition),
                (force(value.alternative), f"!({value.condition})"),
            ]
            return join_attrs(
                guard_attrs(to_attrs(one, syntax, force, depth=depth - 1), text) for one, text in below
            )
    return Attrs(unclear=(find_unclear(syntax, "no set that is written in this file"),))


def to_joined(value: Value, syntax: Syntax, force: Force, *, depth: int = _BRANCHES) -> Joined:
    """Read a value as a string, with what either branch of a choice has, ``depth`` choices deep."""
    match value:
        case Joined():
            return value
        case Constant(value=str() as text):
            return Joined((Piece(text),)) if text else Joined()
        case Constant(value=None) | Ref(root=Root.OLD):
            return Joined()
        case Ref() | Opaque():
            return Joined((Piece(value),))
        case Choice() if depth:
            below = [
                (force(value.consequence), value.condition),
                (force(value.alternative), f"!({value.condition})"),
            ]
            parts = (
                guard_joined(to_joined(one, syntax, force, depth=depth - 1), text) for one, text in below
            )
            return Joined(tuple(piece for part in parts for piece in part.pieces))
    return Joined((Piece(Opaque(find_unclear(syntax, "no string that is written in this file"))),))


def guard_joined(joined: Joined, condition: str | None) -> Joined:
    """The same string, there only if a condition holds."""
    return Joined(tuple(Piece(p.content, join_conditions(condition, p.condition)) for p in joined.pieces))


def join_seqs(seqs: Iterable[Seq]) -> Seq:
    """Lists one after the other."""
    parts = tuple(seqs)
    return Seq(
        elements=tuple(element for part in parts for element in part.elements),
        inherits=any(part.inherits for part in parts),
        unclear=tuple(dict.fromkeys(unclear for part in parts for unclear in part.unclear)),
    )


def join_attrs(sets: Iterable[Attrs]) -> Attrs:
    """Sets merged: all that any of them may bind."""
    parts = tuple(sets)
    return Attrs(
        entries=tuple(entry for part in parts for entry in part.entries),
        unclear=tuple(dict.fromkeys(unclear for part in parts for unclear in part.unclear)),
    )
