"""Tells whether an expression of a Python source reaches nothing but calls that open libraries.

What is replaced by a path there may be a key, a word of a comparison, or part of another name as well. Only
what is seen to go from the expression into those calls counts, through variables, parameters, attributes,
loops and results of functions of the same file; anything else that takes the value, other than a message or
a test whether there is one, is a no.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from wheelfix.pysource.scope import name_last
from wheelfix.pysource.values import Place, find_place

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Held = tuple[ast.expr, int]
"""An expression, and in how many lists around each other it has the value."""
_MAX_DEPTH: Final = 4
_MAX_STEPS: Final = 50_000
"""Expressions looked at for one source; real ones need some hundreds."""
_SEQUENCES: Final = frozenset({"list", "tuple", "iter", "reversed"})
"""Functions that hand on the elements of what they get."""
_OPENING: Final = frozenset({"CDLL", "PyDLL", "LoadLibrary", "dlopen"})
_TELLING: Final = frozenset(
    {"print", "warn", "debug", "info", "warning", "error", "exception", "critical", "log", "write"}
)
"""Functions that tell people something, and whose results nobody takes."""


class Reach:
    """Follows values through one source.

    Args:
        tree: the source.
        openers: places of the calls, and of indexed loaders, that open libraries.
    """

    def __init__(self, tree: ast.Module, openers: Collection[Place]) -> None:
        self._tree = tree
        self._openers = frozenset(openers)
        self._parents: dict[ast.AST, ast.AST] = {}
        self._names: dict[str, list[ast.Name | ast.Attribute]] = {}
        self._functions: dict[str, list[_Function]] = {}
        self._expressions: dict[Place, ast.expr] = {}
        self._loads: dict[tuple[str, ast.AST, type[ast.expr]], list[ast.expr]] = {}
        self._shared: dict[ast.AST, set[str]] = {}
        self._steps = _MAX_STEPS
        for node in ast.walk(tree):
            for child in ast.iter_child_nodes(node):
                self._parents[child] = node
            if isinstance(node, ast.expr):
                self._expressions.setdefault(find_place(node), node)
            if isinstance(node, ast.Name):
                self._names.setdefault(node.id, []).append(node)
            elif isinstance(node, ast.Attribute):
                self._names.setdefault(node.attr, []).append(node)
            elif isinstance(node, _Function):
                self._functions.setdefault(node.name, []).append(node)

    def is_only_opened(self, place: Place) -> bool:
        """Whether an expression reaches calls that open libraries, and nothing else."""
        node = self._expressions.get(place)
        seen: set[_Held] = set()
        left: list[_Held] = [(node, 0)] if node else []
        opened = False
        while left:
            held = left.pop()
            if held in seen:
                continue
            seen.add(held)
            value, depth = held
            if depth == 0 and self._is_opened(value):
                opened = True
                continue
            if self._is_told(value) or self._is_tested(value):
                continue
            further = self._find_takers(value, depth) if depth < _MAX_DEPTH else None
            self._steps -= 1 + len(further or ())
            if further is None or self._steps < 0:
                return False
            left += further
        return opened

    def _is_opened(self, node: ast.expr) -> bool:
        parent = self._parents[node]
        if isinstance(parent, ast.keyword):
            parent = self._parents[parent]
        if isinstance(parent, ast.Call):
            # Calls in code for other systems are no uses, and open it all the same.
            name = name_last(parent.func)
            named = name in _OPENING and name not in self._functions
            return parent.func is not node and (named or find_place(parent) in self._openers)
        return isinstance(parent, ast.expr) and find_place(parent) in self._openers

    def _is_told(self, node: ast.expr) -> bool:
        """Whether a value only gets into a message."""
        above = self._parents[node]
        match above:
            case ast.FormattedValue() | ast.JoinedStr() | ast.BinOp() | ast.Tuple():
                return self._is_told(above)
            case ast.Call(func=func) if node is not func:
                holder = self._parents[above]
                if isinstance(holder, ast.Raise):
                    return True
                if isinstance(holder, ast.Expr):
                    return name_last(func) in _TELLING
                return name_last(func) in {"format", "str", "repr"} and self._is_told(above)
        return False

    def _is_tested(self, node: ast.expr) -> bool:
        """Whether it is only looked at whether there is a value."""
        above = self._parents[node]
        if isinstance(above, ast.Compare):
            other = [*above.comparators, above.left]
            return all(one is node or (isinstance(one, ast.Constant) and one.value is None) for one in other)
        if isinstance(above, ast.UnaryOp):
            return isinstance(above.op, ast.Not)
        return isinstance(above, ast.If | ast.While | ast.IfExp | ast.Assert) and above.test is node

    def _find_takers(self, node: ast.expr, depth: int) -> Sequence[_Held] | None:  # noqa: C901 - one case per node
        """Return the expressions that have the value next, in one list more or less; None if not known."""
        above = self._parents[node]
        if depth:
            match above:
                case ast.For(target=target, iter=taken) | ast.comprehension(target=target, iter=taken):
                    return _hold(self._find_all([target]), depth - 1) if taken is node else None
                case ast.Subscript(value=value, slice=part) if value is node:
                    return [(above, depth if isinstance(part, ast.Slice) else depth - 1)]
                case ast.Starred() if isinstance(whole := self._parents[above], ast.Tuple | ast.List):
                    return [(whole, depth)]
                case ast.Call(func=ast.Name(id=name), args=[one]) if one is node and name in _SEQUENCES:
                    return [(above, depth)]
        match above:
            case ast.Tuple() | ast.List():
                return [(above, depth + 1)]
            case ast.BoolOp() | ast.IfExp():
                return [(above, depth)]
            case ast.ListComp(elt=made) | ast.GeneratorExp(elt=made):
                return [(above, depth + 1)] if made is node else None
            case ast.NamedExpr(target=ast.Name() as target) if target is not node:
                read = _hold(self._find_loads(target), depth)
                return None if read is None else [(above, depth), *read]
            case ast.Assign(targets=targets):
                return _hold(self._find_all(targets), depth)
            case ast.AnnAssign(target=target):
                return _hold(self._find_all([target]), depth)
            case ast.arguments():
                return _hold(self._find_default(above, node), depth)
            case ast.Return() | ast.YieldFrom():
                return _hold(self._find_results(above), depth)
            case ast.Yield():
                return _hold(self._find_results(above), depth + 1)
            case ast.keyword(arg=str() as name) if isinstance(call := self._parents[above], ast.Call):
                return self._find_argument(call, name, depth)
            case ast.Call(args=args) if node in args and not any(isinstance(a, ast.Starred) for a in args):
                if _is_join(above) and node is args[-1] and not depth:
                    return [(above, 0)]  # what stands before an absolute path does not count
                return self._find_argument(above, args.index(node), depth)
        return None

    def _find_all(self, targets: Iterable[ast.expr]) -> list[ast.expr] | None:
        found: list[ast.expr] = []
        for target in targets:
            loads = self._find_loads(target)
            if loads is None:
                return None
            found += loads
        return found

    def _find_loads(self, target: ast.expr) -> list[ast.expr] | None:
        """Return every place where a variable or an attribute is read."""
        scope = self._find_scope(target)
        if isinstance(target, ast.Attribute):
            return self._list_loads(target.attr, self._tree, ast.Attribute)
        if not isinstance(target, ast.Name):
            return None
        name = target.id
        if isinstance(scope, ast.ClassDef):
            return [*self._list_loads(name, self._tree, ast.Attribute), *self._list_loads(name, scope)]
        if scope not in self._shared:
            kept = (n.names for n in ast.walk(scope) if isinstance(n, ast.Global | ast.Nonlocal))
            self._shared[scope] = {one for names in kept for one in names}
        return self._list_loads(name, self._tree if name in self._shared[scope] else scope)

    def _list_loads(
        self, name: str, scope: ast.AST, kind: type[ast.Name | ast.Attribute] = ast.Name
    ) -> list[ast.expr]:
        key = name, scope, kind
        if key not in self._loads:
            self._loads[key] = [
                node
                for node in self._names.get(name, ())
                if isinstance(node, kind) and isinstance(node.ctx, ast.Load) and self._is_inside(node, scope)
            ]
        return self._loads[key]

    def _is_inside(self, node: ast.AST, scope: ast.AST) -> bool:
        while node is not scope:
            if node not in self._parents:
                return False
            node = self._parents[node]
        return True

    def _find_scope(self, node: ast.AST) -> _Scope:
        while not isinstance(node, _Scope):
            node = self._parents[node]
        return node

    def _find_default(self, arguments: ast.arguments, node: ast.expr) -> list[ast.expr] | None:
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs = [
            *zip(reversed(positional), reversed(arguments.defaults), strict=False),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]
        function = self._parents[arguments]
        return next((self._list_loads(arg.arg, function) for arg, default in pairs if default is node), None)

    def _find_results(self, node: ast.AST) -> list[ast.expr] | None:
        """Return the calls of the function that returns a value."""
        function = self._find_scope(node)
        if not isinstance(function, _Function) or len(self._functions[function.name]) != 1:
            return None
        calls: list[ast.expr] = []
        loads = [self._list_loads(function.name, self._tree, kind) for kind in (ast.Name, ast.Attribute)]
        for use in [one for several in loads for one in several]:
            call = self._parents[use]
            if not isinstance(call, ast.Call) or call.func is not use:
                return None
            calls.append(call)
        return calls or None

    def _find_argument(self, call: ast.Call, which: int | str, depth: int) -> Sequence[_Held] | None:
        """Return where the parameter is read that gets an argument."""
        functions = self._functions.get(name_last(call.func), [])
        if len(functions) != 1:
            return None
        (function,) = functions
        positional = [*function.args.posonlyargs, *function.args.args]
        if isinstance(call.func, ast.Attribute) and positional and positional[0].arg in {"self", "cls"}:
            positional = positional[1:]
        if isinstance(which, str):
            found = [arg for arg in (*positional, *function.args.kwonlyargs) if arg.arg == which]
        elif which >= len(positional) and function.args.vararg:
            found, depth = [function.args.vararg], depth + 1
        else:
            found = positional[which : which + 1]
        return _hold(self._list_loads(found[0].arg, function), depth) if found else None


def _hold(nodes: Iterable[ast.expr] | None, depth: int) -> Sequence[_Held] | None:
    return None if nodes is None else [(node, depth) for node in nodes]


def _is_join(call: ast.Call) -> bool:
    """Whether it is ``os.path.join``, under whatever name of os."""
    match call.func:
        case ast.Attribute(value=ast.Attribute(value=ast.Name(), attr="path"), attr="join"):
            return len(call.args) > 1
    return False
