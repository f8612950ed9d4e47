"""Evaluates expressions of a Python module to the strings they may be, from constants alone.

Results are sets of strings, without order or structure: a tuple stands for its elements, a parameter for what
all callers pass, a variable for everything it is ever bound to. An expression with an unknown part has no
result, so that every result is text spelled out in the source.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Final

from wheelfix.model.base import Struct, replace
from wheelfix.pysource.scope import Bound, Module, Scope

_MAX_VALUES: Final = 256
_MAX_TEXT: Final = 512
_MAX_STEPS: Final = 500_000
"""Strings composed for one module: about a second's work. Real modules need some hundreds."""
_MAX_MEANINGS: Final = 16
_NONE: Final[list[Bound]] = []
_PASSED_ON: Final = frozenset(
    {"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter", "next", "str", "enumerate", "filter"}
)
_SAME_TEXT: Final = frozenset({"encode", "decode", "strip", "copy", "items", "values", "pop"})
_PLACEHOLDER: Final = re.compile(r"%[sd]|\{\d*\}")


Place = tuple[int, int, int, int]


class Value(Struct, kw_only=False):
    """A string an expression may be.

    Attributes:
        line: line of its first constant part.
        statement: number of the simple statement that holds this part.
        function: if set, the value is not a string but the function of this dotted name.
        caller: number of the use in the module that passed it, or a part of it, as an argument; the first one
            if it was passed several times.
        place: of the constant that is the whole of it, as ``ast`` has it: ``lineno``, ``col_offset``
            (in bytes of UTF-8), ``end_lineno``, ``end_col_offset``; None if it is composed.
    """

    text: str
    line: int
    statement: int
    function: bool = False
    caller: int | None = None
    place: Place | None = None


def find_place(expr: ast.expr) -> Place:
    """Return where an expression stands, as :attr:`Value.place`."""
    return expr.lineno, expr.col_offset, expr.end_lineno or expr.lineno, expr.end_col_offset or 0


class TooComplexError(Exception):
    """A module exceeds the limit of evaluation steps."""


class Evaluator:
    """Evaluates expressions of one module.

    Args:
        module: the module; calls between its own functions are linked here.
        known: dotted names of functions that are followed as values.
    """

    def __init__(self, module: Module, known: frozenset[str]) -> None:
        self._module = module
        self._known = known
        self._done: dict[tuple[int, int], tuple[Value, ...]] = {}
        self._lists: dict[int, tuple[Value, ...]] = {}
        self._sequences: dict[int, bool] = {}
        self._steps = 0
        for number, use in enumerate(module.uses):
            if isinstance(use.node, ast.Call) and (called := module.find_function(use.node.func, use.scope)):
                _bind_arguments(called, use.node, use.scope, number)

    def values(self, expr: ast.expr, scope: Scope) -> tuple[Value, ...]:
        """Return all strings ``expr`` may be, in source order; empty if none is known.

        Raises:
            TooComplexError: the limit of steps is exceeded.
        """
        key = id(expr), id(scope)
        if key not in self._done:
            self._done[key] = ()  # a value that depends on itself adds nothing
            self._done[key] = self._limit(self._evaluate(expr, scope))
        return self._done[key]

    def _evaluate(self, expr: ast.expr, scope: Scope) -> Iterable[Value]:  # noqa: C901 - one case per kind of node
        match expr:
            case ast.Constant(value=str() | bytes() | int() as value) if not isinstance(value, bool):
                return [self._constant(expr, value)]
            case ast.Name() | ast.Attribute():
                return self._name(expr, scope)
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                return self._union(items, scope)
            case ast.Dict(keys=keys, values=items):
                return self._union([*filter(None, keys), *items], scope)
            case ast.BoolOp(values=items):
                return self._union(items, scope)
            case ast.IfExp():
                return self._union(self._module.branches(expr, scope), scope)
            case ast.Starred(value=inner) | ast.Subscript(value=inner) | ast.NamedExpr(value=inner):
                return self.values(inner, scope)
            case ast.ListComp(elt=inner) | ast.GeneratorExp(elt=inner) | ast.SetComp(elt=inner):
                return self.values(inner, scope)
            case ast.JoinedStr(values=parts):
                inner_parts = [p.value if isinstance(p, ast.FormattedValue) else p for p in parts]
                return self._join([self.values(p, scope) for p in inner_parts])
            case ast.BinOp(op=ast.Add()):
                return self._add(expr, scope)
            case ast.BinOp(left=template, op=ast.Mod(), right=value):
                parts = value.elts if isinstance(value, ast.Tuple) else [value]
                return self._format(template, parts, scope)
            case ast.Call():
                return self._call(expr, scope)
        return ()

    def _constant(self, expr: ast.Constant, value: str | bytes | int) -> Value:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if isinstance(text, int):
            # Integers of thousands of digits are valid in hexadecimal, and cannot be printed in decimal.
            text = str(text) if abs(text) < 1 << 32 else ""
        statement = self._module.statements.get(id(expr), -expr.lineno)
        return Value(text[:_MAX_TEXT], expr.lineno, statement, place=find_place(expr))

    def _union(self, items: Iterable[ast.expr], scope: Scope) -> Iterable[Value]:
        return (value for item in items for value in self.values(item, scope))

    def _bound(self, bound: list[Bound]) -> Iterable[Value]:
        key = id(bound)
        if key not in self._lists:
            self._lists[key] = ()
            self._lists[key] = self._limit(
                _mark(v, b.caller) for b in bound for v in self.values(b.expr, b.scope)
            )
        return self._lists[key]

    def _name(self, expr: ast.Name | ast.Attribute, scope: Scope) -> Iterable[Value]:
        bound = list(self._bound(scope.find(expr.id))) if isinstance(expr, ast.Name) else []
        if (full := self._module.dotted(expr, scope)) and full in self._known:
            return [Value(full, expr.lineno, 0, function=True), *bound]
        if bound:
            return bound
        if isinstance(expr, ast.Attribute):
            if isinstance(expr.value, ast.Name) and (owner := self._module.find_class(expr.value, scope)):
                return self._bound(owner.bindings.get(expr.attr, _NONE))
            base = [v for v in self.values(expr.value, scope) if v.function]
            names = [f"{v.text}.{expr.attr}" for v in base]
            return [Value(name, expr.lineno, 0, function=True) for name in names if name in self._known]
        return ()

    def _add(self, expr: ast.BinOp, scope: Scope) -> Iterable[Value]:
        sides = (expr.left, expr.right)
        if any(self._is_sequence(side, scope) for side in sides):
            return self._union(sides, scope)
        return self._join([self.values(side, scope) for side in sides])

    def _is_sequence(self, expr: ast.expr, scope: Scope) -> bool:
        """Whether ``+`` on it concatenates lists and not text."""
        if id(expr) not in self._sequences:
            self._sequences[id(expr)] = False
            self._sequences[id(expr)] = self._find_sequence(expr, scope)
        return self._sequences[id(expr)]

    def _find_sequence(self, expr: ast.expr, scope: Scope) -> bool:
        match expr:
            case ast.List() | ast.Tuple() | ast.ListComp():
                return True
            case ast.Call(func=ast.Name(id="list" | "tuple" | "sorted")):
                return True
            case ast.Call(func=func) if called := self._module.find_function(func, scope):
                bound = called.results
            case ast.Name(id=name):
                bound = scope.find(name)
            case ast.IfExp(body=left, orelse=right) | ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._is_sequence(left, scope) or self._is_sequence(right, scope)
            case _:
                return False
        return any(self._is_sequence(b.expr, b.scope) for b in bound[:_MAX_MEANINGS])

    def _limit(self, values: Iterable[Value | None]) -> tuple[Value, ...]:
        found: dict[Value, None] = {}
        for value in values:
            self._steps += 1
            if self._steps > _MAX_STEPS:
                raise TooComplexError
            if value:
                found[value] = None
            if len(found) >= _MAX_VALUES:
                break
        return tuple(found)

    def _join(
        self, parts: list[tuple[Value, ...]], glue: Callable[[str, str], str] = str.__add__
    ) -> Iterable[Value]:
        """Return every combination of the parts; none if a part is unknown."""
        if not parts:
            return ()
        return reduce(lambda left, right: self._limit(_combine(left, right, glue)), parts)

    def _format(self, template: ast.expr, parts: list[ast.expr], scope: Scope) -> Iterable[Value]:
        """Evaluate ``"lib%s.so" % x`` and ``"lib{}.so".format(x)``, with plain placeholders in order only."""
        given = [self.values(part, scope) for part in parts]
        for pattern in self.values(template, scope):
            texts = _PLACEHOLDER.split(pattern.text)
            if len(texts) != len(given) + 1 or pattern.function:
                continue
            pieces: list[tuple[Value, ...]] = [(replace(pattern, text=texts[0]),)]
            for value, text in zip(given, texts[1:], strict=True):
                pieces += [value, (replace(pattern, text=text),)]
            yield from self._join(pieces)

    def _call(self, node: ast.Call, scope: Scope) -> Iterable[Value]:
        if called := self._module.find_function(node.func, scope):
            return self._bound(called.results)
        full = self._module.dotted(node.func, scope)
        if full in {"os.path.join", "posixpath.join"}:
            return self._join([self.values(arg, scope) for arg in node.args], posixpath.join)
        if full in {"os.getenv", "os.environ.get"}:
            return self._union(node.args[1:], scope)
        match node:
            case ast.Call(func=ast.Name(id=name), args=args) if name in _PASSED_ON:
                return self._union(args, scope)
            case ast.Call(func=ast.Attribute(value=base, attr="format"), args=args, keywords=[]):
                return self._format(base, args, scope)
            case ast.Call(func=ast.Attribute(value=base, attr="get"), args=[_, *default]):
                return self._union([base, *default], scope)
            case ast.Call(func=ast.Attribute(value=base, attr="split"), args=[], keywords=[]):
                return (
                    replace(v, text=word, place=None)
                    for v in self.values(base, scope)
                    for word in v.text.split()
                )
            case ast.Call(func=ast.Attribute(value=base, attr=name)) if name in _SAME_TEXT:
                return self.values(base, scope)
        return ()


def _combine(
    left: Iterable[Value], right: Iterable[Value], glue: Callable[[str, str], str]
) -> Iterable[Value | None]:
    for a in left:
        for b in right:
            fits = not a.function and not b.function and len(a.text) + len(b.text) <= _MAX_TEXT
            caller = b.caller if a.caller is None else a.caller
            yield (
                replace(a if a.text else b, text=glue(a.text, b.text), caller=caller, place=None)
                if fits
                else None
            )


def _mark(value: Value, caller: int | None) -> Value:
    return value if caller is None or value.caller is not None else replace(value, caller=caller)


def _bind_arguments(called: Scope, call: ast.Call, scope: Scope, caller: int) -> None:
    """Bind the arguments of a call to the parameters of the called function."""
    args = called.arguments
    if args is None:
        return
    names = [a.arg for a in (*args.posonlyargs, *args.args)]
    if called.owner and names[:1] in (["self"], ["cls"]):
        names = names[1:]
    for at, arg in enumerate(call.args):
        if isinstance(arg, ast.Starred):  # later positions are unknown: any parameter is possible
            for name in names[at:]:
                called.bind(name, arg.value, scope, caller)
        if at < len(names):
            called.bind(names[at], arg, scope, caller)
        elif args.vararg:
            called.bind(args.vararg.arg, arg, scope, caller)
    known = {*names, *(a.arg for a in args.kwonlyargs)}
    for keyword in call.keywords:
        if keyword.arg and keyword.arg in known:
            called.bind(keyword.arg, keyword.value, scope, caller)
