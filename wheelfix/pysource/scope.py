"""Collects names and calls of one Python module, for the code that Linux runs; nothing is executed.

The walk leaves out branches that platform tests exclude, and records for every scope what its names may be
bound to, without order: an over-approximation, which suits a search for strings.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wheelfix.model.base import Struct
from wheelfix.pysource.platform import decide, evaluate


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class or function body.

    Attributes:
        parent: scope where names are looked up next; None for the module.
        owner: the class a method belongs to.
        bindings: expressions that each name may stand for, with the scope to evaluate them in.
        functions: functions defined here.
        classes: class bodies defined here.
        results: values that a function returns or yields.
        arguments: the parameters, for a function.
        outer: names declared ``global`` or ``nonlocal``, with the scope they belong to.
        last_raise: line of the last statement that may leave the function by an exception.
    """

    parent: Scope | None = None
    owner: Scope | None = None
    is_class: bool = False
    bindings: dict[str, list[Bound]] = field(default_factory=dict)
    functions: dict[str, Scope] = field(default_factory=dict)
    classes: dict[str, Scope] = field(default_factory=dict)
    results: list[Bound] = field(default_factory=list)
    arguments: ast.arguments | None = None
    outer: dict[str, Scope] = field(default_factory=dict)
    last_raise: int = 0

    def bind(self, name: str, expr: ast.expr, scope: Scope, caller: int | None = None) -> None:
        """Record one more meaning of a name.

        Args:
            name: the name.
            expr: what it stands for.
            scope: where the names of ``expr`` are looked up.
            caller: for a parameter, the number of the use in the module that passes it.
        """
        self.outer.get(name, self).bindings.setdefault(name, []).append(Bound(expr, scope, caller))

    def chain(self) -> Iterator[Scope]:
        """Yield this scope and the outer ones for lookups; methods do not see the class body."""
        scope: Scope | None = self
        while scope:
            if scope is self or not scope.is_class:
                yield scope
            scope = scope.parent

    def find(self, name: str) -> list[Bound]:
        """Return what a name may stand for here; empty if it is unknown or a builtin."""
        return next((s.bindings[name] for s in self.chain() if name in s.bindings), [])


class Bound(Struct, kw_only=False, eq=False):
    """An expression and the scope its names belong to.

    Attributes:
        caller: number of the use in the module that passes it as an argument, or None.
    """

    expr: ast.expr
    scope: Scope
    caller: int | None = None


class Guard(Struct, kw_only=False, eq=False):
    """A ``try`` or ``with suppress`` around statements, inside one function.

    Attributes:
        caught: last names of the exceptions that it catches; empty for all.
    """

    caught: frozenset[str]


class Use(Struct, kw_only=False, eq=False):
    """A call or subscript that Linux may run.

    Attributes:
        guards: statements that would catch an exception raised by it.
        handles: the ``try`` statements in whose handlers it stands.
    """

    node: ast.Call | ast.Subscript
    scope: Scope
    guards: frozenset[Guard] = frozenset()
    handles: frozenset[Guard] = frozenset()


class Module:
    """The scopes of a parsed module.

    Attributes:
        root: the module's own scope.
        uses: every call and subscript, in source order.
        statements: number of the simple statement a string constant stands in, by ``id`` of its node.
        tree: the parsed source.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.root = Scope()
        self.uses: list[Use] = []
        self.statements: dict[int, int] = {}
        self._imports: dict[str, str] = {}
        self._count = 0
        self._guards: frozenset[Guard] = frozenset()
        self._handles: frozenset[Guard] = frozenset()
        self.tree = tree  # keeps the nodes alive, as their ids are keys
        for node in _walk_statements(tree):
            self._import(node)
        self._visit_all(tree.body, self.root)

    def dotted(self, expr: ast.expr, scope: Scope) -> str | None:
        """Return the full name an expression was imported under (``ctypes.util.find_library``), or None.

        A parameter or local variable hides an import; a second binding in the module's own scope does not,
        because optional imports are written that way.
        """
        parts: list[str] = []
        while isinstance(expr, ast.Attribute):
            parts.append(expr.attr)
            expr = expr.value
        if not isinstance(expr, ast.Name) or expr.id not in self._imports:
            return None
        if any(expr.id in s.bindings for s in scope.chain() if s.parent):
            return None
        return ".".join([self._imports[expr.id], *reversed(parts)])

    def find_function(self, func: ast.expr, scope: Scope) -> Scope | None:
        """Return the function of this module that an expression names, or None."""
        match func:
            case ast.Name(id=name):
                for place in scope.chain():
                    if name in place.functions:
                        return place.functions[name]
                    if name in place.classes:
                        return place.classes[name].functions.get("__init__")
            case ast.Attribute(value=ast.Name() as base, attr=name):
                if owner := self.find_class(base, scope):
                    return owner.functions.get(name)
        return None

    def find_class(self, base: ast.Name, scope: Scope) -> Scope | None:
        """Return the class that ``self``, ``cls`` or a class name stands for, or None."""
        if base.id in {"self", "cls"}:
            return next((s.owner for s in scope.chain() if s.owner), None)
        return next((s.classes[base.id] for s in scope.chain() if base.id in s.classes), None)

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                self._imports[alias.asname or name] = name
        elif isinstance(node, ast.ImportFrom):
            package = "." * node.level + (node.module or "")
            for alias in node.names:
                names = ("CDLL", "PyDLL", "cdll", "pydll") if alias.name == "*" else (alias.name,)
                if alias.name != "*" or package == "ctypes":
                    self._imports |= {alias.asname or n: f"{package}.{n}" for n in names}

    def _visit_all(self, nodes: list[ast.stmt], scope: Scope) -> None:
        for node in nodes:
            self._visit(node, scope)

    def _visit(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, ast.stmt):
            self._count += 1
        match node:
            case ast.Name() | ast.expr_context() | ast.operator():
                return
            case ast.Constant():
                self.statements[id(node)] = self._count
            case ast.If(test=test, body=body, orelse=orelse):
                self._visit(test, scope)
                decided = self._decide(test, scope)
                self._visit_all(body if decided is not False else [], scope)
                self._visit_all(orelse if decided is not True else [], scope)
            case ast.IfExp():
                self._visit(node.test, scope)
                for branch in self.branches(node, scope):
                    self._visit(branch, scope)
            case ast.Match():
                self._visit_match(node, scope)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                self._visit_function(node, scope)
            case ast.Try() | ast.TryStar() | ast.With() | ast.AsyncWith():
                self._visit_guarded(node, scope)
            case ast.ClassDef(name=name):
                inner = scope.classes.setdefault(name, Scope(scope, is_class=True))
                self._visit_all(node.body, inner)
            case _:
                self._note(node, scope)
                for child in ast.iter_child_nodes(node):
                    self._visit(child, scope)

    def branches(self, node: ast.IfExp, scope: Scope) -> list[ast.expr]:
        """Return the branches of a conditional expression that may run on Linux."""
        decided = self._decide(node.test, scope)
        return ([node.body] if decided is not False else []) + ([node.orelse] if decided is not True else [])

    def _decide(self, test: ast.expr, scope: Scope) -> bool | None:
        return decide(test, lambda e: self.dotted(e, scope), lambda name: _only(scope.find(name)))

    def _visit_match(self, node: ast.Match, scope: Scope) -> None:
        self._visit(node.subject, scope)
        subject = evaluate(
            node.subject, lambda e: self.dotted(e, scope), lambda name: _only(scope.find(name))
        )
        for case in node.cases:
            wanted = [v.value for v in ast.walk(case.pattern) if isinstance(v, ast.Constant)]
            if isinstance(subject, str) and wanted and subject not in wanted:
                continue
            self._visit_all(case.body, scope)

    def _visit_guarded(self, node: ast.Try | ast.TryStar | ast.With | ast.AsyncWith, scope: Scope) -> None:
        guards, handles = self._guards, self._handles
        if isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                self._visit(item, scope)
                match item.context_expr:
                    case ast.Call(func=func, args=args) if self.dotted(func, scope) == "contextlib.suppress":
                        self._guards |= {Guard(_name_caught(ast.Tuple(args)))}
            self._visit_all(node.body, scope)
            self._guards = guards
            return
        names = [_name_caught(handler.type) for handler in node.handlers]
        guard = Guard(frozenset[str]().union(*names) if all(names) else frozenset())
        self._guards = guards | {guard} if node.handlers else guards
        self._visit_all(node.body, scope)
        self._guards = guards
        self._handles = handles | {guard}
        for handler in node.handlers:
            self._visit(handler, scope)
        self._handles = handles
        self._visit_all([*node.orelse, *node.finalbody], scope)

    def _visit_function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope
    ) -> None:
        body = Scope(scope, owner=scope if scope.is_class else None, arguments=node.args)
        args = node.args
        positional = [*args.posonlyargs, *args.args]
        defaults = [
            *zip(positional[len(positional) - len(args.defaults) :], args.defaults, strict=True),
            *((a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d),
        ]
        for arg in [*positional, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]:
            body.bindings[arg.arg] = []  # a parameter hides an outer name
        for arg, default in defaults:
            self._visit(default, scope)
            body.bind(arg.arg, default, scope)
        if isinstance(node, ast.Lambda):
            body.results.append(Bound(node.body, body))
            self._visit_body([node.body], body)
            return
        for decorator in node.decorator_list:
            self._visit(decorator, scope)
        scope.functions[node.name] = body
        self._visit_body(node.body, body)

    def _visit_body(self, nodes: Sequence[ast.AST], scope: Scope) -> None:
        """Visit a body that runs later than its definition: statements around it catch nothing."""
        guards, handles = self._guards, self._handles
        self._guards = self._handles = frozenset()
        for node in nodes:
            self._visit(node, scope)
        self._guards, self._handles = guards, handles

    def _note(self, node: ast.AST, scope: Scope) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, value, scope)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
            ):
                self._bind(target, value, scope)
            case (
                ast.For(target=target, iter=value)
                | ast.AsyncFor(target=target, iter=value)
                | ast.comprehension(target=target, iter=value)
            ):
                self._bind_elements(target, value, scope)
            case (
                ast.Return(value=ast.expr() as value)
                | ast.Yield(value=ast.expr() as value)
                | ast.YieldFrom(value=value)
            ):
                scope.results.append(Bound(value, scope))
            case ast.Raise(lineno=line) | ast.Assert(lineno=line):
                scope.last_raise = max(scope.last_raise, line)
            case ast.Global(names=names):
                scope.outer |= dict.fromkeys(names, self.root)
            case ast.Nonlocal(names=names):
                scope.outer |= dict.fromkeys(names, scope.parent or self.root)
            case ast.Subscript(ctx=ast.Load()):
                self.uses.append(Use(node, scope, self._guards, self._handles))
            case ast.Call(func=func, args=args):
                self.uses.append(Use(node, scope, self._guards, self._handles))
                self._note_call(func, args, scope)

    def _note_call(self, func: ast.expr, args: list[ast.expr], scope: Scope) -> None:
        match func:
            case ast.Attribute(value=base, attr="append" | "extend" | "insert" | "add" | "update"):
                for arg in args:
                    self._bind(base, arg, scope)
            case ast.Name(id="exit" | "quit") | ast.Attribute(attr="exit" | "_exit"):
                scope.last_raise = max(scope.last_raise, func.lineno)

    def _bind_elements(self, target: ast.expr, value: ast.expr, scope: Scope) -> None:
        """Bind a loop's target: to the elements of a literal, or to some part of any other value."""
        spelled = value.elts if isinstance(value, ast.Tuple | ast.List | ast.Set) else None
        for element in [ast.Starred(value=value)] if spelled is None else spelled:
            self._bind(target, element, scope)

    def _bind(self, target: ast.expr, value: ast.expr, scope: Scope) -> None:
        match target:
            case ast.Name(id=name):
                scope.bind(name, value, scope)
            case ast.Attribute(value=ast.Name() as base, attr=name):
                if owner := self.find_class(base, scope):
                    owner.bind(name, value, scope)
            case ast.Starred(value=inner):
                self._bind(inner, value, scope)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
                pairs = values if len(values) == len(items) else [value] * len(items)
                for item, part in zip(items, pairs, strict=True):
                    self._bind(item, part, scope)


def _name_caught(expr: ast.expr | None) -> frozenset[str]:
    """Return last names of the exceptions of a handler: "" for an unnamed one, none for a bare ``except``."""
    match expr:
        case None:
            return frozenset()
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return frozenset({name})
        case ast.Tuple(elts=items):
            return frozenset({""}).union(*map(_name_caught, items))
    return frozenset({""})


def _only(bound: list[Bound]) -> ast.expr | None:
    return bound[0].expr if len(bound) == 1 else None


def _walk_statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all statements, without order; expressions, ten times as many, are left out."""
    left = [node]
    while left:
        node = left.pop()
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, part, None)
            if isinstance(inner, list):
                left += inner
