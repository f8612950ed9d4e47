"""Expressions on one line, with parentheses where the grammar asks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wheelfix.nix.quote import escape, quote_name
from wheelfix.nix.tree import (
    OPERATORS,
    Attrs,
    Binary,
    Binding,
    Call,
    Commented,
    Expr,
    Formals,
    Has,
    If,
    Inherit,
    Int,
    Lambda,
    Let,
    List,
    Not,
    Path,
    Script,
    SearchPath,
    Select,
    Str,
    Var,
    With,
)

HAS, NOT, CALL, ATOM = 10, 6, 11, 12
"""How tightly these hold together, on the scale of :data:`wheelfix.nix.tree.OPERATORS`."""


def print_flat(expression: Expr) -> str | None:
    """Print on one line; None where a comment or several lines of code forbid it."""
    return _FLAT[type(expression)](expression)


def _flat_all(expressions: Sequence[Expr], wrap: Callable[[Expr], str | None]) -> list[str] | None:
    found = []
    for expression in expressions:
        if (printed := wrap(expression)) is None:
            return None
        found.append(printed)
    return found


def binds(e: Expr) -> int:
    """How tightly an expression holds together; -1 for what swallows everything to its right."""
    match e:
        case Binary():
            return OPERATORS[e.operator][0]
        case Not():
            return NOT
        case Has():
            return HAS
        case Call():
            return CALL
        case Int() if e.value < 0:
            return -1
        case Lambda() | Let() | With() | If() | Commented():
            return -1
        case Select() if e.default is not None:
            return -1  # a.b or c reads wrongly in a list or call, however it parses
        case _:
            return ATOM


def print_inner(e: Expr, least: int) -> str | None:
    """On one line, in parentheses where it binds less tightly than its place asks for."""
    printed = print_flat(e)
    return printed if printed is None or binds(e) >= least else f"({printed})"


def print_argument(e: Expr) -> str | None:
    """An element of a list, or an argument of a call."""
    return print_inner(e, ATOM)


def print_parts(parts: Sequence[str | Expr], literal: Callable[[str], str]) -> str | None:
    """The inside of a string: literal text as ``literal`` writes it, expressions in ``${…}``."""
    found = []
    for part in parts:
        printed = literal(part) if isinstance(part, str) else print_flat(part)
        if printed is None:
            return None
        found.append(printed if isinstance(part, str) else f"${{{printed}}}")
    return "".join(found)


def _flat_str(e: Str) -> str | None:
    inside = print_parts(e.parts, escape)
    return None if inside is None else f'"{inside}"'


def _flat_list(e: List) -> str | None:
    items = _flat_all(e.items, print_argument)
    return None if items is None else f"[ {' '.join(items)} ]" if items else "[ ]"


def _flat_attrs(e: Attrs) -> str | None:
    rec = "rec " if e.rec else ""
    if e.trailer or len(e.bindings) > 1:
        return None
    if not e.bindings:
        return f"{rec}{{ }}"
    binding = flat_binding(e.bindings[0])
    return None if binding is None else f"{rec}{{ {binding} }}"


def flat_binding(b: Binding | Inherit) -> str | None:
    """``name = value;``."""
    if b.comment:
        return None
    if isinstance(b, Inherit):
        return _flat_inherit(b)
    value = print_flat(b.value)
    return None if value is None else f"{print_path(b.path)} = {value};"


def _flat_inherit(b: Inherit) -> str | None:
    words = ["inherit"]
    if b.source is not None:
        if (source := print_flat(b.source)) is None:
            return None
        words.append(f"({source})")
    return " ".join([*words, *(quote_name(name) for name in b.names)]) + ";"


def print_path(path: Sequence[str]) -> str:
    """``a.b``, each name in quotes where it needs them."""
    return ".".join(quote_name(name) for name in path)


def _flat_select(e: Select) -> str | None:
    base = print_inner(e.base, ATOM)
    names = []
    for name in e.path:
        if isinstance(name, str):
            names.append(quote_name(name))
        elif (printed := print_flat(name)) is not None:
            names.append(f"${{{printed}}}")
        else:
            return None
    if base is None:
        return None
    selected = ".".join([base, *names])
    if e.default is None:
        return selected
    default = print_argument(e.default)
    return None if default is None else f"{selected} or {default}"


def _flat_has(e: Has) -> str | None:
    base = print_inner(e.base, CALL)
    return None if base is None else f"{base} ? {print_path(e.path)}"


def _flat_call(e: Call) -> str | None:
    function = print_inner(e.function, CALL)
    arguments = _flat_all(e.arguments, print_argument)
    return None if function is None or arguments is None else " ".join([function, *arguments])


def flat_formals(formals: Formals) -> str | None:
    """``{ a, b ? 1, ... }``, without the colon."""
    printed = []
    for formal in formals.formals:
        default = print_flat(formal.default) if formal.default is not None else ""
        if default is None:
            return None
        printed.append(f"{formal.name} ? {default}" if default else formal.name)
    inside = ", ".join([*printed, *(["..."] if formals.ellipsis else [])])
    return (f"{{ {inside} }}" if inside else "{ }") + (f"@{formals.bind}" if formals.bind else "")


def _flat_lambda(e: Lambda) -> str | None:
    head = e.parameter if isinstance(e.parameter, str) else flat_formals(e.parameter)
    body = print_flat(e.body)
    return None if head is None or body is None else f"{head}: {body}"


def _flat_with(e: With) -> str | None:
    scope, body = print_flat(e.scope), print_flat(e.body)
    return None if scope is None or body is None else f"with {scope}; {body}"


def _flat_if(e: If) -> str | None:
    parts = _flat_all((e.condition, e.yes, e.no), print_flat)
    return None if parts is None else f"if {parts[0]} then {parts[1]} else {parts[2]}"


def _flat_binary(e: Binary) -> str | None:
    least = find_least(e)
    operands = _flat_all(find_operands(e), lambda operand: print_inner(operand, least))
    return None if operands is None else f" {e.operator} ".join(operands)


def find_least(e: Binary) -> int:
    """How tightly an operand has to bind to stand without parentheses.

    ``a - b + c`` needs none, but is read more easily with them.
    """
    return OPERATORS[e.operator][0] + 1


def find_operands(e: Binary) -> list[Expr]:
    """The operands of a chain of one operator, which stands without parentheses.

    They are found without recursion: chains are as long as what they are made of.
    """
    associative = OPERATORS[e.operator][1]
    found: list[Expr] = []
    rest: Expr = e
    while isinstance(rest, Binary) and rest.operator == e.operator and (associative or rest is e):
        if associative == "left":
            found.append(rest.right)
            rest = rest.left
        else:
            found.append(rest.left)
            rest = rest.right
    found.append(rest)
    return found[::-1] if associative == "left" else found


def _flat_not(e: Not) -> str | None:
    value = print_inner(e.value, CALL)
    return None if value is None else f"!{value}"


def hugs(e: Expr) -> bool:
    """Whether its first line may follow something on the same line, and its last one closes it."""
    match e:
        case List() | Script():
            return True
        case Attrs():
            return True
        case Lambda():
            return isinstance(e.parameter, str) and hugs(e.body)
        case With():
            return print_flat(e.scope) is not None and hugs(e.body)
        case Call():
            *first, last = (e.function, *e.arguments)
            return hugs(last) and all(print_flat(part) is not None for part in first)
        case Binary():
            closes = isinstance(e.right, List | Attrs) and len(find_operands(e)) == 2
            return closes and print_flat(e.left) is not None
        case _:
            return False


_FLAT: dict[type[Expr], Callable[[Any], str | None]] = {
    Str: _flat_str,
    Script: lambda e: None if e.lines else '""',
    Path: lambda e: e.text,
    SearchPath: lambda e: f"<{e.name}>",
    Int: lambda e: str(e.value),
    Var: lambda e: e.name,
    Commented: lambda _: None,
    List: _flat_list,
    Attrs: _flat_attrs,
    Select: _flat_select,
    Has: _flat_has,
    Call: _flat_call,
    Lambda: _flat_lambda,
    Let: lambda _: None,
    With: _flat_with,
    If: _flat_if,
    Binary: _flat_binary,
    Not: _flat_not,
}
