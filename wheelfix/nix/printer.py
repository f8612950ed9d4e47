"""The one layout of generated code: two spaces, and one element per line where a line is over 80 columns.

Every node is tried on one line first; where that does not fit, or a comment has to stand above something, it
is broken. A set with more than one binding is always broken. Comments are ``#`` comments, wrapped.

Functions here return lines: the first one without indentation, as it goes on where something has been written
already (at ``column``), the others with theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wheelfix.nix import tree as t
from wheelfix.nix.flat import (
    ATOM,
    CALL,
    binds,
    find_least,
    find_operands,
    flat_binding,
    flat_formals,
    hugs,
    print_flat,
    print_inner,
    print_path,
)
from wheelfix.nix.lines import STEP, WIDTH, lay_comment, lay_script
from wheelfix.nix.quote import escape, quote_name
from wheelfix.nix.tree import Expr


def render(expression: Expr) -> str:
    """Print a whole file.

    Raises:
        InputError: some text in it cannot be written in Nix.
    """
    return "\n".join(_lay(expression, 0, 0)) + "\n"


def _lay(e: Expr, indent: int, column: int, reserve: int = 0) -> list[str]:
    """Lay an expression out.

    Args:
        e: the expression.
        indent: indentation of the lines after the first.
        column: where the first line begins.
        reserve: characters that follow its last line (``;``).
    """
    flat = print_flat(e)
    if flat is not None and (column + len(flat) + reserve <= WIDTH or type(e) not in _BROKEN):
        return [flat]
    return _BROKEN[type(e)](e, indent, column, reserve)


def _lay_inner(e: Expr, least: int, indent: int, column: int, reserve: int = 0) -> list[str]:
    """The same, in parentheses where it binds less tightly than ``least``."""
    if binds(e) >= least:
        return _lay(e, indent, column, reserve)
    flat = print_flat(e)
    if hugs(e) or (flat is not None and column + len(flat) + 2 + reserve <= WIDTH):
        lines = _lay(e, indent, column + 1, reserve + 1)
        return [f"({lines[0]}", *lines[1:-1], f"{lines[-1]})"] if len(lines) > 1 else [f"({lines[0]})"]
    return ["(", *_indent(e, indent + STEP), " " * indent + ")"]


def _indent(e: Expr, indent: int, reserve: int = 0, least: int = -1) -> list[str]:
    """On lines of its own."""
    lines = _lay_inner(e, least, indent, indent, reserve)
    return [" " * indent + lines[0], *lines[1:]]


def _lay_commented(e: t.Commented, indent: int, column: int, reserve: int) -> list[str]:
    """Comments of one expression are nested: there may be as many as packages."""
    pad, lines, value = " " * indent, list[str](), e.value
    comment = lay_comment(e.comment, indent)
    while True:
        lines += [pad + line if lines or i else line for i, line in enumerate(comment)]
        if not isinstance(value, t.Commented):
            break
        comment, value = lay_comment(value.comment, indent), value.value
    return [*lines, *_indent(value, indent, reserve)] if lines else _lay(value, indent, column, reserve)


def _lay_list(e: t.List, indent: int, column: int, reserve: int) -> list[str]:
    inner, lines = indent + STEP, ["["]
    for item in e.items:
        while isinstance(item, t.Commented):
            lines += [" " * inner + line for line in lay_comment(item.comment, inner)]
            item = item.value
        lines += _indent(item, inner, least=ATOM)
    return [*lines, " " * indent + "]"]


def _lay_attrs(e: t.Attrs, indent: int, column: int, reserve: int) -> list[str]:
    lines = ["rec {" if e.rec else "{", *_lay_bindings(e.bindings, indent + STEP)]
    lines += [" " * (indent + STEP) + line for line in lay_comment(e.trailer, indent + STEP)]
    return [*lines, " " * indent + "}"]


def _lay_bindings(bindings: Sequence[t.Binding | t.Inherit], indent: int) -> list[str]:
    """A blank line stands between two bindings that take several lines each."""
    lines: list[str] = []
    long = False
    for binding in bindings:
        own = _lay_binding(binding, indent)
        if long and len(own) > 1:
            lines.append("")
        long = len(own) > 1
        lines += own
    return lines


def _lay_binding(b: t.Binding | t.Inherit, indent: int) -> list[str]:
    """Comments on the value stand above the name, too."""
    pad = " " * indent
    lines = [pad + line for line in lay_comment(b.comment, indent)]
    if isinstance(b, t.Inherit):
        return [*lines, *_lay_inherit(b, indent)]
    whole = b.value
    while isinstance(whole, t.Commented):
        lines += [pad + line for line in lay_comment(whole.comment, indent)]
        whole = whole.value
    head = f"{print_path(b.path)} ="
    if _goes_on(whole, indent + len(head) + 1):
        value = _lay(whole, indent, indent + len(head) + 1, 1)
        value[0] = f"{pad}{head} {value[0]}"
    else:
        value = [pad + head, *_indent(whole, indent + STEP, 1)]
    return [*lines, *value[:-1], f"{value[-1]};"]


def _goes_on(value: Expr, column: int) -> bool:
    """Whether a bound value begins on the line of its name."""
    flat = print_flat(value)
    if (flat is not None and column + len(flat) < WIDTH) or type(value) not in _BROKEN:
        return True
    if isinstance(value, t.Binary):
        left = print_inner(value.left, find_least(value)) or ""
        return hugs(value) and column + len(left) + len(value.operator) + 3 <= WIDTH
    return hugs(value)


def _lay_inherit(b: t.Inherit, indent: int) -> list[str]:
    pad, inner = " " * indent, " " * (indent + STEP)
    flat = flat_binding(t.Inherit(b.names, b.source))
    if flat is not None and indent + len(flat) <= WIDTH:
        return [pad + flat]
    lines = [f"{pad}inherit"]
    if b.source is not None:
        source = _lay(b.source, indent + STEP, indent + STEP + 1, 1)
        lines += [f"{inner}({source[0]}", *source[1:]]
        lines[-1] += ")"
    return [*lines, *(inner + quote_name(name) for name in b.names), f"{inner};"]


def _lay_string(e: t.Str, indent: int, column: int, reserve: int) -> list[str]:
    lines = ['"']
    for part in e.parts:
        if isinstance(part, str):
            lines[-1] += escape(part)
        else:
            inside = _lay(part, indent, column + len(lines[-1]) + 2, 1)
            lines[-1] += f"${{{inside[0]}"
            lines += inside[1:]
            lines[-1] += "}"
    lines[-1] += '"'
    return lines


def _lay_has(e: t.Has, indent: int, column: int, reserve: int) -> list[str]:
    lines = _lay_inner(e.base, CALL, indent, column)
    lines[-1] += f" ? {print_path(e.path)}"
    return lines


def _lay_select(e: t.Select, indent: int, column: int, reserve: int) -> list[str]:
    base = _lay_inner(e.base, ATOM, indent, column, reserve)
    rest = print_flat(t.Select(_HOLE, e.path, e.default))
    if rest is None:  # the default takes several lines
        assert e.default is not None
        words = (print_flat(t.Select(_HOLE, e.path)) or "").removeprefix("x")
        return [*base[:-1], f"{base[-1]}{words}", *_lead("or ", e.default, ATOM, indent, reserve)]
    return [*base[:-1], base[-1] + rest.removeprefix("x")]


def _lead(word: str, e: Expr, least: int, indent: int, reserve: int = 0) -> list[str]:
    """A line that begins with a word."""
    lines = _lay_inner(e, least, indent, indent + len(word), reserve)
    return [f"{' ' * indent}{word}{lines[0]}", *lines[1:]]


def _lay_call(e: t.Call, indent: int, column: int, reserve: int) -> list[str]:
    *first, last = e.arguments
    words = [print_inner(e.function, CALL), *(print_inner(a, ATOM) for a in first)]
    head = " ".join(w for w in words if w is not None)
    if None not in words and hugs(last) and column + len(head) + 2 <= WIDTH:
        lines = _lay_inner(last, ATOM, indent, column + len(head) + 1, reserve)
        return [f"{head} {lines[0]}", *lines[1:]]
    lines = _lay_inner(e.function, CALL, indent, column)
    for argument in e.arguments:
        lines += _indent(argument, indent + STEP, least=ATOM)
    return lines


def _lay_lambda(e: t.Lambda, indent: int, column: int, reserve: int) -> list[str]:
    if isinstance(e.parameter, str):
        head = [f"{e.parameter}:"]
        if hugs(e.body) or (isinstance(e.body, t.Lambda) and isinstance(e.body.parameter, str)):
            body = _lay(e.body, indent, column + len(head[0]) + 1, reserve)
            return [f"{head[0]} {body[0]}", *body[1:]]
    else:
        head = _lay_formals(e.parameter, indent, column)
    return [*head, *_indent(e.body, indent, reserve)]


def _lay_formals(formals: t.Formals, indent: int, column: int) -> list[str]:
    flat = flat_formals(formals)
    if flat is not None and column + len(flat) + 1 <= WIDTH:
        return [f"{flat}:"]
    pad, lines = " " * (indent + STEP), ["{"]
    for formal in formals.formals:
        if formal.default is None:
            lines.append(f"{pad}{formal.name},")
        else:
            default = _lay(formal.default, indent + STEP, indent + STEP + len(formal.name) + 3, 1)
            lines += [f"{pad}{formal.name} ? {default[0]}", *default[1:]]
            lines[-1] += ","
    if formals.ellipsis:
        lines.append(f"{pad}...")
    bound = f"@{formals.bind}" if formals.bind else ""
    return [*lines, f"{' ' * indent}}}{bound}:"]


def _lay_let(e: t.Let, indent: int, column: int, reserve: int) -> list[str]:
    pad = " " * indent
    return ["let", *_lay_bindings(e.bindings, indent + STEP), f"{pad}in", *_indent(e.body, indent, reserve)]


def _lay_with(e: t.With, indent: int, column: int, reserve: int) -> list[str]:
    scope = _lay(e.scope, indent, column + len("with "), 1)
    head = [f"with {scope[0]}", *scope[1:]]
    head[-1] += ";"
    if len(head) == 1 and hugs(e.body):
        body = _lay(e.body, indent, column + len(head[0]) + 1, reserve)
        return [f"{head[0]} {body[0]}", *body[1:]]
    return [*head, *_indent(e.body, indent, reserve)]


def _lay_if(e: t.If, indent: int, column: int, reserve: int) -> list[str]:
    condition = _lay(e.condition, indent, column + len("if "), len(" then"))
    condition = [f"if {condition[0]}", *condition[1:]]
    condition[-1] += " then"
    inner = indent + STEP
    return [*condition, *_indent(e.yes, inner), " " * indent + "else", *_indent(e.no, inner, reserve)]


def _lay_binary(e: t.Binary, indent: int, column: int, reserve: int) -> list[str]:
    """The last operand follows on the line where it is a list or set; else each begins a line."""
    least = find_least(e)
    flat = print_inner(e.left, least)
    if flat is not None and hugs(e) and column + len(flat) + len(e.operator) + 3 <= WIDTH:
        lines = _lay(e.right, indent, column + len(flat) + len(e.operator) + 2, reserve)
        return [f"{flat} {e.operator} {lines[0]}", *lines[1:]]
    first, *others = find_operands(e)
    lines = _lay_inner(first, least, indent, column)
    for number, operand in enumerate(others, 1):
        lines += _lead(f"{e.operator} ", operand, least, indent, reserve if number == len(others) else 0)
    return lines


def _lay_not(e: t.Not, indent: int, column: int, reserve: int) -> list[str]:
    lines = _lay_inner(e.value, CALL, indent, column + 1, reserve)
    return [f"!{lines[0]}", *lines[1:]]


_HOLE = t.Var("x")
_BROKEN: dict[type[Expr], Callable[[Any, int, int, int], list[str]]] = {
    t.Commented: _lay_commented,
    t.List: _lay_list,
    t.Attrs: _lay_attrs,
    t.Select: _lay_select,
    t.Call: _lay_call,
    t.Lambda: _lay_lambda,
    t.Let: _lay_let,
    t.With: _lay_with,
    t.If: _lay_if,
    t.Binary: _lay_binary,
    t.Not: _lay_not,
    t.Script: lay_script,
    t.Str: _lay_string,
    t.Has: _lay_has,
}
