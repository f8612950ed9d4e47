"""Finds what a Nix file says about packages.

The whole file is searched, because overrides may be anywhere: in overlays, in ``let``, in arguments of
functions. A function of the file is visited once with unknown arguments, and again for each call in the file;
an override that the first visit cannot assign (``drv: drv.overrideAttrs …``) is dropped if a call assigns it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from wheelfix.errors import InputError
from wheelfix.errors import describe as describe_error
from wheelfix.lint.model import OverrideFile, PackageOverride, Place, Unclear
from wheelfix.lint.nixfile.attributes import BUILDERS, INPUT_LISTS, MODULES, describe, describe_shell
from wheelfix.lint.nixfile.evaluate import WARNINGS, Evaluator, is_hack
from wheelfix.lint.nixfile.parse import LARGEST, parse_nix
from wheelfix.lint.nixfile.roots import bind_names, enter
from wheelfix.lint.nixfile.syntax import (
    Apply,
    Binding,
    Has,
    If,
    Items,
    Lambda,
    Let,
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
    Entry,
    Function,
    Opaque,
    Ref,
    Root,
    Scope,
    Thunk,
    Value,
    find_unclear,
    to_attrs,
)
from wheelfix.wheel.input import open_input

_OVERRIDES = {"overrideAttrs", "overridePythonAttrs", "overrideDerivation"}
_SHELLS = {"mkShell", "mkShellNoCC"}
_ENVIRONMENTS = {"mkVirtualEnv"}
_TELLING = {*INPUT_LISTS, "autoPatchelfIgnoreMissingDeps"}
_BRANCHES = 6
_Work = tuple[Syntax, Scope, str | None]


def read_overrides(path: Path) -> OverrideFile:
    """Read a Nix file.

    Raises:
        InputError: it cannot be read, or is not Nix; see :func:`wheelfix.lint.nixfile.parse.parse_nix`.
    """
    try:
        with open_input(path) as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({describe_error(error)})", "check the path") from None
    return parse_overrides(data, subject=str(path))


def parse_overrides(data: bytes, *, subject: str) -> OverrideFile:
    """Find what a Nix file says about packages.

    Args:
        data: the file.
        subject: name of the file in the result and in messages.

    Raises:
        InputError: as :func:`wheelfix.lint.nixfile.parse.parse_nix`.
    """
    finder = _Finder(len(data))
    root = parse_nix(data, subject=subject)
    finder.walk(root)
    found = sorted(finder.found.values(), key=lambda o: (o.place, o.package or ""))
    if not found and not finder.shells:
        found = list(finder.find_nameless(root))
    settled = {override.place for override in found}
    unclear = tuple(u for place, u in sorted(finder.open.items()) if place not in settled)
    if finder.evaluator.exhausted:
        unclear = (find_unclear(root, "too much to follow: there may be more than what was found"), *unclear)
    shells = tuple(finder.shells[place] for place in sorted(finder.shells))
    return OverrideFile(path=subject, overrides=tuple(found), shells=shells, unclear=unclear)


@dataclass
class _Finder:
    size: int
    found: dict[tuple[Place, str | None], PackageOverride] = field(default_factory=dict)
    shells: dict[Place, PackageOverride] = field(default_factory=dict)
    open: dict[Place, Unclear] = field(default_factory=dict)
    hints: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.evaluator = Evaluator(self._see_application, size=self.size)

    def walk(self, root: Syntax) -> None:
        """Visit every expression, without recursion."""
        waiting: list[_Work] = [(root, Scope(None), None)]
        while waiting:
            syntax, scope, hint = waiting.pop()
            match syntax:
                case Apply():
                    self._visit_application(syntax, scope, hint)
                case Set():
                    self._visit_set(syntax, scope, hint)
            waiting += self._find_children(syntax, scope, hint)

    def find_nameless(self, root: Syntax) -> Iterator[PackageOverride]:
        """Find the override of a file that is one without a package name: ``old: { buildInputs = …; }``."""
        scope = Scope(None)
        while isinstance(root, Lambda):
            root, scope = enter(root, scope)
        if not isinstance(root, Set | Let | With | Operation | Apply):
            return
        content = to_attrs(self.evaluator.evaluate(root, scope), root, self.evaluator.force)
        if _tells(content):
            yield describe(content, None, "nameless", root.place, self.evaluator.force)

    def _find_children(self, syntax: Syntax, scope: Scope, hint: str | None) -> Iterator[_Work]:
        match syntax:
            case Lambda():
                body, inner = enter(syntax, scope)
                yield body, inner, None
            case Let(bindings=bindings, body=body):
                inner = bind_names(bindings, scope)
                yield body, inner, hint
                yield from ((b.value, scope if b.outer else inner, None) for b in bindings)
            case Set(bindings=bindings, recursive=recursive):
                inner = bind_names(bindings, scope) if recursive else scope
                yield from ((b.value, scope if b.outer else inner, _find_name(b)) for b in bindings)
            case With(environment=environment, body=body):
                yield environment, scope, None
                yield body, Scope(scope, opened=Thunk(environment, scope)), hint
            case If(condition=condition, consequence=yes, alternative=no):
                yield from ((condition, scope, None), (yes, scope, hint), (no, scope, hint))
            case Apply(function=function, argument=argument):
                yield argument, scope, hint if _is_warning(function) else None
                # The inner applications of `f a b` are part of the outer one.
                while isinstance(function, Apply):
                    yield function.argument, scope, None
                    function = function.function
                yield function, scope, None
            case Select(base=base, default=default):
                yield base, scope, None
                if default is not None:
                    yield default, scope, None
            case Has(base=base):
                yield base, scope, None
            case Items(items=parts) | Operation(operands=parts) | Text(parts=parts):
                yield from ((part, scope, None) for part in parts if isinstance(part, Syntax))

    def _visit_application(self, syntax: Apply, scope: Scope, hint: str | None) -> None:
        if hint is not None:
            self.hints[id(syntax)] = hint
        function = syntax.function
        if isinstance(function, Select) and function.path[-1] in _OVERRIDES:
            value = self.evaluator.evaluate(function, scope)
            if isinstance(value, Opaque):
                argument = Thunk(syntax.argument, scope)
                self._leave_open(syntax, argument, str(function.path[-1]), value.unclear.reason)
        self._follow(self.evaluator.evaluate(syntax, scope), _BRANCHES)

    def _follow(self, value: Value, depth: int) -> None:
        """Visit both branches of a choice, as either may contain an override."""
        if isinstance(value, Choice) and depth:
            self._follow(self.evaluator.force(value.consequence), depth - 1)
            self._follow(self.evaluator.force(value.alternative), depth - 1)

    def _see_application(self, syntax: Apply, function: Ref, argument: Thunk) -> None:
        last = function.path[-1] if function.path else ""
        if last in BUILDERS:
            content = self._call_with_old(argument)
            package = _find_pname(content, self.evaluator)
            self._keep(content, package or self.hints.get(id(syntax)), last, syntax)
        elif is_hack(function):
            self._see_hack(syntax, last, argument)
        elif last in _SHELLS:
            self._keep_shell(self._read_set(argument), last, syntax.place)
        elif last == "override" and function.root is Root.PYTHON and len(function.path) > 1:
            override = self._describe(self._call_with_old(argument), function.path[-2], last, syntax)
            if override.instead:
                self.found[override.place, override.package] = override
        elif last in _OVERRIDES and function.root is not Root.PKGS:
            bare = 2 if function.root is Root.UNKNOWN else 1
            if function.path[-2:-1] and function.path[-2] in _ENVIRONMENTS:
                return
            if len(function.path) > bare:
                self._keep(self._call_with_old(argument), function.path[-2], last, syntax)
            else:
                self._leave_open(syntax, argument, last, "which package it is of is not said here")

    def _see_hack(self, syntax: Apply, how: str, argument: Thunk) -> None:
        """Record a build that replaces ``prev``, for the package of ``prev``, or the one it is bound to."""
        content = self._read_set(argument)
        prev = next((self.evaluator.force(e.thunk) for e in content.entries if e.path == ("prev",)), None)
        named = prev.path[-1] if isinstance(prev, Ref) and prev.path else None
        self._keep(content, named or self.hints.get(id(syntax)), how, syntax)

    def _keep_shell(self, content: Attrs, how: str, place: Place) -> None:
        if shell := describe_shell(content, how, place, self.evaluator.force):
            self.shells[place] = shell

    def _leave_open(self, syntax: Apply, argument: Thunk, how: str, reason: str) -> None:
        """Record an override of a value that is not a path; the attribute it is bound to may name it."""
        if hint := self.hints.get(id(syntax)):
            self._keep(self._call_with_old(argument), hint, how, syntax)
        else:
            self.open[syntax.place] = find_unclear(syntax, reason)

    def _call_with_old(self, argument: Thunk) -> Attrs:
        """Find the set of an override: the set itself, ``old: { … }``, or ``final: old: { … }``."""
        syntax = argument.syntax
        value = self.evaluator.force(argument)
        for _ in range(2):
            if isinstance(value, Function):
                value = self.evaluator.call(value, (Thunk(syntax, None, Ref(Root.OLD)),), syntax)
        return to_attrs(value, syntax, self.evaluator.force)

    def _visit_set(self, syntax: Set, scope: Scope, hint: str | None) -> None:
        """Read tables by package: ``numba = { buildInputs = …; }``, or ``_.numba.buildInputs.add = …``."""
        if hint == "_":
            return  # read with the set around it
        content = self._read_set(Thunk(syntax, scope))
        if tool := next((MODULES[e.path[0]] for e in content.entries if e.path[0] in MODULES), None):
            self._keep_shell(content, tool, syntax.place)
        mach: dict[str, list[Entry]] = {}
        flat: dict[str, list[Entry]] = {}
        for entry in content.entries:
            if entry.path[0] == "_":
                for package, inner in _flatten_mach(entry, self.evaluator):
                    mach.setdefault(package, []).append(inner)
            elif len(entry.path) == 2:
                flat.setdefault(entry.path[0], []).append(Entry(entry.path[1:], entry.thunk, entry.place))
            elif len(entry.path) == 1 and isinstance(entry.thunk.syntax, Set):
                table = self._read_set(entry.thunk)
                if _tells(table):
                    self._keep(table, entry.path[0], "set", entry.thunk.syntax)
        for how, packages in (("mach-nix", mach), ("set", flat)):
            for package, entries in packages.items():
                if _tells(found := Attrs(tuple(entries))):
                    self._keep(found, package, how, syntax, place=entries[0].place)

    def _read_set(self, thunk: Thunk) -> Attrs:
        return to_attrs(self.evaluator.force(thunk), thunk.syntax, self.evaluator.force)

    def _describe(
        self, content: Attrs, package: str | None, how: str, syntax: Syntax, *, place: Place | None = None
    ) -> PackageOverride:
        return describe(content, package, how, place or syntax.place, self.evaluator.force)

    def _keep(
        self, content: Attrs, package: str | None, how: str, syntax: Syntax, *, place: Place | None = None
    ) -> None:
        override = self._describe(content, package, how, syntax, place=place)
        if package is None:
            if override.inputs or override.ignored:
                self.open[syntax.place] = find_unclear(syntax, "which package it is of is not said here")
            return
        key = (override.place, package)
        known = self.found.get(key)
        # A visit with unknown arguments understands less than one for a call.
        if known is None or len(override.unclear) < len(known.unclear):
            self.found[key] = override


def _is_warning(function: Syntax) -> bool:
    """Whether an applied function returns its last argument (``lib.warnIf CONDITION TEXT VALUE``)."""
    while isinstance(function, Apply):
        function = function.function
    return isinstance(function, Select) and function.path[-1] in WARNINGS


def _tells(content: Attrs) -> bool:
    return any(len(entry.path) == 1 and entry.path[0] in _TELLING for entry in content.entries)


def _find_name(binding: Binding) -> str | None:
    last = binding.path[-1]
    return last if isinstance(last, str) else None


def _find_pname(content: Attrs, evaluator: Evaluator) -> str | None:
    for wanted in ("pname", "name"):
        for entry in content.entries:
            if entry.path == (wanted,):
                value = evaluator.force(entry.thunk)
                if isinstance(value, Constant) and isinstance(value.value, str):
                    return value.value
    return None


def _flatten_mach(entry: Entry, evaluator: Evaluator) -> Iterator[tuple[str, Entry]]:
    """Convert ``_.numba.buildInputs.add = …`` to entry ``buildInputs`` of numba, for any nesting of sets."""
    path, thunk = entry.path[1:], entry.thunk
    if len(path) >= 3 or (len(path) == 2 and path[1] not in INPUT_LISTS):
        yield path[0], Entry(path[1:2], thunk, entry.place)
    elif isinstance(thunk.syntax, Set):
        content = to_attrs(evaluator.force(thunk), thunk.syntax, evaluator.force)
        for inner in content.entries:
            yield from _flatten_mach(Entry(("_", *path, *inner.path), inner.thunk, inner.place), evaluator)
    elif len(path) == 2:
        yield path[0], Entry(path[1:2], thunk, entry.place)
