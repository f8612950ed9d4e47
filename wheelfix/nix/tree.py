"""Nix expressions as immutable trees; every tree that can be built can be printed as valid code.

Strings inside nodes are data; they are quoted when printed (:mod:`wheelfix.nix.printer`). Only names of
variables (:class:`Var`, parameters) and paths are checked instead, as Nix has no quotes for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

from wheelfix.errors import InputError
from wheelfix.model.base import Struct, astuple, replace
from wheelfix.nix.quote import check_identifier, check_path

T = TypeVar("T")
_MAX_INT = 2**63 - 1


class Expr(Struct, kw_only=False):
    """Any expression."""


class Str(Expr, kw_only=False):
    """``"text ${expression}"``: literal text and expressions, in order."""

    parts: tuple[str | Expr, ...]


class Script(Expr, kw_only=False):
    """Lines of shell code, each of literal text and expressions; each ends with a newline."""

    lines: tuple[tuple[str | Expr, ...], ...]


class Path(Expr, kw_only=False):
    """``./file``."""

    text: str

    def __post_init__(self) -> None:
        check_path(self.text)


class SearchPath(Expr, kw_only=False):
    """``<name>``."""

    name: str

    def __post_init__(self) -> None:
        check_identifier(self.name)


class Int(Expr, kw_only=False):
    """A 64 bit integer; the smallest one has no literal in Nix."""

    value: int

    def __post_init__(self) -> None:
        if abs(self.value) > _MAX_INT:
            raise InputError(str(self.value), "is too large for a Nix integer", "use a smaller one")


class Var(Expr, kw_only=False):
    """A variable; also ``true``, ``false`` and ``null``."""

    name: str

    def __post_init__(self) -> None:
        check_identifier(self.name)


TRUE, FALSE, NULL = Var("true"), Var("false"), Var("null")


class Commented(Expr, kw_only=False):
    """An expression with a comment above it: an element of a list, a whole file, or a parenthesised one."""

    comment: str
    value: Expr


class List(Expr, kw_only=False):
    """``[ a b ]``.

    Attributes:
        omitted: remark on elements that are left out, ``[ a /* remark */ ]``.
    """

    items: tuple[Expr, ...] = ()
    omitted: str = ""


class Binding(Struct, kw_only=False):
    """``a.b = value;``, with an optional comment above it."""

    path: tuple[str, ...]
    value: Expr
    comment: str = ""


class Inherit(Struct, kw_only=False):
    """``inherit (source) a b;``, with an optional comment above it."""

    names: tuple[str, ...]
    source: Expr | None = None
    comment: str = ""

    def __post_init__(self) -> None:
        if self.source is None:
            for name in self.names:
                check_identifier(name)


class Attrs(Expr, kw_only=False):
    """``{ a = 1; }``.

    Attributes:
        trailer: a comment after the last binding, or alone in an empty set.
    """

    bindings: tuple[Binding | Inherit, ...] = ()
    rec: bool = False
    trailer: str = ""

    def __post_init__(self) -> None:
        check_bindings(self.bindings)


class Select(Expr, kw_only=False):
    """``base.a.b or default``; names may be expressions, ``base.${name}``."""

    base: Expr
    path: tuple[str | Expr, ...]
    default: Expr | None = None


class Has(Expr, kw_only=False):
    """``base ? a.b``."""

    base: Expr
    path: tuple[str, ...]


class Call(Expr, kw_only=False):
    """``function a b``."""

    function: Expr
    arguments: tuple[Expr, ...]


class Formal(Struct, kw_only=False):
    """A parameter in braces, with an optional default."""

    name: str
    default: Expr | None = None

    def __post_init__(self) -> None:
        check_identifier(self.name)


class Formals(Struct, kw_only=False):
    """``{ a, b ? 1, ... }@name``."""

    formals: tuple[Formal, ...]
    ellipsis: bool = False
    bind: str = ""

    def __post_init__(self) -> None:
        names = [f.name for f in self.formals] + ([check_identifier(self.bind)] if self.bind else [])
        if len(set(names)) < len(names):
            raise InputError(", ".join(names), "names a parameter twice", "name each once")


class Lambda(Expr, kw_only=False):
    """``parameter: body``."""

    parameter: str | Formals
    body: Expr

    def __post_init__(self) -> None:
        if isinstance(self.parameter, str):
            check_identifier(self.parameter)


class Let(Expr, kw_only=False):
    """``let a = 1; in body``."""

    bindings: tuple[Binding | Inherit, ...]
    body: Expr

    def __post_init__(self) -> None:
        check_bindings(self.bindings)


class With(Expr, kw_only=False):
    """``with scope; body``."""

    scope: Expr
    body: Expr


class If(Expr, kw_only=False):
    """``if condition then yes else no``."""

    condition: Expr
    yes: Expr
    no: Expr


class Binary(Expr, kw_only=False):
    """``left operator right``; see :data:`OPERATORS`."""

    operator: str
    left: Expr
    right: Expr

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise InputError(self.operator, "is no operator of Nix", "use another")


class Not(Expr, kw_only=False):
    """``!value``."""

    value: Expr


OPERATORS = {
    # operator: (how tightly it binds, which side may hold the same one without parentheses)
    "++": (9, "right"),
    "*": (8, "left"),
    "/": (8, "left"),
    "+": (7, "left"),
    "-": (7, "left"),
    "//": (5, "right"),
    "<": (4, ""),
    "<=": (4, ""),
    ">": (4, ""),
    ">=": (4, ""),
    "==": (3, ""),
    "!=": (3, ""),
    "&&": (2, "left"),
    "||": (1, "left"),
    "->": (0, "right"),
}
"""From the Nix manual, "Operators"; ``?`` has 10, ``!`` has 6, calls and selection bind tighter."""


def check_bindings(bindings: Sequence[Binding | Inherit]) -> None:
    """Refuse sets that Nix refuses: an attribute bound twice, or below another one with a plain value.

    Raises:
        InputError: an attribute is bound twice; the message names it.
    """
    paths = [p for b in bindings for p in ([b.path] if isinstance(b, Binding) else [(n,) for n in b.names])]
    seen: set[tuple[str, ...]] = set()
    for path in sorted(paths, key=len):
        if not path:
            raise InputError("a binding", "has no name", "name the attribute")
        if any(path[: i + 1] in seen for i in range(len(path))):
            raise InputError(".".join(path), "is bound twice in one set", "bind it once")
        seen.add(path)


def find_variables(expression: Expr) -> frozenset[str]:
    """Find the names of all variables in an expression; what functions in it bind counts, too."""
    found: set[str] = set()
    pending: list[object] = [expression]
    while pending:
        part = pending.pop()
        if isinstance(part, Var):
            found.add(part.name)
        elif isinstance(part, tuple):
            pending += part
        elif isinstance(part, Struct):
            pending += astuple(part)
    return frozenset(found)


def drop_comments(node: T) -> T:
    """Return a binding or an expression without the comments in it; those of shell code stay."""
    return cast("T", _drop(node))


def _drop(part: object) -> object:
    match part:
        case Commented(value=value):
            return _drop(value)
        case Binding():
            return replace(part, value=cast("Expr", _drop(part.value)), comment="")
        case tuple():
            return tuple(map(_drop, part))
        case Struct():
            return type(part)(*(_drop(value) for value in astuple(part)))
        case _:
            return part


def text(value: str) -> Str:
    """Make a string without expressions in it."""
    return Str((value,))


def select(base: str | Expr, *path: str) -> Expr:
    """``base.a.b``; without a path, the base itself."""
    root = Var(base) if isinstance(base, str) else base
    return Select(root, path) if path else root


def call(function: str | Expr, *arguments: Expr) -> Call:
    """``function a b``; a function given as text is a dotted name known to the program (``lib.getLib``)."""
    if isinstance(function, str):
        first, *rest = function.split(".")
        function = select(first, *rest)
    return Call(function, arguments)


def bind(name: str, value: Expr, comment: str = "") -> Binding:
    """``name = value;``: one attribute, even if its name has dots."""
    return Binding((name,), value, comment)


def merge(sets: Sequence[Expr]) -> Expr:
    """Merge sets, of which later ones win: ``lib.mergeAttrsList [ … ]``; ``lib`` has to be in scope.

    One set is returned unchanged, and no sets give ``{ }``. For two or more the form is always the same: one
    more set is one more element and changes no other line, and 5 000 are nested no deeper than two. A chain
    of ``//`` is nested as deep as it is long, and copies its left side at each ``//``; ``mergeAttrsList``
    (nixpkgs 23.05 and later) halves its list instead.
    """
    if len(sets) > 1:
        return call("lib.mergeAttrsList", List(tuple(sets)))
    return sets[0] if sets else Attrs()


def strings(values: Sequence[str]) -> List:
    """Make a list of strings."""
    return List(tuple(text(value) for value in values))
