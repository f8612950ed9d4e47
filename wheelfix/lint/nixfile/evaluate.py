"""Follows expressions within one file: bindings, ``with``, its own functions, and some functions of ``lib``.

This is not an evaluator of Nix. A value that depends on nixpkgs, on other files or on the machine becomes a
path (:class:`wheelfix.lint.nixfile.values.Ref`), a choice, or is marked as not understood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

from wheelfix.lint.nixfile.roots import GLOBALS, bind_names, canonicalize, find_argument, insist, select
from wheelfix.lint.nixfile.syntax import (
    Apply,
    Has,
    If,
    Items,
    Lambda,
    Let,
    Name,
    Operation,
    Select,
    Set,
    Syntax,
    Text,
    With,
)
from wheelfix.lint.nixfile.values import (
    Attrs,
    Choice,
    Constant,
    Element,
    Entry,
    Function,
    Joined,
    Opaque,
    Partial,
    Piece,
    Ref,
    Root,
    Scope,
    Seq,
    Thunk,
    Value,
    find_unclear,
    guard_attrs,
    guard_joined,
    guard_seq,
    join_attrs,
    join_seqs,
    to_attrs,
    to_joined,
    to_seq,
)

_STEPS = 300_000  # the largest hand-written file needs a tenth
_STEPS_PER_BYTE = 1.0  # or that; generated files of thousands of packages need less than 0.4
_DEEPEST = 40
_NIXPKGS = "<nixpkgs>"
_LONGEST = 5_000  # elements of a list; a file may double a list sixty times
_LARGEST = 1 << 16  # characters of a joined string
_PER_STEP = 64  # characters whose copy counts as a step
_PLATFORMS = {"isLinux": True, "isDarwin": False, "isWindows": False}  # wheels with ELF files are for Linux

HACKS = frozenset({"nixpkgsPrebuilt", "importCargoLock"})
"""Functions of pyproject.nix that make a package from another build, the argument ``prev``."""


def is_hack(function: Ref) -> bool:
    """Tell whether a function is one of :data:`HACKS`; nixpkgs has a function of the same name for crates."""
    return bool(function.path) and function.path[-1] in HACKS and "rustPlatform" not in function.path


Watcher = Callable[[Apply, Ref, Thunk], None]
Arguments = tuple[Thunk, ...]


class Evaluator:
    """The evaluator of one file.

    Args:
        watch: called with each application of a path to an argument: ``prev.numba.overrideAttrs (old: …)``.
        size: of the file, in bytes.
    """

    def __init__(self, watch: Watcher, *, size: int = 0) -> None:
        self._watch = watch
        self._steps = max(_STEPS, int(size * _STEPS_PER_BYTE))
        self._depth = 0

    @property
    def exhausted(self) -> bool:
        """Whether the file exceeded the limit of steps."""
        return self._steps < 0

    def force(self, thunk: Thunk) -> Value:
        """Evaluate a thunk."""
        self._steps -= 1
        if thunk.value is None:
            if thunk.busy:
                return Opaque(find_unclear(thunk.syntax, "refers to itself"))
            thunk.busy = True
            try:
                assert thunk.scope is not None
                thunk.value = self.evaluate(thunk.syntax, thunk.scope)
            finally:
                thunk.busy = False
        return thunk.value

    def evaluate(self, syntax: Syntax, scope: Scope) -> Value:
        """Evaluate an expression."""
        self._steps -= 1
        if self._steps < 0 or self._depth > _DEEPEST:
            return Opaque(find_unclear(syntax, "too much to follow"))
        self._depth += 1
        try:
            value = self._evaluate(syntax, scope)
        finally:
            self._depth -= 1
        match value:
            case Attrs(entries=parts) | Seq(elements=parts) | Joined(pieces=parts):
                self._steps -= len(parts)  # a copy counts as steps: `x // x` doubles the contents of x
        return value

    def call(self, function: Value, arguments: tuple[Thunk, ...], syntax: Syntax) -> Value:
        """Apply a function of the file, or of ``lib``, to arguments."""
        for number, argument in enumerate(arguments):
            match function:
                case Function():
                    function = self.evaluate(function.syntax.body, self._bind(function, argument))
                case Partial():
                    function = self._apply_partial(function, argument, syntax)
                case Ref(root=Root.LIB, path=(*_, name)) if name in _LIBRARY:
                    function = self._apply_partial(Partial(name, ()), argument, syntax)
                case Ref(root=Root.OLD):
                    return function  # the inherited attributes are unknown
                case Ref():
                    if number == len(arguments) - 1 and isinstance(syntax, Apply):
                        self._watch(syntax, function, argument)
                    function = self._apply_ref(function, argument, syntax)
                case Opaque():
                    return function
                case _:
                    return Opaque(find_unclear(syntax, "no function that is written in this file"))
        return function

    def test(self, syntax: Syntax, scope: Scope) -> bool | None:
        """Tell whether a condition holds for wheels on Linux; None if that is unknown."""
        match syntax:
            case Has():
                return True  # a guard: a package that does not exist needs no override
            case Operation(operator="!", operands=(operand,)):
                inner = self.test(operand, scope)
                return None if inner is None else not inner
            case Operation(operator="&&" | "||" as sign, operands=operands):
                results = [self.test(operand, scope) for operand in operands]
                decisive = sign == "||"
                if decisive in results:
                    return decisive
                return None if None in results else not decisive
        match self.evaluate(syntax, scope):
            case Constant(value=bool() as value):
                return value
            case Ref(path=(*_, last)):
                return _PLATFORMS.get(last)
        return None

    def _evaluate(self, syntax: Syntax, scope: Scope) -> Value:  # noqa: C901 - one line per kind
        match syntax:
            case Name(name=name):
                return self._look_up(name, scope)
            case Text(value=str() as value):
                return Constant(value)
            case Text(parts=parts):
                return self.join((self._read_part(part, scope) for part in parts), syntax)
            case Select():
                return self._select(syntax, scope)
            case Apply():
                return self._apply(syntax, scope)
            case Lambda():
                return Function(syntax, scope)
            case Let(bindings=bindings, body=body):
                return self.evaluate(body, bind_names(bindings, scope))
            case With(environment=environment, body=body):
                return self.evaluate(body, Scope(scope, opened=Thunk(environment, scope)))
            case Set():
                return self._collect_set(syntax, scope)
            case If(condition=condition, consequence=yes, alternative=no):
                holds = self.test(condition, scope)
                if holds is not None:
                    return self.evaluate(yes if holds else no, scope)
                return Choice(condition.text, Thunk(yes, scope), Thunk(no, scope))
            case Items(items=items):
                return Seq(tuple(Element(Thunk(item, scope)) for item in items))
            case Operation(operator="++", operands=operands):
                whole = join_seqs(to_seq(self.evaluate(o, scope), o, self.force) for o in operands)
                short = len(whole.elements) <= _LONGEST
                return whole if short else self._opaque(syntax, "too long to follow")
            case Operation(operator="+", operands=operands):
                return self.join((self._read_part(operand, scope) for operand in operands), syntax)
            case Operation(operator="//", operands=operands):
                return join_attrs(to_attrs(self.evaluate(o, scope), o, self.force) for o in operands)
            case Has() | Operation(operator="!" | "&&" | "||"):
                holds = self.test(syntax, scope)
                return self._opaque(syntax, "computed") if holds is None else Constant(holds)
        return self._opaque(syntax, "computed")

    def _read_part(self, part: str | Syntax, scope: Scope) -> Joined:
        if isinstance(part, str):
            return Joined((Piece(part),))
        return to_joined(self.evaluate(part, scope), part, self.force)

    def join(self, parts: Iterable[Joined], syntax: Syntax) -> Value:
        """Concatenate strings; the result is a constant if all parts are text."""
        pieces: list[Piece] = []
        size = 0
        for piece in chain.from_iterable(part.pieces for part in parts):
            size += len(piece.content) if isinstance(piece.content, str) else 1
            if size > _LARGEST or len(pieces) == _LONGEST:
                return self._opaque(syntax, "too long to follow")
            pieces.append(piece)
        self._steps -= len(pieces) + size // _PER_STEP
        texts = [p.content for p in pieces if isinstance(p.content, str) and p.condition is None]
        return Constant("".join(texts)) if len(texts) == len(pieces) else Joined(tuple(pieces))

    def _look_up(self, name: str, scope: Scope) -> Value:
        around: Scope | None = scope
        opened: list[Thunk] = []
        while around is not None:
            if name in around.names:
                return insist(name, self.force(around.names[name]))
            if around.opened is not None:
                opened.append(around.opened)
            around = around.parent
        if name in GLOBALS:
            return GLOBALS[name]
        found = [value for thunk in opened if (value := self._open(thunk, name)) is not None]
        if found:
            others = tuple(value for value in found[1:] if isinstance(value, Ref))
            first = found[0]
            return Ref(first.root, first.path, others) if isinstance(first, Ref) else first
        return find_argument(name, formal=False)

    def _open(self, thunk: Thunk, name: str) -> Value | None:
        """Look a name up in the set of a ``with``."""
        match self.force(thunk):
            case Ref(root=Root.LIB):
                return Ref(Root.LIB, (name,)) if name in _LIBRARY else None
            case Ref(root=root, path=path) if root is not Root.UNKNOWN:
                return canonicalize(Ref(root, (*path, name)))
            case Attrs(entries=entries):
                bound = next((e for e in entries if e.path == (name,)), None)
                return self.force(bound.thunk) if bound else None
        return None

    def _select(self, syntax: Select, scope: Scope) -> Value:
        value = self.evaluate(syntax.base, scope)
        for key in syntax.path:
            name = key if isinstance(key, str) else self._read_key(key, scope)
            if name is None:
                return self._opaque(syntax, "a computed name")
            value = self._step(value, name, syntax, scope)
        return value

    def _step(self, value: Value, name: str, syntax: Select, scope: Scope) -> Value:
        match value:
            case Ref():
                return select(value, name)
            case Attrs(entries=entries):
                exact = [e for e in entries if e.path == (name,)]
                if exact:
                    return self.force(exact[-1].thunk)
                longer = [e for e in entries if e.path[0] == name]
                if longer:
                    return Attrs(tuple(Entry(e.path[1:], e.thunk, e.place, e.condition) for e in longer))
                if syntax.default is not None:
                    return self.evaluate(syntax.default, scope)
            case Opaque():
                return value
        return self._opaque(syntax, "no attribute that is written in this file")

    def _read_key(self, key: Syntax, scope: Scope) -> str | None:
        value = self.evaluate(key, scope)
        return value.value if isinstance(value, Constant) and isinstance(value.value, str) else None

    def _collect_set(self, syntax: Set, scope: Scope) -> Attrs:
        inner = bind_names(syntax.bindings, scope) if syntax.recursive else scope
        entries, unclear = [], []
        for binding in syntax.bindings:
            thunk = Thunk(binding.value, scope if binding.outer else inner)
            path = [key if isinstance(key, str) else self._read_key(key, inner) for key in binding.path]
            known = tuple(name for name in path if name is not None)
            if len(known) == len(path):
                entries.append(Entry(known, thunk, binding.place))
            else:
                unclear.append(find_unclear(binding, "a computed name"))
        return Attrs(tuple(entries), tuple(unclear))

    def _apply(self, syntax: Apply, scope: Scope) -> Value:
        arguments: list[Thunk] = []
        head: Syntax = syntax
        while isinstance(head, Apply):
            arguments.append(Thunk(head.argument, scope))
            head = head.function
        return self.call(self.evaluate(head, scope), tuple(reversed(arguments)), syntax)

    def _apply_partial(self, function: Partial, argument: Thunk, syntax: Syntax) -> Value:
        arguments = (*function.arguments, argument)
        arity, apply = _LIBRARY[function.name]
        if len(arguments) < arity:
            return Partial(function.name, arguments)
        return apply(function.name, arguments, syntax, self)

    def _apply_ref(self, function: Ref, argument: Thunk, syntax: Syntax) -> Value:
        """Find the result of a function of nixpkgs: for an override, its package."""
        if function.path and function.path[-1].startswith("override"):
            return Ref(function.root, function.path[:-1], function.others)
        match function.path[-1:]:
            case ("resolveBuildSystem",):
                return Seq()  # uv2nix: Python packages that build the package
            case (_,) if is_hack(function):
                given = to_attrs(self.force(argument), argument.syntax, self.force)
                prev = next((e.thunk for e in given.entries if e.path == ("prev",)), None)
                return self.force(prev) if prev else self._opaque(syntax, "of no package that is named here")
            case ("mkVirtualEnv",):
                return function
        if function == Ref(Root.PKGS) or (function.path == ("import",) and argument.syntax.text == _NIXPKGS):
            return Ref(Root.PKGS)
        if function.path[-1:] == ("import",):
            return self._opaque(syntax, "in another file")
        return self._opaque(syntax, "computed by a function that is not in this file")

    def _bind(self, function: Function, argument: Thunk) -> Scope:
        """Make the scope of a function's body for a call."""
        names: dict[str, Thunk] = {}
        inner = Scope(function.scope, names)
        if function.syntax.parameter is not None:
            names[function.syntax.parameter] = argument
        given = self.force(argument) if function.syntax.formals is not None else None
        entries = given.entries if isinstance(given, Attrs) else ()
        for formal, default in function.syntax.formals or ():
            below = select(given, formal) if isinstance(given, Ref) else find_argument(formal, formal=True)
            symbol = Thunk(function.syntax, None, below)
            unset = Thunk(default, inner) if default and isinstance(given, Attrs) else symbol
            names[formal] = next((e.thunk for e in entries if e.path == (formal,)), unset)
        return inner

    def _opaque(self, syntax: Syntax, reason: str) -> Opaque:
        return Opaque(find_unclear(syntax, reason))


WARNINGS = frozenset({"warn", "warnIf", "warnIfNot"})
"""Functions that print a warning and return their last argument."""


def _hand_on(_name: str, arguments: Arguments, _syntax: Syntax, evaluator: Evaluator) -> Value:
    return evaluator.force(arguments[-1])


def _apply_filter(_name: str, arguments: Arguments, syntax: Syntax, evaluator: Evaluator) -> Value:
    return guard_seq(_to_seq(arguments[-1], evaluator), syntax.text)


def _apply_singleton(_name: str, arguments: Arguments, _syntax: Syntax, _evaluator: Evaluator) -> Value:
    return Seq((Element(arguments[-1]),))


def _concat_lists(_name: str, arguments: Arguments, _syntax: Syntax, evaluator: Evaluator) -> Value:
    lists = _to_seq(arguments[-1], evaluator)
    return join_seqs([Seq(unclear=lists.unclear), *_flatten(lists, evaluator)])


def _map_list(name: str, arguments: Arguments, syntax: Syntax, evaluator: Evaluator) -> Value:
    found = _to_seq(arguments[-1], evaluator)
    mapped = tuple(
        Element(_call(evaluator, arguments[0], (e.thunk,), syntax), e.condition) for e in found.elements
    )
    result = Seq(mapped, found.inherits, found.unclear)
    if name == "map":
        return result
    return join_seqs([Seq(unclear=found.unclear), *_flatten(result, evaluator)])


def _merge_sets(_name: str, arguments: Arguments, _syntax: Syntax, evaluator: Evaluator) -> Value:
    return join_attrs(_to_attrs(argument, evaluator) for argument in arguments)


def _merge_list(_name: str, arguments: Arguments, _syntax: Syntax, evaluator: Evaluator) -> Value:
    sets = _to_seq(arguments[-1], evaluator)
    merged = (guard_attrs(_to_attrs(e.thunk, evaluator), e.condition) for e in sets.elements)
    return join_attrs([Attrs(unclear=sets.unclear), *merged])


def _follow_not(name: str, _arguments: Arguments, syntax: Syntax, _evaluator: Evaluator) -> Value:
    return Opaque(find_unclear(syntax, f"{name} is not followed"))


def _apply_optional(name: str, arguments: Arguments, syntax: Syntax, evaluator: Evaluator) -> Value:
    condition, content = arguments
    holds = evaluator.test(condition.syntax, condition.scope) if condition.scope else None
    text = None if holds else condition.syntax.text
    if name == "optionalAttrs":
        return Attrs() if holds is False else guard_attrs(_to_attrs(content, evaluator), text)
    if name == "mkIf":
        value = evaluator.force(content)
        if holds or not isinstance(value, Attrs):
            return value
        return Attrs() if holds is False else guard_attrs(value, text)
    if name == "optionalString":
        joined = to_joined(evaluator.force(content), content.syntax, evaluator.force)
        return Constant("") if holds is False else evaluator.join([guard_joined(joined, text)], syntax)
    if holds is False:
        return Seq()
    return (
        Seq((Element(content, text),)) if name == "optional" else guard_seq(_to_seq(content, evaluator), text)
    )


def _join_list(name: str, arguments: Arguments, syntax: Syntax, evaluator: Evaluator) -> Value:
    """Join the elements of a list to a string: directories of packages separated by ``:``, or strings."""
    first = evaluator.force(arguments[0])
    given = first.value if isinstance(first, Constant) and isinstance(first.value, str) else ""
    separator = {"concatStrings": "", "concatStringsSep": given}.get(name, ":")
    end = {"makeLibraryPath": "/lib", "makeSearchPath": f"/{given}"}.get(name, "")
    found = _to_seq(arguments[-1], evaluator)

    def read(number: int, element: Element) -> Joined:
        value = to_joined(evaluator.force(element.thunk), element.thunk.syntax, evaluator.force)
        whole = Joined((Piece(separator if number else ""), *value.pieces, Piece(end)))
        return guard_joined(whole, element.condition)

    unclear = Joined(tuple(Piece(Opaque(unclear)) for unclear in found.unclear))
    parts = (read(number, element) for number, element in enumerate(found.elements))
    return evaluator.join(chain([unclear], parts), syntax)


def _generate(_name: str, arguments: Arguments, syntax: Syntax, evaluator: Evaluator) -> Value:
    names, function = arguments
    found = _to_seq(names, evaluator)
    entries = []
    for element in found.elements:
        match evaluator.force(element.thunk):
            case Constant(value=str() as name):
                made = _call(evaluator, function, (element.thunk,), syntax)
                entries.append(Entry((name,), made, element.thunk.syntax.place, element.condition))
    return Attrs(tuple(entries), found.unclear)


def _map_attrs(_name: str, arguments: Arguments, syntax: Syntax, evaluator: Evaluator) -> Value:
    function, content = arguments
    found = _to_attrs(content, evaluator)
    entries = []
    for entry in found.entries:
        name = Thunk(entry.thunk.syntax, None, Constant(entry.path[0]))
        value = entry.thunk
        if len(entry.path) > 1:
            value = Thunk(value.syntax, None, Attrs((Entry(entry.path[1:], value, entry.place),)))
        made = _call(evaluator, function, (name, value), syntax)
        entries.append(Entry(entry.path[:1], made, entry.place, entry.condition))
    return Attrs(tuple(entries), found.unclear)


def _call(evaluator: Evaluator, function: Thunk, arguments: tuple[Thunk, ...], syntax: Syntax) -> Thunk:
    value = evaluator.call(evaluator.force(function), arguments, syntax)
    return Thunk(arguments[-1].syntax, None, value)


def _flatten(lists: Seq, evaluator: Evaluator) -> list[Seq]:
    return [guard_seq(_to_seq(e.thunk, evaluator), e.condition) for e in lists.elements]


def _to_seq(thunk: Thunk, evaluator: Evaluator) -> Seq:
    return to_seq(evaluator.force(thunk), thunk.syntax, evaluator.force)


def _to_attrs(thunk: Thunk, evaluator: Evaluator) -> Attrs:
    return to_attrs(evaluator.force(thunk), thunk.syntax, evaluator.force)


_LIBRARY: dict[str, tuple[int, Callable[[str, Arguments, Syntax, Evaluator], Value]]] = {
    # name in `lib`: number of arguments, and the function that applies it
    "concatLists": (1, _concat_lists),
    "concatMap": (2, _map_list),
    "concatStrings": (1, _join_list),
    "concatStringsSep": (2, _join_list),
    "filter": (2, _apply_filter),
    "flatten": (1, _hand_on),
    "genAttrs": (2, _generate),
    "getBin": (1, _hand_on),
    "getDev": (1, _hand_on),
    "getLib": (1, _hand_on),
    "getOutput": (2, _hand_on),
    "makeLibraryPath": (1, _join_list),
    "makeSearchPath": (2, _join_list),
    "map": (2, _map_list),
    "mapAttrs": (2, _map_attrs),
    "mapAttrs'": (2, _follow_not),
    "mergeAttrs": (2, _merge_sets),
    "mergeAttrsList": (1, _merge_list),
    "mkForce": (1, _hand_on),
    "mkIf": (2, _apply_optional),
    "optional": (2, _apply_optional),
    "optionalAttrs": (2, _apply_optional),
    "optionalString": (2, _apply_optional),
    "optionals": (2, _apply_optional),
    "recursiveUpdate": (2, _merge_sets),
    "remove": (2, _apply_filter),
    "singleton": (1, _apply_singleton),
    "subtractLists": (2, _apply_filter),
    "toList": (1, _hand_on),
    "unique": (1, _hand_on),
    "uniqueStrings": (1, _hand_on),
    "warn": (2, _hand_on),
    "warnIf": (3, _hand_on),
    "warnIfNot": (3, _hand_on),
}
