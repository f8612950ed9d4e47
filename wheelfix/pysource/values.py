"""Evaluates expressions of Python modules to the strings they may be, from constants alone.

Results are sets of strings, without order or structure: a tuple stands for its elements, a parameter for what
all callers pass, a variable for everything it is ever bound to. An expression with an unknown part has no
result, so that every result is text spelled out in the source.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from typing import Final

from wheelfix.model.base import Struct, replace
from wheelfix.pysource.program import Library, Program
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
_SAME_AS_ARGUMENTS: Final = frozenset(
    {
        "itertools.chain",
        "itertools.chain.from_iterable",
        "os.fspath",
        "os.fsencode",
        "os.fsdecode",
        "copy.copy",
    }
)
_JOINED: Final = frozenset({"os.path.join", "posixpath.join", "pathlib.Path", "pathlib.PurePath"})
_SAME_TEXT: Final = frozenset({"encode", "decode", "strip", "copy", "keys"})
_PLACEHOLDER: Final = re.compile(r"%[sd]|\{\d*\}")


Place = tuple[int, int, int, int]


class Value(Struct, kw_only=False):
    """A string an expression may be.

    Attributes:
        line: line of its first constant part.
        statement: number of the simple statement that holds this part.
        function: if set, the value is not a string but the function of this dotted name.
        caller: number of the use that passed it, or a part of it, as an argument; the first one if it was
            passed several times.
        place: of the constant that is the whole of it: first and last line, and the columns in UTF-8 bytes,
            as in ``ast`` (``lineno``, ``col_offset``, ``end_lineno``, ``end_col_offset``); None if it is
            composed.
        path: path of the file with this part.
        row: as in :class:`wheelfix.pysource.scope.Bound`: values of other turns of a loop never meet it.
    """

    text: str
    line: int
    statement: int
    function: bool = False
    caller: int | None = None
    place: Place | None = None
    path: str = ""
    row: tuple[int, int] | None = None


def find_place(expr: ast.expr) -> Place:
    """Return where an expression stands, as :attr:`Value.place`."""
    return expr.lineno, expr.col_offset, expr.end_lineno or expr.lineno, expr.end_col_offset or 0


class TooComplexError(Exception):
    """A module exceeds the limit of evaluation steps."""


class Evaluator:
    """Evaluates expressions of the modules of a program.

    Args:
        program: the modules; calls between their functions are linked by :meth:`link`.
        known: dotted names of functions that are followed as values.
        library: the sources of the distribution, which limit the steps of all evaluations.

    Attributes:
        asked: functions whose parameters, and classes whose attributes, values depend on.
        load: whether a module that was not needed so far is read for a value.
        record: whether ``asked`` grows.
    """

    def __init__(self, program: Program, known: frozenset[str], library: Library) -> None:
        self.asked: dict[Scope, None] = {}
        self.load = self.record = True
        self._program = program
        self._known = known
        self._library = library
        self._done: dict[tuple[int, int, bool, bool], tuple[Value, ...]] = {}
        self._lists: dict[tuple[int, bool, bool], tuple[Value, ...]] = {}
        self._sequences: dict[int, bool] = {}
        self._taken: dict[tuple[tuple[int, ...], bool, bool], tuple[Value, ...]] = {}
        self._linked: set[tuple[int, int]] = set()
        self._steps = 0
        self.link()

    def link(self) -> None:
        """Bind arguments of all calls to the parameters they are passed to, and forget former values."""
        self._done.clear()
        self._lists.clear()
        self._sequences.clear()
        self._taken.clear()
        self._program.link_classes()
        for number, use in enumerate(self._program.uses):
            if isinstance(use.node, ast.Call):
                module = use.scope.module
                self._link(module.find_function(use.node.func, use.scope), use.node, use.scope, number)
                match use.node:
                    case ast.Call(func=ast.Name(id="map"), args=[func, items]):
                        call = ast.Call(func=func, args=[ast.Starred(value=items)], keywords=[])
                        self._link(_find_lambda(func, use.scope), call, use.scope, number)

    def _link(self, called: Scope | None, call: ast.Call, scope: Scope, number: int) -> None:
        if called and (number, id(called)) not in self._linked:
            self._linked.add((number, id(called)))
            _bind_arguments(called, call, scope, number)

    def values(self, expr: ast.expr, scope: Scope) -> tuple[Value, ...]:
        """Return all strings ``expr`` may be, in source order; empty if none is known.

        Raises:
            TooComplexError: the limit of steps is exceeded.
        """
        key = id(expr), id(scope), self.load, self.record
        if key not in self._done:
            self._done[key] = ()  # a value that depends on itself adds nothing
            self._done[key] = self._limit(self._evaluate(expr, scope))
        return self._done[key]

    def _evaluate(self, expr: ast.expr, scope: Scope) -> Iterable[Value]:  # noqa: C901 - one case per kind of node
        match expr:
            case ast.Constant(value=str() | bytes() | int() as value) if not isinstance(value, bool):
                return [self._constant(expr, value, scope.module)]
            case ast.Name() | ast.Attribute():
                return self._name(expr, scope)
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                return self._union(items, scope)
            case ast.Dict(keys=keys):
                return self._union(filter(None, keys), scope)
            case ast.BoolOp(values=items):
                return self._union(items, scope)
            case ast.IfExp():
                return self._union(scope.module.branches(expr, scope), scope)
            case ast.Subscript(value=base, slice=key) if chosen := self._choose(base, key, scope):
                return self.values(*chosen)
            case ast.Subscript(value=inner):
                return self._items(inner, scope)
            case ast.Starred(value=inner) | ast.NamedExpr(value=inner):
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

    def list_base_functions(self, expr: ast.expr, scope: Scope) -> Iterator[str]:
        """List the known functions that a class is derived from: CDLL of ``class Lib(ctypes.CDLL)``."""
        owner = scope.module.find_class(expr, scope) if isinstance(expr, ast.Name | ast.Attribute) else None
        for one in self._program.list_bases(owner) if owner else ():
            for base in one.bases:
                full = one.module.dotted(base, one.parent or one)
                if full in self._known:
                    yield full

    def _items(self, base: ast.expr, scope: Scope) -> Iterable[Value]:
        """Evaluate what an index or a method takes out of a value: of a dictionary, the values alone."""
        if isinstance(base, ast.Dict):
            return self._union([v for v in base.values if not isinstance(v, ast.Dict)], scope)
        bound = self._find_bound(base, scope)
        if not any(isinstance(b.expr, ast.Dict | ast.Name | ast.Attribute | ast.Call) for b in bound):
            return self.values(base, scope)
        key = tuple(id(b.expr) for b in bound[:_MAX_VALUES]), self.load, self.record
        if key not in self._taken:
            self._taken[key] = ()
            self._taken[key] = self._limit(_mark(v, b) for b in bound for v in self._items(b.expr, b.scope))
        return self._taken[key]

    def _find_bound(self, expr: ast.expr, scope: Scope) -> list[Bound]:
        """Return what a variable or an attribute may stand for."""
        module = scope.module
        match expr:
            case ast.Name(id=name) if bound := scope.find(name):
                return bound
            case ast.Attribute(value=base, attr=name) if owner := module.find_owner(
                base, scope, load=self.load
            ):
                lists = self._program.list_attributes(owner, name, load=self.load)
                return [one for bound in lists for one in bound]
            case ast.Name() | ast.Attribute():
                return module.find_bound(expr, scope, load=self.load)
            case ast.Call(func=func) if called := module.find_function(func, scope, load=self.load):
                return called.results
        return []

    def _choose(self, base: ast.expr, key: ast.expr, scope: Scope) -> tuple[ast.expr, Scope] | None:
        """Return the value of a literal dictionary for a key, and its scope; None if that is not known."""
        bound = [] if isinstance(base, ast.Dict) else self._find_bound(base, scope)
        base, where = (bound[0].expr, bound[0].scope) if len(bound) == 1 else (base, scope)
        chosen = scope.module.choose(base, key, scope) if isinstance(base, ast.Dict) else None
        return (chosen, where) if chosen else None

    def _constant(self, expr: ast.Constant, value: str | bytes | int, module: Module) -> Value:
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        if isinstance(text, int):
            # Integers of thousands of digits are valid in hexadecimal, and cannot be printed in decimal.
            text = str(text) if abs(text) < 1 << 32 else ""
        statement = module.statements.get(id(expr), -expr.lineno)
        return Value(text[:_MAX_TEXT], expr.lineno, statement, place=find_place(expr), path=module.path)

    def _union(self, items: Iterable[ast.expr], scope: Scope) -> Iterable[Value]:
        return (value for item in items for value in self.values(item, scope))

    def _bound(self, bound: list[Bound]) -> Iterable[Value]:
        key = id(bound), self.load, self.record
        if key not in self._lists:
            self._lists[key] = ()
            self._lists[key] = self._limit(_mark(v, b) for b in bound for v in self.values(b.expr, b.scope))
        return self._lists[key]

    def _name(self, expr: ast.Name | ast.Attribute, scope: Scope) -> Iterable[Value]:
        module = scope.module
        bound: list[Value] = []
        if isinstance(expr, ast.Name) and (place := scope.find_place(expr.id)):
            if self.record and expr.id in place.parameters:
                self.asked[place] = None
            bound = list(self._bound(place.bindings[expr.id]))
        if (full := module.find_known(expr, scope, load=self.load)) and full in self._known:
            return [Value(full, expr.lineno, 0, function=True), *bound]
        if bound:
            return bound
        if isinstance(expr, ast.Attribute):
            if found := list(self._attribute(expr, scope)):
                return found
            base = [v for v in self.values(expr.value, scope) if v.function]
            names = [f"{v.text}.{expr.attr}" for v in base]
            if known := [Value(n, expr.lineno, 0, function=True) for n in names if n in self._known]:
                return known
        return self._bound(module.find_bound(expr, scope, load=self.load))

    def _attribute(self, expr: ast.Attribute, scope: Scope) -> Iterable[Value]:
        """Evaluate an attribute of a class or of its instances, or the value of a member of an Enum."""
        module = scope.module
        if owner := module.find_owner(expr.value, scope, load=self.load):
            if self.record and isinstance(expr.value, ast.Name) and expr.value.id in {"self", "cls"}:
                self.asked[owner] = None
            method = self._program.find_method(owner, expr.attr, load=self.load)
            if method and method.is_property:
                yield from self._bound(method.results)
            for bound in self._program.list_attributes(owner, expr.attr, load=self.load):
                yield from self._bound(bound)
        elif expr.attr == "value" and isinstance(expr.value, ast.Name | ast.Attribute):
            yield from (v for v in self.values(expr.value, scope) if not v.function)

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
            case ast.Call(func=func) if called := scope.module.find_function(func, scope):
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
            self._library.steps -= 1
            if self._steps > _MAX_STEPS or self._library.steps < 0:
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

    def _is_of_other(self, value: Value, called: Scope, node: ast.Call) -> bool:
        """Whether a result is made of what another call of the function passes to it."""
        if value.caller is None or (value.caller, id(called)) not in self._linked:
            return False
        return self._program.uses[value.caller].node is not node

    def _call(self, node: ast.Call, scope: Scope) -> Iterable[Value]:  # noqa: C901 - one case per function
        if called := scope.module.find_function(node.func, scope, load=self.load):
            return [v for v in self._bound(called.results) if not self._is_of_other(v, called, node)]
        full = scope.module.dotted(node.func, scope)
        if full in _JOINED:
            return self._join([self.values(arg, scope) for arg in node.args], posixpath.join)
        if full in _SAME_AS_ARGUMENTS:
            return self._union(node.args, scope)
        if full in {"os.getenv", "os.environ.get"}:
            return self._union(node.args[1:], scope)
        match node:
            case ast.Call(args=[made]) if full == "functools.partial":
                return tuple(value for value in self.values(made, scope) if value.function)
            case ast.Call(func=ast.Name(id=name), args=args) if name in _PASSED_ON:
                return self._union(args, scope)
            case ast.Call(func=ast.Attribute(value=base, attr="format"), args=args, keywords=[]):
                return self._format(base, args, scope)
            case ast.Call(func=ast.Name(id="map"), args=[func, _]) if mapped := _find_lambda(func, scope):
                return self._bound(mapped.results)
            case ast.Call(func=ast.Attribute(value=base, attr="get"), args=[key, *default]):
                if chosen := self._choose(base, key, scope):
                    return self.values(*chosen)
                return [*self._items(base, scope), *self._union(default, scope)]
            case ast.Call(func=ast.Attribute(value=base, attr="values" | "pop")):
                return self._items(base, scope)
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
            caller, row = b.caller if a.caller is None else a.caller, a.row or b.row
            if a.row and b.row and a.row[0] == b.row[0] and a.row[1] != b.row[1]:
                fits = False
            yield (
                replace(a if a.text else b, text=glue(a.text, b.text), caller=caller, place=None, row=row)
                if fits
                else None
            )


def _mark(value: Value, bound: Bound) -> Value:
    if bound.caller is not None and value.caller is None:
        value = replace(value, caller=bound.caller)
    return replace(value, row=bound.row) if bound.row and not value.row else value


def _find_lambda(func: ast.expr, scope: Scope) -> Scope | None:
    """Return the scope of a function that is passed as an argument, or None."""
    if isinstance(func, ast.Lambda):
        return scope.module.lambdas.get(id(func))
    return scope.module.find_function(func, scope) if isinstance(func, ast.Name) else None


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
