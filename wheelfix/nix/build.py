"""Short ways to build the expressions that generated code consists of."""

from __future__ import annotations

from collections.abc import Sequence

from wheelfix.nix.tree import Attrs, Binding, Call, Expr, List, Select, Str, Var


def text(value: str) -> Str:
    """A string without expressions in it."""
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
    """``name = value;``: one attribute, whatever dots its name has."""
    return Binding((name,), value, comment)


def merge(sets: Sequence[Expr]) -> Expr:
    """Sets merged, of which later ones win: ``lib.mergeAttrsList [ … ]``; ``lib`` has to be in scope.

    One set is itself, and none is ``{ }``. From two on the form is the same for any number of them: one more
    is one more element and changes no other line, and 5 000 are nested no deeper than two. A chain of ``//``
    is as deep as it is long, and copies at each ``//`` what it has so far; ``mergeAttrsList`` (nixpkgs 23.05
    and later) halves its list instead.
    """
    if len(sets) > 1:
        return call("lib.mergeAttrsList", List(tuple(sets)))
    return sets[0] if sets else Attrs()


def strings(values: Sequence[str]) -> List:
    """A list of strings."""
    return List(tuple(text(value) for value in values))
