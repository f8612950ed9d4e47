"""Prints the nodes of the tree as documents, which are laid out in lines of at most 80 columns.

An expression that does not fit on one line has one element on each line. A set with more than one binding is
always broken. Comments are wrapped ``#`` comments above the code that they are about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from wheelfix.nix.document import (
    COMMA,
    EMPTY,
    FORCED,
    HARD,
    JOINT,
    LINE,
    SOFT,
    Comment,
    Document,
    Hug,
    Paragraphs,
    flatten,
    group,
    hug,
    lay_out,
    may_hug,
    nest,
)
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

# What stands in ''…'' as it is, with NUL for an expression: no dollar that could begin an interpolation, and
# no two apostrophes, which end the string.
_PLAIN = re.compile(r"(?:[ !#%&()*+,./0-9:;<=>?@A-Z\[\]^_a-z{|}~\"\0-]|\$(?=[A-Za-z(])|'(?!'))*")


def render(expression: Expr) -> str:
    """Print a whole file.

    Raises:
        InputError: some text in it cannot be written in Nix.
    """
    return lay_out(_write(expression)) + "\n"


def render_binding(binding: Binding, width: int) -> str:
    r"""Print ``name = value;`` in lines of so many columns, to be pasted into a set.

    Raises:
        InputError: some text in it cannot be written in Nix.

    Example:
        >>> from wheelfix.nix.tree import bind, strings
        >>> render_binding(bind("outputs", strings(["out", "dev"])), 20)
        'outputs = [\n  "out"\n  "dev"\n];'
    """
    return lay_out(_write(binding), width)


def print_flat(code: Expr | Binding) -> str:
    """Print code without comments, let and sets of several bindings on one line, however long that is.

    Raises:
        InputError: some text in it cannot be written in Nix.
    """
    flat = flatten([_write(code)])
    assert flat is not None
    return flat


def _write(node: Expr | Binding | Inherit) -> Document:
    return _NODES[type(node)][1](node)


def _write_inner(e: Expr, least: int) -> Document:
    """Write an operand, in parentheses if it binds less tightly than its position requires."""
    document = _write(e)
    if _find_tightness(e) >= least:
        return document
    if may_hug(document):
        return group("(", document, ")", hugs=True)
    return group("(", nest(SOFT, document), SOFT, ")")


def _find_tightness(e: Expr) -> int:
    if isinstance(e, Binary):
        return OPERATORS[e.operator][0]
    if (isinstance(e, Int) and e.value < 0) or (isinstance(e, Select) and e.default is not None):
        return _OPEN  # a.b or c is easily misread in a list or call
    return _NODES[type(e)][0]


def _write_string(e: Str) -> Document:
    return group('"', *_write_parts(e.parts, escape), '"')


def _write_parts(parts: Sequence[str | Expr], literal: Callable[[str], str]) -> list[Document]:
    """Write the inside of a string: literal text by ``literal``, expressions in ``${…}``."""
    found: list[Document] = []
    for part in parts:
        found += [literal(part)] if isinstance(part, str) else ["${", _write(part), "}", JOINT]
    return found


def _write_script(e: Script) -> Document:
    """Write ``''…''`` if no part of it could be read as Nix, else ``"…"``."""
    if not e.lines:
        return group('""', hugs=True)
    if any("\0" in part for line in e.lines for part in line if isinstance(part, str)):
        return group('"', *_write_parts([part for line in e.lines for part in line], escape), '"')
    literals = ["".join(part if isinstance(part, str) else "\0" for part in line) for line in e.lines]
    starts = [line[0] if line and isinstance(line[0], str) else "x" for line in e.lines]
    lines = [flatten(_write_parts(line, str)) for line in e.lines]
    # Nix removes the common indentation of an indented string, so one line has to begin without any.
    if all(map(_PLAIN.fullmatch, literals)) and any(s and s[0] != " " for s in starts) and None not in lines:
        inside = [part for line in lines for part in ((HARD, line) if line else (EMPTY,))]
        return group("''", nest(*inside), HARD, "''", hugs=True)
    whole = [part for line in e.lines for part in (*line, "\n")]
    return group(FORCED, '"', *_write_parts(whole, escape), '"', hugs=True)


def _write_commented(e: Commented) -> Document:
    comments, value = _take_comments(e)
    return group(*comments, _write(value))


def _take_comments(e: Expr) -> tuple[list[Document], Expr]:
    """Split an expression into the comments above it, of which there may be many, and the rest."""
    comments: list[Document] = []
    while isinstance(e, Commented):
        comments += _write_comment(e.comment)
        e = e.value
    return comments, e


def _write_comment(comment: str) -> tuple[Document, ...]:
    words = clean_comment(comment)
    return (Comment(words), LINE) if words else (FORCED,)


def _write_list(e: List) -> Document:
    items: list[Document] = []
    for item in e.items:
        comments, value = _take_comments(item)
        items += [LINE, *comments, _write_inner(value, _ATOM)]
    if e.omitted:
        items += [LINE, f"/* {clean_comment(e.omitted).replace('*/', '* /')} */"]
    return group("[", nest(*items), LINE, "]", hugs=True)


def _write_attrs(e: Attrs) -> Document:
    inside: list[Document] = [Paragraphs(tuple(map(_write, e.bindings)))]
    if e.trailer:
        words = clean_comment(e.trailer)
        inside += (LINE, Comment(words)) if words else (FORCED,)
    return group("rec {" if e.rec else "{", nest(*inside), LINE, "}", hugs=True)


def _write_binding(b: Binding) -> Document:
    """Write a binding; comments on the value are written above the name too."""
    comments, value = _take_comments(Commented(b.comment, b.value) if b.comment else b.value)
    head, bound = f"{_write_path(b.path)} =", _write(value)
    if isinstance(value, Binary) and isinstance(bound, Hug):
        whole: Document = hug(f"{head} {bound.head}", bound.last, head, nest(LINE, bound))
    elif may_hug(bound) or isinstance(value, Path | SearchPath | Int | Var):
        whole = group(f"{head} ", bound)
    else:
        whole = group(head, nest(LINE, bound))
    return group(*comments, whole, ";")


def _write_inherit(b: Inherit) -> Document:
    comments = _write_comment(b.comment) if b.comment else ()
    source = () if b.source is None else (LINE, "(", _write(b.source), ")")
    names = (part for name in b.names for part in (LINE, quote_name(name)))
    return group(*comments, group("inherit", nest(*source, *names, SOFT, ";")))


def _write_path(path: Sequence[str]) -> str:
    """Write ``a.b``, each name in quotes if it needs them."""
    return ".".join(map(quote_name, path))


def _write_select(e: Select) -> Document:
    """Write a selection; a default that can be on one line follows on the same line."""
    names: list[Document] = []
    for name in e.path:
        names += [".", quote_name(name)] if isinstance(name, str) else [".${", _write(name), "}"]
    if e.default is not None:
        default = _write_inner(e.default, _ATOM)
        flat = flatten([default])
        names += [LINE, "or ", default] if flat is None else [" or ", flat]
    return group(_write_inner(e.base, _ATOM), JOINT, *names)


def _write_has(e: Has) -> Document:
    return group(_write_inner(e.base, _CALL), JOINT, f" ? {_write_path(e.path)}")


def _write_call(e: Call) -> Document:
    """Write a call; arguments on their own lines are not broken because of the text after the call."""
    words = [_write_inner(e.function, _CALL), *(_write_inner(argument, _ATOM) for argument in e.arguments)]
    parts = [words[0], *(nest(LINE, word, JOINT) for word in words[1:])]
    head = flatten(parts[:-1])
    return hug(head, words[-1], *parts) if head and may_hug(words[-1]) else group(*parts)


def _write_lambda(e: Lambda) -> Document:
    """Write a function; parameters are on one line, with a body that may follow them."""
    if isinstance(e.parameter, Formals):
        return group(_write_formals(e.parameter), ":", LINE, _write(e.body))
    head, body = f"{e.parameter}:", e.body
    while isinstance(body, Lambda) and isinstance(body.parameter, str):
        head, body = f"{head} {body.parameter}:", body.body
    document = _write(body)
    return group(f"{head} ", document, hugs=True) if may_hug(document) else group(head, LINE, document)


def _write_formals(formals: Formals) -> Document:
    inside: list[Document] = []
    for formal in formals.formals:
        default = [] if formal.default is None else [" ? ", _write(formal.default)]
        inside += [LINE, formal.name, *default, ","]
    if formals.ellipsis:
        inside += [LINE, "..."]
    elif inside:
        inside[-1] = COMMA
    return group("{", nest(*inside), LINE, f"}}@{formals.bind}" if formals.bind else "}")


def _write_let(e: Let) -> Document:
    bindings = Paragraphs(tuple(map(_write, e.bindings)))
    return group("let", nest(bindings), HARD, "in", LINE, _write(e.body))


def _write_with(e: With) -> Document:
    scope, body = _write(e.scope), _write(e.body)
    hugs = flatten([scope]) is not None and may_hug(body)
    return group("with ", scope, ";", " " if hugs else LINE, body, hugs=hugs)


def _write_if(e: If) -> Document:
    yes, no = nest(LINE, _write(e.yes)), nest(LINE, _write(e.no))
    return group("if ", _write(e.condition), " then", yes, LINE, "else", no)


def _write_binary(e: Binary) -> Document:
    """Write a chain; each operator begins a line, unless the second and last operand is a list or set.

    ``a - b + c`` needs no parentheses, but is read more easily with them.
    """
    least = OPERATORS[e.operator][0] + 1
    first, *others = (_write_inner(operand, least) for operand in _find_operands(e))
    parts = [first, *(part for other in others for part in (LINE, f"{e.operator} ", other))]
    head = flatten([first, f" {e.operator}"])
    if head is not None and len(others) == 1 and isinstance(e.right, List | Attrs):
        return hug(head, others[0], *parts)
    return group(*parts)


def _find_operands(e: Binary) -> list[Expr]:
    """List the operands of a chain of one operator, which needs no parentheses.

    Without recursion, as chains may be long.
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


def _write_not(e: Not) -> Document:
    return group("!", _write_inner(e.value, _CALL))


_ATOM, _CALL, _HAS, _NOT, _OPEN = 12, 11, 10, 6, -1
_NODES: dict[type[Expr | Binding | Inherit], tuple[int, Callable[[Any], Document]]] = {
    Str: (_ATOM, _write_string),
    Script: (_ATOM, _write_script),
    Path: (_ATOM, lambda e: e.text),
    SearchPath: (_ATOM, lambda e: f"<{e.name}>"),
    Int: (_ATOM, lambda e: str(e.value)),
    Var: (_ATOM, lambda e: e.name),
    List: (_ATOM, _write_list),
    Attrs: (_ATOM, _write_attrs),
    Select: (_ATOM, _write_select),
    Call: (_CALL, _write_call),
    Has: (_HAS, _write_has),
    Binary: (_OPEN, _write_binary),
    Not: (_NOT, _write_not),
    Lambda: (_OPEN, _write_lambda),
    Let: (_OPEN, _write_let),
    With: (_OPEN, _write_with),
    If: (_OPEN, _write_if),
    Commented: (_OPEN, _write_commented),
    Binding: (_OPEN, _write_binding),
    Inherit: (_OPEN, _write_inherit),
}
"""How tightly a node binds, on the scale of :data:`~wheelfix.nix.tree.OPERATORS`, and its writer."""
