"""Evaluates expressions of Python modules to the strings they may be, from constants alone.

Results are sets of strings, without order or structure: a tuple stands for its elements, a parameter for what
all callers pass, a variable for everything it is ever bound to. An expression with an unknown part has no
result, so that every result is text spelled out in the source.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Final

from wheelfix.model.base import Struct, replace
from wheelfix.pysource.program import Library, Program
from wheelfix.pysource.scope import Bound, Module, Scope, name_last

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
_SAME_TEXT: Final = frozenset({"encode", "decode", "strip", "copy", "keys", "as_posix"})
_CASES: Final[Mapping[str, Callable[[str], str]]] = {"lower": str.lower, "upper": str.upper}
_MAX_ELEMENTS: Final = 64
"""Elements of a list whose order counts."""
_MAX_NUMBERS: Final = 8
"""Turns of a range that are names; PyOpenGL tries ten versions of each library that it finds by its name."""
_PERCENT: Final = re.compile(r"%(?:\((\w+)\))?[sdi]")
_BRACES: Final = re.compile(r"\{(\w*)(?:!s)?(?::[sd]?)?\}")

_Row = list[tuple["Value", ...]]
"""The values that each element of one list may have, in order."""


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
        self._rows: dict[tuple[int, int, bool, bool], list[_Row] | None] = {}
        self._linked: set[tuple[int, int]] = set()
        self._steps = 0
        self.link()

    def link(self) -> None:
        """Bind arguments of all calls to the parameters they are passed to, and forget former values."""
        self._done.clear()
        self._lists.clear()
        self._sequences.clear()
        self._taken.clear()
        self._rows.clear()
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
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value) as number):
                return [self._constant(number, -value, scope.module)]
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
            case ast.Subscript(value=inner, slice=ast.Constant(value=int() as at)) if (
                # The first of several names that a function got is tried once more, for the error of all.
                not _is_parameter(inner, scope)
                and (rows := self._find_rows(inner, scope))
                and all(-len(row) <= at < len(row) for row in rows)
            ):
                return [value for row in rows for value in row[at]]
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
            case ast.BinOp(left=left, op=ast.Div(), right=right):  # of pathlib: a number names no library
                return self._join([self.values(left, scope), self.values(right, scope)], posixpath.join)
            case ast.BinOp(left=template, op=ast.Mod(), right=value):
                rows = self._find_rows(value, scope) or [[self.values(value, scope)]]
                return self._format(template, _PERCENT, rows, self._find_named(value, scope), scope)
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
        if found := list(self._members(expr, scope)):
            return found
        return self._bound(module.find_bound(expr, scope, load=self.load))

    def _members(self, expr: ast.expr, scope: Scope) -> Iterable[Value]:
        """Evaluate an Enum, over which a loop goes: its members stand for their values."""
        owner = scope.module.find_class(expr, scope, load=self.load)
        if owner and any(name_last(base).endswith("Enum") for base in owner.bases):
            for bound in owner.bindings.values():
                yield from self._bound(bound)

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

    def _format(
        self,
        template: ast.expr,
        placeholder: re.Pattern[str],
        rows: Iterable[_Row],
        named: Mapping[str, tuple[Value, ...]],
        scope: Scope,
    ) -> Iterable[Value]:
        """Put values in the place of the plain placeholders of a text.

        Args:
            template: the text.
            placeholder: what a placeholder looks like; its group is the name or the number of a value.
            rows: the values that are given in order, once for each list of them.
            named: those that are given by name.
            scope: where the text stands.
        """
        for pattern in self.values(template, scope):
            texts = placeholder.split(pattern.text)
            if pattern.function or len(texts) == 1 or re.search(r"[{}]|%\S", "".join(texts[::2])):
                continue
            for row in rows:
                given = _choose_values(texts[1::2], row, named)
                if given is None:
                    continue
                pieces: list[tuple[Value, ...]] = [(replace(pattern, text=texts[0]),)]
                for value, text in zip(given, texts[2::2], strict=True):
                    pieces += [value, (replace(pattern, text=text),)]
                yield from self._join(pieces)

    def _find_named(self, expr: ast.expr, scope: Scope) -> Mapping[str, tuple[Value, ...]]:
        """Return the values of a dictionary that is spelled out, by its keys."""
        bound = [] if isinstance(expr, ast.Dict) else self._find_bound(expr, scope)
        expr, scope = (bound[0].expr, bound[0].scope) if len(bound) == 1 else (expr, scope)
        if not isinstance(expr, ast.Dict):
            return {}
        pairs = zip(expr.keys, expr.values, strict=True)
        return {str(k.value): self.values(v, scope) for k, v in pairs if isinstance(k, ast.Constant)}

    def _find_rows(self, expr: ast.expr, scope: Scope) -> list[_Row] | None:
        """Return the lists that an expression may be, element by element; None if one is not known."""
        key = id(expr), id(scope), self.load, self.record
        if key not in self._rows:
            self._rows[key] = None  # a list that depends on itself is not known
            self._rows[key] = _limit_rows(self._list_rows(expr, scope))
        return self._rows[key]

    def _list_rows(self, expr: ast.expr, scope: Scope) -> list[_Row] | None:
        match expr:
            case ast.Tuple(elts=items) | ast.List(elts=items):
                rows: list[_Row] | None = [[]]
                for item in items[: _MAX_ELEMENTS + 1]:
                    more: list[_Row] | None = [[self.values(item, scope)]]
                    if isinstance(item, ast.Starred):
                        more = self._find_rows(item.value, scope)
                    rows = _limit_rows(_cross(rows, more))
                return rows
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _cross(self._find_rows(left, scope), self._find_rows(right, scope))
            case ast.Starred(value=inner):  # what a loop gives to its target
                return self._find_turns(inner, scope)
            case (
                ast.Call(func=ast.Name(id="list" | "tuple"), args=[inner])
                | ast.Call(func=ast.Name(id="map"), args=[ast.Name(id="str"), inner])
            ):
                return self._find_rows(inner, scope)
            case ast.Name() | ast.Attribute() if name_last(expr) not in scope.module.grown:
                return self._list_bound_rows(expr, scope)
        return None

    def _list_bound_rows(self, expr: ast.Name | ast.Attribute, scope: Scope) -> list[_Row] | None:
        """Return the lists that a variable or an attribute may be, as :meth:`_find_rows`."""
        bound = self._find_bound(expr, scope)
        place = scope.find_place(expr.id) if isinstance(expr, ast.Name) else None
        if place and place.arguments and (rest := place.arguments.vararg) and rest.arg == name_last(expr):
            calls: dict[int | None, list[Bound]] = {}
            for one in bound:
                calls.setdefault(one.caller, []).append(one)
            given = calls.values()
            return [[tuple(_mark(v, b) for v in self.values(b.expr, b.scope)) for b in row] for row in given]
        found: list[_Row] = []
        for one in bound:
            is_grown = name_last(expr) in one.scope.module.grown
            rows = None if is_grown else self._find_rows(one.expr, one.scope)
            if not rows:
                return None
            found += [[tuple(_mark(v, one) for v in element) for element in row] for row in rows]
        return found or None

    def _find_turns(self, expr: ast.expr, scope: Scope) -> list[_Row] | None:
        """Return the lists that a loop gives to its target in turn; None if one of them is not known."""
        match expr:
            case ast.Tuple(elts=items) | ast.List(elts=items):
                rows = [self._find_rows(item, scope) for item in items[:_MAX_VALUES]]
                return [row for found in rows for row in found or ()] if all(rows) else None
            case ast.Call(func=func, args=args, keywords=keywords) if (
                scope.module.dotted(func, scope) == "itertools.product"
            ):
                columns = [self._find_elements(arg, scope) for arg in args]
                if not all(columns) or any(k.arg != "repeat" for k in keywords):
                    return None
                times = [v.text for k in keywords for v in self.values(k.value, scope)] or ["1"]
                if len(times) != 1 or not times[0].isdecimal() or int(times[0]) > _MAX_ELEMENTS:
                    return None
                return [columns * int(times[0])]
            case ast.Call(func=ast.Name(id="list" | "tuple" | "sorted"), args=[inner]):
                return self._find_turns(inner, scope)
            case ast.Call(func=ast.Name(id="zip"), args=args):
                lists = [self._find_rows(arg, scope) for arg in args]
                if not lists or any(one is None or len(one) != 1 for one in lists):
                    return None
                return [list(turn) for turn in zip(*(one[0] for one in lists if one), strict=False)]
            case ast.Name() | ast.Attribute() if len(bound := self._find_bound(expr, scope)) == 1:
                return self._find_turns(bound[0].expr, bound[0].scope)
        return None

    def _find_elements(self, expr: ast.expr, scope: Scope) -> tuple[Value, ...]:
        """Return what the elements of a list or the letters of a text may be; none if that is not known."""
        if isinstance(expr, ast.Constant) and isinstance(expr.value, str):
            whole = self.values(expr, scope)
            return self._limit(replace(v, text=letter, place=None) for v in whole for letter in v.text)
        rows = self._find_rows(expr, scope)
        if rows and all(all(row) for row in rows):
            return self._limit(value for row in rows for element in row for value in element)
        return self.values(expr, scope) if isinstance(expr, ast.Call | ast.ListComp | ast.Set) else ()

    def _join_rows(self, glue: ast.expr, rows: Iterable[_Row], scope: Scope) -> Iterable[Value]:
        for between in self.values(glue, scope):
            for row in rows:
                pieces = [piece for element in row for piece in ((between,), element)][1:]
                yield from self._join(pieces)

    def _count(self, node: ast.Call, scope: Scope) -> Iterable[Value]:
        """Evaluate the numbers of a ``range`` whose ends are known."""
        ends = [[v.text for v in self.values(arg, scope)] for arg in node.args]
        if not 1 <= len(ends) <= 3 or any(len(e) != 1 or not re.fullmatch(r"-?\d+", e[0]) for e in ends):
            return
        start, stop, step = [0, int(ends[0][0]), 1] if len(ends) == 1 else [*(int(e[0]) for e in ends), 1][:3]
        if step and len(numbers := range(start, stop, step)) <= _MAX_NUMBERS:
            module = scope.module
            for number in numbers:
                yield Value(str(number), node.lineno, -node.lineno, path=module.path)

    def _replace(self, base: ast.expr, old: ast.expr, new: ast.expr, scope: Scope) -> Iterable[Value]:
        for value in self.values(base, scope):
            for before in self.values(old, scope):
                for after in self.values(new, scope):
                    if before.text and len(value.text) * max(1, len(after.text)) <= _MAX_TEXT:
                        yield replace(value, text=value.text.replace(before.text, after.text), place=None)

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
            case ast.Call(func=ast.Attribute(value=base, attr="format"), args=args, keywords=keywords):
                rows = self._list_rows(ast.Tuple(elts=args), scope) or []
                named = {k.arg: self.values(k.value, scope) for k in keywords if k.arg}
                for keyword in keywords:
                    named |= {} if keyword.arg else self._find_named(keyword.value, scope)
                return self._format(base, _BRACES, rows, named, scope)
            case ast.Call(func=ast.Attribute(value=glue, attr="join"), args=[parts]):
                return self._join_rows(glue, self._find_rows(parts, scope) or [], scope)
            case ast.Call(func=ast.Name(id="range"), keywords=[]):
                return self._count(node, scope)
            case ast.Call(func=ast.Name(id="map"), args=[ast.Attribute(value=text, attr=attr), items]) if (
                attr in {"join", "format"}
            ):
                if attr == "join":
                    return self._join_rows(text, self._find_turns(items, scope) or [], scope)
                return self._format(text, _BRACES, [[self.values(items, scope)]], {}, scope)
            case ast.Call(func=ast.Name(id="getattr"), args=[holder, wanted, *_]):
                full = scope.module.dotted(holder, scope)
                names = [f"{full}.{value.text}" for value in self.values(wanted, scope)]
                return [Value(n, node.lineno, 0, function=True) for n in names if n in self._known]
            case ast.Call(func=ast.Attribute(value=base, attr=attr), args=[]) if attr in _CASES:
                return (replace(v, text=_CASES[attr](v.text), place=None) for v in self.values(base, scope))
            case ast.Call(func=ast.Attribute(value=base, attr="replace"), args=[old, new]):
                return self._replace(base, old, new, scope)
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


def _is_parameter(expr: ast.expr, scope: Scope) -> bool:
    place = scope.find_place(expr.id) if isinstance(expr, ast.Name) else None
    return bool(place and isinstance(expr, ast.Name) and expr.id in place.parameters)


def _limit_rows(rows: list[_Row] | None) -> list[_Row] | None:
    if rows is None or len(rows) > _MAX_VALUES or any(len(row) > _MAX_ELEMENTS for row in rows):
        return None
    return rows


def _cross(left: list[_Row] | None, right: list[_Row] | None) -> list[_Row] | None:
    """Put every list of one behind every one of the other."""
    if left is None or right is None or len(left) * len(right) > _MAX_VALUES:
        return None
    return [[*a, *b] for a in left for b in right]


def _choose_values(
    wanted: Sequence[str | None], row: _Row, named: Mapping[str, tuple[Value, ...]]
) -> list[tuple[Value, ...]] | None:
    """Return the values for placeholders; None if they do not fit, or if it depends on which one is meant.

    Args:
        wanted: the names or numbers in the placeholders; empty for the next in order.
        row: the values in order.
        named: the values that have names.
    """
    found = []
    for at, name in enumerate(wanted):
        number = int(name) if name and name.isdecimal() and len(name) < 3 else at
        values = (
            named.get(name) if name and not name.isdecimal() else row[number] if number < len(row) else None
        )
        if values is None or (len(values) > 1 and name and wanted.count(name) > 1):
            return None
        found.append(values)
    return found if any(wanted) or len(found) == len(row) else None


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
    given = [one for arg in call.args for one in _spell_out(arg)]
    for at, arg in enumerate(given):
        if isinstance(arg, ast.Starred):  # later positions are unknown: any parameter is possible
            for name in names[at:]:
                called.bind(name, arg.value, scope, caller)
        if at < len(names):
            called.bind(names[at], arg, scope, caller)
        elif args.vararg:
            called.bind(args.vararg.arg, arg, scope, caller)
    known = {*names, *(a.arg for a in args.kwonlyargs)}
    for keyword in call.keywords:
        for name, value in _name_arguments(keyword):
            if name in known:
                called.bind(name, value, scope, caller)


def _name_arguments(keyword: ast.keyword) -> Iterator[tuple[str, ast.expr]]:
    """List what a keyword, or a dictionary in its place, gives to parameters."""
    if keyword.arg:
        yield keyword.arg, keyword.value
    elif isinstance(keyword.value, ast.Dict):
        for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value


def _spell_out(arg: ast.expr) -> Iterable[ast.expr]:
    match arg:
        case ast.Starred(value=ast.Tuple(elts=items) | ast.List(elts=items)):
            return items
    return [arg]
