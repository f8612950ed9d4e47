"""Collects names and calls of one Python module, for the code that Linux runs; nothing is executed.

The walk leaves out branches that platform tests exclude, and records for every scope what its names may be
bound to, without order: an over-approximation, which suits a search for strings.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from wheelfix.model.base import Struct
from wheelfix.pysource.platform import OPEN, decide, evaluate

if TYPE_CHECKING:
    from wheelfix.pysource.program import Program

_MAX_PARTS: Final = 16
_MAX_PRIOR: Final = 8


@dataclass(slots=True, eq=False)
class Scope:
    """A module, class or function body.

    Attributes:
        parent: scope where names are looked up next; None for the module.
        module: the module that it is part of.
        name: of the function or class; empty for a module or lambda.
        owner: the class a method belongs to.
        bases: expressions of a class's base classes.
        subclasses: classes that are known to have it as a base class.
        is_property: whether a function is called by naming it as an attribute.
        bindings: expressions that each name may stand for, with the scope to evaluate them in.
        functions: functions defined here.
        classes: class bodies defined here.
        results: values that a function returns or yields.
        arguments: the parameters, for a function.
        parameters: their names.
        outer: names declared ``global`` or ``nonlocal``, with the scope they belong to.
        last_raise: line of the last statement that may leave the function by an exception.
        raised: last names of the exceptions that it raises itself; empty names for unnamed ones.
    """

    parent: Scope | None
    module: Module
    name: str = ""
    owner: Scope | None = None
    is_class: bool = False
    bases: list[ast.expr] = field(default_factory=list)
    subclasses: list[Scope] = field(default_factory=list)
    is_property: bool = False
    bindings: dict[str, list[Bound]] = field(default_factory=dict)
    functions: dict[str, Scope] = field(default_factory=dict)
    classes: dict[str, Scope] = field(default_factory=dict)
    results: list[Bound] = field(default_factory=list)
    arguments: ast.arguments | None = None
    parameters: set[str] = field(default_factory=set)
    outer: dict[str, Scope] = field(default_factory=dict)
    last_raise: int = 0
    raised: set[str] = field(default_factory=set)

    def bind(
        self,
        name: str,
        expr: ast.expr,
        scope: Scope,
        caller: int | None = None,
        row: tuple[int, int] | None = None,
    ) -> None:
        """Record one more meaning of a name.

        Args:
            name: the name.
            expr: what it stands for.
            scope: where the names of ``expr`` are looked up.
            caller: for a parameter, the number of the use that passes it.
            row: as in :class:`Bound`.
        """
        self.outer.get(name, self).bindings.setdefault(name, []).append(Bound(expr, scope, caller, row))

    def chain(self) -> Iterator[Scope]:
        """Yield this scope and the outer ones for lookups; methods do not see the class body."""
        scope: Scope | None = self
        while scope:
            if scope is self or not scope.is_class:
                yield scope
            scope = scope.parent

    def find(self, name: str) -> list[Bound]:
        """Return what a name may stand for here; empty if it is unknown or a builtin."""
        place = self.find_place(name)
        return place.bindings[name] if place else []

    def find_place(self, name: str) -> Scope | None:
        """Return the scope whose name it is, or None."""
        return next((s for s in self.chain() if name in s.bindings), None)


class Bound(Struct, kw_only=False, eq=False):
    """An expression and the scope its names belong to.

    Attributes:
        caller: number of the use that passes it as an argument, or None.
        row: if it is one of several values that a loop gives to its targets together: the loop and the turn.
    """

    expr: ast.expr
    scope: Scope
    caller: int | None = None
    row: tuple[int, int] | None = None


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
        left: whether it stands in a loop that can end before its time: what it is given in turn are
            alternatives.
    """

    node: ast.Call | ast.Subscript
    scope: Scope
    guards: frozenset[Guard] = frozenset()
    handles: frozenset[Guard] = frozenset()
    left: bool = False


class Module:
    """The scopes of a parsed module.

    Args:
        tree: its syntax tree.
        program: the modules that it is looked up with.
        path: path of the file.
        name: its full name, or empty.
        is_package: whether the file is an ``__init__.py``.
        number: a number that no other module of the program has.

    Attributes:
        path: path of the file.
        root: the module's own scope.
        classes: every class in it.
        uses: every call and subscript, in source order.
        first: number of the first use in the program.
        imports: full names of what it imports, by the names it uses for them.
        has_ctypes: whether it imports ctypes.
        stars: modules of which it imports all names.
        statements: number of the simple statement a string constant stands in, by ``id`` of its node.
        lambdas: functions without a name, by ``id`` of their nodes.
        grown: variables and attributes that elements are added to behind their first value.
        tree: the parsed source.
    """

    def __init__(
        self,
        tree: ast.Module,
        program: Program,
        *,
        path: str = "",
        name: str = "",
        is_package: bool = False,
        number: int = 0,
    ) -> None:
        self.path = path
        self.root = Scope(None, self)
        self.classes: list[Scope] = []
        self.uses: list[Use] = []
        self.first = 0
        self.imports: dict[str, str] = {}
        self.stars: list[str] = []
        self.statements: dict[int, int] = {}
        self.lambdas: dict[int, Scope] = {}
        self.grown: set[str] = set()
        self._program = program
        self._package = name.split(".") if is_package else name.split(".")[:-1]
        self._count = number << 32
        self._left = False
        self._guards: frozenset[Guard] = frozenset()
        self._handles: frozenset[Guard] = frozenset()
        self.tree = tree  # keeps the nodes alive, as their ids are keys
        for node in _walk_statements(tree):
            self._import(node)
        self.has_ctypes = any(name.partition(".")[0] == "ctypes" for name in self.imports.values())
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
        if not isinstance(expr, ast.Name) or expr.id not in self.imports:
            return None
        if any(expr.id in s.bindings for s in scope.chain() if s.parent):
            return None
        return ".".join([self.imports[expr.id], *reversed(parts)])

    def find_function(self, func: ast.expr, scope: Scope, *, load: bool = False) -> Scope | None:
        """Return the function that an expression names, in this module or another one, or None.

        Args:
            func: the expression.
            scope: where it stands.
            load: whether modules that were not needed so far are read.
        """
        match func:
            case ast.Name(id=name):
                for place in scope.chain():
                    if name in place.functions:
                        return place.functions[name]
                    if name in place.classes:
                        return self._program.find_method(place.classes[name], "__init__", load=load)
                if isinstance(made := _only(scope.find(name)), ast.Lambda) and id(made) in self.lambdas:
                    return self.lambdas[id(made)]
            case ast.Attribute(value=base, attr=name):
                if owner := self.find_owner(base, scope, load=load):
                    return self._program.find_method(owner, name, load=load)
        return (
            self._program.find(full, load=load).function
            if (full := self._full(func, scope, load=load))
            else None
        )

    def find_owner(self, base: ast.expr, scope: Scope, *, load: bool = False) -> Scope | None:
        """Return the class that an expression stands for, or is an instance of, or None."""
        match base:
            case ast.Name(id="self" | "cls"):
                return next((s.owner for s in scope.chain() if s.owner), None)
            case ast.Call(func=ast.Name(id="super")):
                own = next((s.owner for s in scope.chain() if s.owner), None)
                return next(iter(self._program.list_bases(own, load=load)[1:]), None) if own else None
            case ast.Call(func=ast.Name() | ast.Attribute() as func):
                return self._find_class(func, scope, load=load)
            case ast.Name(id=name):
                if found := self._find_class(base, scope, load=load):
                    return found
                return self._find_made(scope.find(name), load=load)
            case ast.Attribute(value=ast.Name() as inner, attr=name):
                if found := self._find_class(base, scope, load=load):
                    return found
                if owner := self.find_class(inner, scope, load=load):
                    return self._find_made(owner.bindings.get(name, []), load=load)
        return None

    def _find_made(self, bound: list[Bound], *, load: bool) -> Scope | None:
        """Return the class that one of some values is an instance of, or None."""
        for one in bound[:_MAX_PRIOR]:
            if isinstance(one.expr, ast.Call):
                made = one.scope.module.find_class(one.expr.func, one.scope, load=load)
                if made:
                    return made
        return None

    def find_class(self, base: ast.expr, scope: Scope, *, load: bool = False) -> Scope | None:
        """Return the class that ``self``, ``cls`` or the name of a class stands for, or None."""
        if isinstance(base, ast.Name) and base.id in {"self", "cls"}:
            return next((s.owner for s in scope.chain() if s.owner), None)
        return self._find_class(base, scope, load=load)

    def _find_class(self, base: ast.expr, scope: Scope, *, load: bool) -> Scope | None:
        if isinstance(base, ast.Name):
            found = next((s.classes[base.id] for s in scope.chain() if base.id in s.classes), None)
            if found:
                return found
        elif not isinstance(base, ast.Attribute):
            return None
        return (
            self._program.find(full, load=load).owner
            if (full := self._full(base, scope, load=load))
            else None
        )

    def _full(self, expr: ast.expr, scope: Scope, *, load: bool) -> str | None:
        """Return the name of an import or of a module that all names are imported from, or None."""
        if full := self.dotted(expr, scope):
            return full
        if isinstance(expr, ast.Name) and self.stars and not scope.find(expr.id):
            return self._program.find_star(self, expr.id, load=load)
        return None

    def find_bound(self, expr: ast.expr, scope: Scope, *, load: bool) -> list[Bound]:
        """Return what a name of another module may stand for; empty if it is unknown."""
        return (
            self._program.find(full, load=load).bound if (full := self._full(expr, scope, load=load)) else []
        )

    def find_known(self, expr: ast.expr, scope: Scope, *, load: bool) -> str | None:
        """Return the full name an expression was imported under, by whichever module, or None."""
        full = self.dotted(expr, scope)
        return (self._program.find(full, load=load).outside or full) if full else None

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                self.imports[alias.asname or name] = name
        elif isinstance(node, ast.ImportFrom):
            package = self._find_package(node)
            for alias in node.names:
                names = ("CDLL", "PyDLL", "cdll", "pydll") if alias.name == "*" else (alias.name,)
                if alias.name != "*" or package == "ctypes":
                    self.imports |= {alias.asname or n: f"{package}.{n}" for n in names}
                elif len(self.stars) < _MAX_PARTS:
                    self.stars.append(package)

    def _find_package(self, node: ast.ImportFrom) -> str:
        """Return the full name of what a statement imports from, with dots in front if that is unknown."""
        if not node.level or not self._package or len(self._package) < node.level:
            return "." * node.level + (node.module or "")
        above = self._package[: len(self._package) - node.level + 1]
        return ".".join([*above, node.module] if node.module else above)

    def _visit_all(self, nodes: list[ast.stmt], scope: Scope) -> None:
        for node in nodes:
            self._visit(node, scope)

    def _visit(self, node: ast.AST, scope: Scope) -> None:  # noqa: C901 - one case per kind of node
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
            case ast.For() | ast.AsyncFor() | ast.While() if not self._left and _can_end(node.body):
                self._visit_left(node, scope)
            case ast.Call(func=ast.Name(id="next" | "any")) if not self._left:
                self._visit_left(node, scope)
            case ast.ClassDef(name=name):
                inner = scope.classes.setdefault(name, Scope(scope, self, name, is_class=True))
                inner.bases += node.bases
                self.classes.append(inner)
                self._visit_all(node.body, inner)
            case _:
                self._note(node, scope)
                for child in ast.iter_child_nodes(node):
                    self._visit(child, scope)

    def branches(self, node: ast.IfExp, scope: Scope) -> list[ast.expr]:
        """Return the branches of a conditional expression that may run on Linux."""
        decided = self._decide(node.test, scope)
        return ([node.body] if decided is not False else []) + ([node.orelse] if decided is not True else [])

    def choose(self, table: ast.Dict, key: ast.expr, scope: Scope) -> ast.expr | None:
        """Return the value of a literal for a key that is spelled out or named by the platform, or None."""
        wanted = evaluate(key, lambda e: self.dotted(e, scope), lambda name: _only(scope.find(name)))
        if wanted is OPEN:
            return None
        pairs = zip(table.keys, table.values, strict=True)
        return next((v for k, v in pairs if isinstance(k, ast.Constant) and k.value == wanted), None)

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

    def _visit_left(self, node: ast.AST, scope: Scope) -> None:
        self._left = True
        self._note(node, scope)
        for child in ast.iter_child_nodes(node):
            self._visit(child, scope)
        self._left = False

    def _visit_function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope
    ) -> None:
        name = "" if isinstance(node, ast.Lambda) else node.name
        body = Scope(scope, self, name, owner=scope if scope.is_class else None, arguments=node.args)
        args = node.args
        positional = [*args.posonlyargs, *args.args]
        defaults = [
            *zip(positional[len(positional) - len(args.defaults) :], args.defaults, strict=True),
            *((a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d),
        ]
        for arg in [*positional, *args.kwonlyargs, *filter(None, (args.vararg, args.kwarg))]:
            body.bindings[arg.arg] = []  # a parameter hides an outer name
            body.parameters.add(arg.arg)
        for arg, default in defaults:
            self._visit(default, scope)
            body.bind(arg.arg, default, scope)
        if isinstance(node, ast.Lambda):
            body.results.append(Bound(node.body, body))
            self.lambdas[id(node)] = body
            self._visit_body([node.body], body)
            return
        for decorator in node.decorator_list:
            self._visit(decorator, scope)
            body.is_property |= bool(scope.is_class and name_last(decorator).endswith("property"))
        scope.functions[node.name] = body
        self._visit_body(node.body, body)

    def _visit_body(self, nodes: Sequence[ast.AST], scope: Scope) -> None:
        """Visit a body that runs later than its definition: statements around it catch nothing."""
        guards, handles, left = self._guards, self._handles, self._left
        self._guards = self._handles = frozenset()
        self._left = False
        for node in nodes:
            self._visit(node, scope)
        self._guards, self._handles, self._left = guards, handles, left

    def _note(self, node: ast.AST, scope: Scope) -> None:  # noqa: C901 - one case per kind of node
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, value, scope)
            case ast.AugAssign(
                target=ast.Name(id=name), op=ast.Add(), value=ast.Constant() | ast.JoinedStr()
            ):
                self._bind_longer(name, node, scope)
            case ast.AugAssign(target=target, value=value):
                self.grown.add(name_last(target))
                self._bind(target, value, scope)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
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
                scope.raised.add(_name_raised(node))
            case ast.Global(names=names):
                scope.outer |= dict.fromkeys(names, self.root)
            case ast.Nonlocal(names=names):
                scope.outer |= dict.fromkeys(names, scope.parent or self.root)
            case ast.Subscript(ctx=ast.Load()):
                self.uses.append(Use(node, scope, self._guards, self._handles, self._left))
            case ast.Call(func=func, args=args):
                self.uses.append(Use(node, scope, self._guards, self._handles, self._left))
                self._note_call(func, args, scope)

    def _note_call(self, func: ast.expr, args: list[ast.expr], scope: Scope) -> None:
        match func:
            case ast.Attribute(value=base, attr="append" | "extend" | "insert" | "add" | "update"):
                self.grown.add(name_last(base))
                for arg in args:
                    self._bind(base, arg, scope)
            case ast.Name(id="exit" | "quit") | ast.Attribute(attr="exit" | "_exit"):
                scope.last_raise = max(scope.last_raise, func.lineno)

    def _bind_longer(self, name: str, node: ast.AugAssign, scope: Scope) -> None:
        """Bind a name that text is added to: to what it stood for so far with the text behind it."""
        prior = scope.outer.get(name, scope).bindings.get(name, [])
        if len(prior) <= _MAX_PRIOR:
            hidden = f"{name} before {id(node)}"
            scope.bindings[hidden] = list(prior)
            left = ast.copy_location(ast.Name(id=hidden, ctx=ast.Load()), node.target)
            longer = ast.copy_location(ast.BinOp(left=left, op=ast.Add(), right=node.value), node)
            scope.bind(name, longer, scope)

    def _bind_elements(self, target: ast.expr, value: ast.expr, scope: Scope) -> None:
        """Bind a loop's target: to the elements of a literal, or to some part of any other value."""
        if isinstance(target, ast.Tuple | ast.List) and self._bind_columns(target.elts, value, scope):
            return
        spelled = value.elts if isinstance(value, ast.Tuple | ast.List | ast.Set) else None
        for turn, element in enumerate([ast.Starred(value=value)] if spelled is None else spelled):
            row = (id(value), turn) if spelled and len(spelled) > 1 else None
            self._bind(target, element, scope, row)

    def _bind_columns(self, targets: list[ast.expr], value: ast.expr, scope: Scope) -> bool:
        """Bind several targets of a loop over a call that gives one value for each, or return False."""
        if isinstance(value, ast.Name) and isinstance(
            bound := _only(scope.find(value.id)), ast.Call | ast.Dict
        ):
            value = bound
        while isinstance(value, ast.Call) and value.args and name_last(value.func) in {"list", "tuple"}:
            value = value.args[0]
        match value:
            case ast.Call(func=func, args=args, keywords=[]) if len(args) == len(targets) and self.dotted(
                func, scope
            ) in {"itertools.product", "itertools.zip_longest"}:
                columns = args
            case ast.Call(func=ast.Name(id="zip"), args=args) if len(args) == len(targets):
                return self._bind_zip(targets, args, scope)
            case ast.Call(func=ast.Name(id="enumerate"), args=[counted, *_]) if len(targets) == 2:
                self._bind_elements(targets[1], counted, scope)
                return True
            case ast.Call(func=ast.Attribute(value=base, attr="items"), args=[]) if len(targets) == 2:
                if isinstance(base, ast.Name):
                    base = _only(scope.find(base.id)) or base
                if not isinstance(base, ast.Dict) or None in base.keys:
                    return False
                keys = [key for key in base.keys if key]
                for turn, pair in enumerate(zip(keys, base.values, strict=True)):
                    for target, part in zip(targets, pair, strict=True):
                        self._bind(target, part, scope, (id(base), turn))
                return True
            case _:
                return False
        for target, column in zip(targets, columns, strict=True):
            self._bind_elements(target, column, scope)
        return True

    def _bind_zip(self, targets: list[ast.expr], args: list[ast.expr], scope: Scope) -> bool:
        columns = [(_only(scope.find(arg.id)) or arg) if isinstance(arg, ast.Name) else arg for arg in args]
        for target, column in zip(targets, columns, strict=True):
            if isinstance(column, ast.Tuple | ast.List):
                for turn, element in enumerate(column.elts):
                    self._bind(target, element, scope, (id(args[0]), turn))
            else:
                self._bind_elements(target, column, scope)
        return True

    def _bind(
        self, target: ast.expr, value: ast.expr, scope: Scope, row: tuple[int, int] | None = None
    ) -> None:
        match target:
            case ast.Name(id=name):
                scope.bind(name, value, scope, row=row)
            case ast.Attribute(value=ast.Name() as base, attr=name):
                if owner := self.find_class(base, scope):
                    owner.bind(name, value, scope)
            case ast.Starred(value=inner):
                self._bind(inner, value, scope, row)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                values = value.elts if isinstance(value, ast.Tuple | ast.List) else []
                pairs = values if len(values) == len(items) else [value] * len(items)
                for item, part in zip(items, pairs, strict=True):
                    self._bind(item, part, scope, row)


def _name_raised(node: ast.AST) -> str:
    """Return the last name of the exception that a statement raises, or empty if it is not named."""
    match node:
        case ast.Raise(exc=ast.Call(func=func)):
            return name_last(func)
        case ast.Raise(exc=ast.expr() as exc):
            return name_last(exc)
    return ""


def name_last(expr: ast.expr) -> str:
    """Return the last part of a dotted name: ``CDLL`` of ``ctypes.CDLL``; empty for anything else."""
    match expr:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _can_end(body: Iterable[ast.stmt]) -> bool:
    """Whether statements of a loop leave it: by ``break``, or by a ``return`` that is their function's."""
    nodes: list[ast.AST] = list(body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Break | ast.Return):
            return True
        if isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case) and not isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        ):
            nodes += ast.iter_child_nodes(node)
    return False


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
