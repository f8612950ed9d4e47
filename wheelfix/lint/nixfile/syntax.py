"""Expressions of the Nix language, as far as they are needed to read overrides.

Every node has its ``place`` and ``text``, the beginning of its source on one line. Parentheses and comments
are removed, and ``assert c; e`` is ``e``.
"""

from __future__ import annotations

from wheelfix.lint.model import Place
from wheelfix.model.base import Struct


class Syntax(Struct):
    """Base class of all nodes; an instance is a number, path, URI or another expression without a class."""

    place: Place
    text: str


class Name(Syntax):
    """A variable."""

    name: str


class Text(Syntax):
    """A string of either kind; if it has interpolations, ``value`` is None and ``parts`` has the contents."""

    value: str | None
    parts: tuple[str | Syntax, ...] = ()


class Select(Syntax):
    """``base.path or default``; a computed key is an expression."""

    base: Syntax
    path: tuple[str | Syntax, ...]
    default: Syntax | None = None


class Has(Syntax):
    """``base ? path``."""

    base: Syntax


class Apply(Syntax):
    """``function argument``."""

    function: Syntax
    argument: Syntax


class Lambda(Syntax):
    """``parameter: body``, or ``{ formals }@parameter: body`` with names and defaults."""

    parameter: str | None
    formals: tuple[tuple[str, Syntax | None], ...] | None
    body: Syntax


class Binding(Syntax):
    """``path = value;``; ``inherit (e) a;`` is ``a = e.a;``, and ``outer`` for ``inherit a;``.

    The value of an ``outer`` binding is looked up outside of its set or ``let``.
    """

    path: tuple[str | Syntax, ...]
    value: Syntax
    outer: bool = False


class Set(Syntax):
    """``{ … }``, or ``rec { … }``."""

    bindings: tuple[Binding, ...]
    recursive: bool = False


class Let(Syntax):
    """``let … in body``."""

    bindings: tuple[Binding, ...]
    body: Syntax


class With(Syntax):
    """``with environment; body``."""

    environment: Syntax
    body: Syntax


class If(Syntax):
    """``if condition then consequence else alternative``."""

    condition: Syntax
    consequence: Syntax
    alternative: Syntax


class Items(Syntax):
    """``[ … ]``."""

    items: tuple[Syntax, ...]


class Operation(Syntax):
    """An operator and its operands: one, two, or all of a chain (``a ++ b ++ c``)."""

    operator: str
    operands: tuple[Syntax, ...]
