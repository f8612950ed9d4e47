"""The one layout of generated code: two spaces, and one element per line where a line is over 80 columns.

Every node is tried on one line first; where that does not fit, or a comment has to stand above something, it
is broken. A set with more than one binding is always broken. Comments are ``#`` comments, wrapped.

Functions here return lines: the first one without indentation, as it goes on where something has been written
already (at ``column``), the others with theirs.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from wheelfix.nix import tree as t
from wheelfix.nix.quote import clean_comment, escape, quote_name
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

WIDTH = 80
STEP = 2
_NARROWEST = 40
# What stands in ''…'' as it is; a dollar unless it could begin an interpolation.
_PLAIN = re.compile(r"(?:[ !#%&()*+,./0-9:;<=>?@A-Z\[\]^_a-z{|}~\"-]|\$(?=[A-Za-z(]))*")
HAS, NOT, CALL, ATOM = 10, 6, 11, 12
"""How tightly these hold together, on the scale of :data:`wheelfix.nix.tree.OPERATORS`."""


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


def lay_comment(comment: str, indent: int) -> list[str]:
    """Wrap a comment that is indented by so many columns; the lines come without indentation."""
    width = max(_NARROWEST, WIDTH - indent - len("# "))
    words = textwrap.wrap(clean_comment(comment), width, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}" for line in words]


def lay_script(e: Script, indent: int, column: int, reserve: int) -> list[str]:
    """Lay shell code out, as ``''…''`` where nothing in it could be taken for Nix; as ``"…"`` elsewhere."""
    literals = [part for line in e.lines for part in line if isinstance(part, str)]
    starts = [line[0] if line and isinstance(line[0], str) else "x" for line in e.lines]
    # An indented string loses the indentation its lines share: one has to begin with code.
    if all(map(_PLAIN.fullmatch, literals)) and any(s and s[0] != " " for s in starts):
        pad = " " * (indent + STEP)
        lines = [print_parts(line, str) for line in e.lines]
        if None not in lines:
            return ["''", *(pad + line if line else "" for line in lines), " " * indent + "''"]
    whole = tuple(part for line in e.lines for part in (*line, "\n"))
    return [print_flat(Str(whole)) or '""']


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
