"""Values of expressions, as far as they are known without evaluating nixpkgs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

from wheelfix.lint.model import Place, Unclear
from wheelfix.lint.nixfile.syntax import Lambda, Syntax
from wheelfix.model.base import Struct, replace


class Root(StrEnum):
    """The root of an attribute path."""

    PKGS = "pkgs"
    PYTHON = "python"
    """The Python package set: the arguments of an overlay."""
    LIB = "lib"
    """``lib`` and ``builtins``."""
    OLD = "old"
    """The inherited attributes of an override."""
    ARGUMENT = "argument"
    """An argument of a function that callPackage fills in."""
    UNKNOWN = "unknown"


class Ref(Struct, kw_only=False):
    """A path below a root outside of the file; ``others`` if several ``with`` are open."""

    root: Root
    path: tuple[str, ...] = ()
    others: tuple[Ref, ...] = ()


class Constant(Struct, kw_only=False):
    """A string, a boolean or null."""

    value: str | bool | None


class Opaque(Struct, kw_only=False):
    """A value that only an evaluation could find."""

    unclear: Unclear


class Scope:
    """Names in scope: bound ones, or the set of a ``with``.

    Args:
        parent: the scope around it.
        names: the names that are bound here.
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
    """An expression in its scope, evaluated at most once; or a given value."""

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
    """A function of ``lib`` that needs more arguments."""

    name: str
    arguments: tuple[Thunk, ...]


class Element(Struct, kw_only=False):
    """One element of a list, present only if ``condition`` holds."""

    thunk: Thunk
    condition: str | None = None


class Seq(Struct, kw_only=False):
    """A list: the known elements, and whether it extends the inherited one."""

    elements: tuple[Element, ...] = ()
    inherits: bool = False
    unclear: tuple[Unclear, ...] = ()


class Piece(Struct, kw_only=False):
    """A part of a string, present only if ``condition`` holds: text, or the value of an interpolation."""

    content: str | Ref | Opaque
    condition: str | None = None


class Joined(Struct, kw_only=False):
    """A joined string: its parts in order, without the inherited string."""

    pieces: tuple[Piece, ...] = ()


class Entry(Struct, kw_only=False):
    """One binding of a set, present only if ``condition`` holds."""

    path: tuple[str, ...]
    thunk: Thunk
    place: Place
    condition: str | None = None


class Attrs(Struct, kw_only=False):
    """A set: the known bindings."""

    entries: tuple[Entry, ...] = ()
    unclear: tuple[Unclear, ...] = ()


class Choice(Struct, kw_only=False):
    """One of two values, by an unknown condition."""

    condition: str
    consequence: Thunk
    alternative: Thunk


_BRANCHES = 10

Value = Ref | Constant | Opaque | Function | Partial | Seq | Joined | Attrs | Choice
Force = Callable[[Thunk], Value]


def find_unclear(syntax: Syntax, reason: str) -> Unclear:
    """Make the remark that an expression is not understood."""
    return Unclear(text=syntax.text, reason=reason, place=syntax.place)


def join_conditions(one: str | None, other: str | None) -> str | None:
    """Join two conditions to one text."""
    return f"{one} && {other}" if one and other else one or other


def guard_seq(seq: Seq, condition: str | None) -> Seq:
    """Return the same list, present only if a condition holds."""
    guarded = (Element(e.thunk, join_conditions(condition, e.condition)) for e in seq.elements)
    return replace(seq, elements=tuple(guarded))


def guard_attrs(attrs: Attrs, condition: str | None) -> Attrs:
    """Return the same set, present only if a condition holds."""
    guarded = (replace(e, condition=join_conditions(condition, e.condition)) for e in attrs.entries)
    return replace(attrs, entries=tuple(guarded))


def _force_branches(choice: Choice, force: Force) -> tuple[tuple[Value, str], ...]:
    """Evaluate both branches of a choice, each with the condition on which it is taken."""
    return (
        (force(choice.consequence), choice.condition),
        (force(choice.alternative), f"!({choice.condition})"),
    )


def to_seq(value: Value, syntax: Syntax, force: Force, *, depth: int = _BRANCHES) -> Seq:
    """Read a value as a list, with the elements of both branches of choices, up to ``depth`` deep."""
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
            return join_seqs(
                guard_seq(to_seq(one, syntax, force, depth=depth - 1), text)
                for one, text in _force_branches(value, force)
            )
    return Seq(unclear=(find_unclear(syntax, "no list that is written in this file"),))


def to_attrs(value: Value, syntax: Syntax, force: Force, *, depth: int = _BRANCHES) -> Attrs:
    """Read a value as a set, with the bindings of both branches of choices, up to ``depth`` deep."""
    match value:
        case Attrs():
            return value
        case Constant(value=None) | Ref(root=Root.OLD | Root.PYTHON):
            return Attrs()  # the inherited ones
        case Opaque(unclear=unclear):
            return Attrs(unclear=(unclear,))
        case Choice() if depth:
            return join_attrs(
                guard_attrs(to_attrs(one, syntax, force, depth=depth - 1), text)
                for one, text in _force_branches(value, force)
            )
    return Attrs(unclear=(find_unclear(syntax, "no set that is written in this file"),))


def to_joined(value: Value, syntax: Syntax, force: Force, *, depth: int = _BRANCHES) -> Joined:
    """Read a value as a string, with the parts of both branches of choices, up to ``depth`` deep."""
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
            parts = (
                guard_joined(to_joined(one, syntax, force, depth=depth - 1), text)
                for one, text in _force_branches(value, force)
            )
            return Joined(tuple(piece for part in parts for piece in part.pieces))
    return Joined((Piece(Opaque(find_unclear(syntax, "no string that is written in this file"))),))


def guard_joined(joined: Joined, condition: str | None) -> Joined:
    """Return the same string, present only if a condition holds."""
    return Joined(tuple(Piece(p.content, join_conditions(condition, p.condition)) for p in joined.pieces))


def join_seqs(seqs: Iterable[Seq]) -> Seq:
    """Concatenate lists."""
    parts = tuple(seqs)
    return Seq(
        elements=tuple(element for part in parts for element in part.elements),
        inherits=any(part.inherits for part in parts),
        unclear=tuple(dict.fromkeys(unclear for part in parts for unclear in part.unclear)),
    )


def join_attrs(sets: Iterable[Attrs]) -> Attrs:
    """Merge sets: all bindings that any of them may have."""
    parts = tuple(sets)
    return Attrs(
        entries=tuple(entry for part in parts for entry in part.entries),
        unclear=tuple(dict.fromkeys(unclear for part in parts for unclear in part.unclear)),
    )
