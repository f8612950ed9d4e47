"""Nix expressions as frozen dataclasses: what can be built can be printed, and means what it says.

Strings inside nodes are data; they are quoted when printed (:mod:`wheelfix.nix.printer`). Only names of
variables (:class:`Var`, parameters) and paths are checked instead, as Nix has no quotes for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wheelfix.errors import InputError
from wheelfix.nix.quote import check_identifier, check_path

_MAX_INT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Expr:
    """Any expression."""


@dataclass(frozen=True, slots=True)
class Str(Expr):
    """``"text ${expression}"``: literal text and expressions, in order."""

    parts: tuple[str | Expr, ...]


@dataclass(frozen=True, slots=True)
class Script(Expr):
    """Lines of shell code, each of literal text and expressions; each ends with a newline."""

    lines: tuple[tuple[str | Expr, ...], ...]


@dataclass(frozen=True, slots=True)
class Path(Expr):
    """``./file``."""

    text: str

    def __post_init__(self) -> None:
        check_path(self.text)


@dataclass(frozen=True, slots=True)
class SearchPath(Expr):
    """``<name>``."""

    name: str

    def __post_init__(self) -> None:
        check_identifier(self.name)


@dataclass(frozen=True, slots=True)
class Int(Expr):
    """A 64 bit integer; the smallest one has no literal in Nix."""

    value: int

    def __post_init__(self) -> None:
        if abs(self.value) > _MAX_INT:
            raise InputError(str(self.value), "is too large for a Nix integer", "use a smaller one")


@dataclass(frozen=True, slots=True)
class Var(Expr):
    """A variable; also ``true``, ``false`` and ``null``."""

    name: str

    def __post_init__(self) -> None:
        check_identifier(self.name)


TRUE, FALSE, NULL = Var("true"), Var("false"), Var("null")


@dataclass(frozen=True, slots=True)
class Commented(Expr):
    """An expression with a comment above it: an element of a list, a whole file, or a parenthesised one."""

    comment: str
    value: Expr


@dataclass(frozen=True, slots=True)
class List(Expr):
    """``[ a b ]``."""

    items: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Binding:
    """``a.b = value;``, with an optional comment above it."""

    path: tuple[str, ...]
    value: Expr
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Inherit:
    """``inherit (source) a b;``, with an optional comment above it."""

    names: tuple[str, ...]
    source: Expr | None = None
    comment: str = ""

    def __post_init__(self) -> None:
        if self.source is None:
            for name in self.names:
                check_identifier(name)


@dataclass(frozen=True, slots=True)
class Attrs(Expr):
    """``{ a = 1; }``.

    Attributes:
        trailer: a comment after the last binding, or alone in an empty set.
    """

    bindings: tuple[Binding | Inherit, ...] = ()
    rec: bool = False
    trailer: str = ""

    def __post_init__(self) -> None:
        check_bindings(self.bindings)


@dataclass(frozen=True, slots=True)
class Select(Expr):
    """``base.a.b or default``; names may be expressions, ``base.${name}``."""

    base: Expr
    path: tuple[str | Expr, ...]
    default: Expr | None = None


@dataclass(frozen=True, slots=True)
class Has(Expr):
    """``base ? a.b``."""

    base: Expr
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """``function a b``."""

    function: Expr
    arguments: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Formal:
    """A parameter in braces, with an optional default."""

    name: str
    default: Expr | None = None

    def __post_init__(self) -> None:
        check_identifier(self.name)


@dataclass(frozen=True, slots=True)
class Formals:
    """``{ a, b ? 1, ... }@name``."""

    formals: tuple[Formal, ...]
    ellipsis: bool = False
    bind: str = ""

    def __post_init__(self) -> None:
        names = [f.name for f in self.formals] + ([check_identifier(self.bind)] if self.bind else [])
        if len(set(names)) < len(names):
            raise InputError(", ".join(names), "names a parameter twice", "name each once")


@dataclass(frozen=True, slots=True)
class Lambda(Expr):
    """``parameter: body``."""

    parameter: str | Formals
    body: Expr

    def __post_init__(self) -> None:
        if isinstance(self.parameter, str):
            check_identifier(self.parameter)


@dataclass(frozen=True, slots=True)
class Let(Expr):
    """``let a = 1; in body``."""

    bindings: tuple[Binding | Inherit, ...]
    body: Expr

    def __post_init__(self) -> None:
        check_bindings(self.bindings)


@dataclass(frozen=True, slots=True)
class With(Expr):
    """``with scope; body``."""

    scope: Expr
    body: Expr


@dataclass(frozen=True, slots=True)
class If(Expr):
    """``if condition then yes else no``."""

    condition: Expr
    yes: Expr
    no: Expr


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """``left operator right``; see :data:`OPERATORS`."""

    operator: str
    left: Expr
    right: Expr

    def __post_init__(self) -> None:
        if self.operator not in OPERATORS:
            raise InputError(self.operator, "is no operator of Nix", "use another")


@dataclass(frozen=True, slots=True)
class Not(Expr):
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
"""Of the Nix manual, "Operators"; ``?`` binds with 10, ``!`` with 6, calls and selection tighter."""


def check_bindings(bindings: Sequence[Binding | Inherit]) -> None:
    """Refuse what Nix refuses: the same attribute twice, or below another one that has a plain value.

    Raises:
        InputError: names the attribute.
    """
    paths = [p for b in bindings for p in ([b.path] if isinstance(b, Binding) else [(n,) for n in b.names])]
    seen: set[tuple[str, ...]] = set()
    for path in sorted(paths, key=len):
        if not path:
            raise InputError("a binding", "has no name", "name the attribute")
        if any(path[: i + 1] in seen for i in range(len(path))):
            raise InputError(".".join(path), "is bound twice in one set", "bind it once")
        seen.add(path)
