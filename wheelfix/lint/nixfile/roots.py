"""Finds what names refer to: arguments of functions by their names, and well-known sets."""

from __future__ import annotations

import re

from wheelfix.lint.nixfile.syntax import (
    Apply,
    Binding,
    Items,
    Lambda,
    Let,
    Name,
    Operation,
    Select,
    Set,
    Syntax,
    With,
)
from wheelfix.lint.nixfile.values import Attrs, Constant, Entry, Ref, Root, Scope, Thunk, Value

_PYTHON_SET = re.compile(r"python\d*Packages|pypy\d*Packages")
_PYTHON = re.compile(r"python\d*")
_OVERLAY_NAMES = {"self", "super", "final", "prev", "pyself", "pysuper", "pyfinal", "pyprev", "ps", "pypkgs"}
_OVERLAY_NAMES |= {
    "python-final",
    "python-prev",
    "python-self",
    "python-super",
    "python-pkgs",
    "pythonPackages",
}
_PKGS_NAMES = {"pkgs", "nixpkgs", "pkgs'"}
_OLD_NAMES = {"old", "oldAttrs", "old-attrs", "oa", "prevAttrs", "attrs", "o"}
_HELPER_NAMES = {"drv", "pkg", "package", "derivation"}  # arguments of functions that override their argument
_NIXPKGS_KEYS = {"pythonPackagesExtensions", "pythonPackagesOverlays"}


def find_argument(name: str, *, formal: bool) -> Ref:
    """Find what an argument of a function most likely is, by its name.

    Args:
        name: name of the argument.
        formal: whether it is in a set pattern (``{ pkgs, lib }:``), which callPackage fills in by name.
    """
    if name in _PKGS_NAMES:
        return Ref(Root.PKGS)
    if name == "lib":
        return Ref(Root.LIB)
    if name == "stdenv":
        return Ref(Root.PKGS, ("stdenv",))
    if name in _OVERLAY_NAMES or _PYTHON_SET.fullmatch(name):
        return Ref(Root.PYTHON)
    # A module begins a list with the option's own default, as an override does with the old list.
    if name in _OLD_NAMES or (formal and name == "options"):
        return Ref(Root.OLD)
    return Ref(Root.ARGUMENT if formal and name not in _HELPER_NAMES else Root.UNKNOWN, (name,))


def find_overlay_root(body: Syntax) -> Root:
    """Tell an overlay of nixpkgs from one of the Python package set, by the names it binds."""
    keys = {key for key in _find_keys(body) if isinstance(key, str)}
    nixpkgs = any(
        key in _NIXPKGS_KEYS or _PYTHON.fullmatch(key) or _PYTHON_SET.fullmatch(key) for key in keys
    )
    return Root.PKGS if nixpkgs else Root.PYTHON


def is_overlay(syntax: Lambda) -> bool:
    """Tell whether a function has the shape ``final: prev: …``."""
    inner = syntax.body
    return syntax.formals is None and isinstance(inner, Lambda) and inner.formals is None


def _find_keys(body: Syntax) -> set[str | Syntax]:
    while isinstance(body, Let | With):
        body = body.body
    if isinstance(body, Operation):
        return {key for operand in body.operands for key in _find_keys(operand)}
    if isinstance(body, Apply) and isinstance(body.argument, Items) and _calls(body, "mergeAttrsList"):
        return {key for item in body.argument.items for key in _find_keys(item)}
    if isinstance(body, Apply) and _calls(body.function, "optionalAttrs"):
        return _find_keys(body.argument)
    return {binding.path[0] for binding in body.bindings} if isinstance(body, Set) else set()


def _calls(syntax: Syntax, name: str) -> bool:
    """Tell whether an expression applies ``lib.NAME`` to one argument, by its syntax only."""
    if not isinstance(syntax, Apply):
        return False
    function = syntax.function
    last = function.path[-1] if isinstance(function, Select) else None
    return last == name or (isinstance(function, Name) and function.name == name)


def canonicalize(ref: Ref) -> Ref:
    """Shorten a path: ``final.pkgs.zlib`` to ``pkgs.zlib``, ``pkgs.python3Packages.x`` to Python's x."""
    root, path = ref.root, ref.path
    while path:
        head = path[0]
        if root is Root.PYTHON and head in {"pkgs", "stdenv"}:
            root, path = Root.PKGS, path[1:] if head == "pkgs" else path
        elif root is Root.PYTHON and head == "python" and path[1:2] in {("pkgs",), ("stdenv",)}:
            path = path[2:] if path[1] == "pkgs" else path[1:]
        elif root is Root.PKGS and head == "legacyPackages" and len(path) > 1:
            path = path[2:]
        elif root is Root.PKGS and head in {"pkgs", "buildPackages", "targetPackages", "__splicedPackages"}:
            path = path[1:]
        elif root is Root.PKGS and (_PYTHON_SET.fullmatch(head) or _is_interpreter(path)):
            root, path = Root.PYTHON, path[2 if _is_interpreter(path) else 1 :]
        elif root in {Root.PKGS, Root.PYTHON} and head == "lib":
            root, path = Root.LIB, path[1:]
        elif root is Root.ARGUMENT and head == "nixpkgs":
            root, path = Root.PKGS, path[1:]
        else:
            break
    return Ref(root, path, ref.others)


def select(ref: Ref, name: str) -> Ref:
    """Return the path of attribute ``name`` below a path."""
    others = tuple(canonicalize(Ref(other.root, (*other.path, name))) for other in ref.others)
    return canonicalize(Ref(ref.root, (*ref.path, name), others))


def _is_interpreter(path: tuple[str, ...]) -> bool:
    """Tell whether a path below ``pkgs`` goes through an interpreter to its packages."""
    return len(path) > 1 and bool(_PYTHON.fullmatch(path[0])) and path[1] == "pkgs"


def insist(name: str, value: Value) -> Value:
    """Treat ``pkgs``, ``lib`` and ``hacks`` as nixpkgs, its library and pyproject.nix's, however defined."""
    if name == "hacks" and not isinstance(value, Ref | Attrs):
        return Ref(Root.ARGUMENT, (name,))
    if name in {"pkgs", "lib"} and not isinstance(value, Ref | Attrs):
        return Ref(Root.PKGS if name == "pkgs" else Root.LIB)
    return value


GLOBALS: dict[str, Value] = {
    "true": Constant(True),
    "false": Constant(False),
    "null": Constant(None),
    "builtins": Ref(Root.LIB),
    "map": Ref(Root.LIB, ("map",)),
    **{name: Ref(Root.UNKNOWN, (name,)) for name in ("import", "throw", "abort", "toString", "derivation")},
}
"""The names that are in scope in every Nix file."""


def enter(function: Lambda, scope: Scope) -> tuple[Syntax, Scope]:
    """Return the body of a function and its scope, for unknown arguments.

    Both functions of an overlay (``final: prev: …``) are entered at once.
    """
    names: dict[str, Thunk] = {}
    if is_overlay(function):
        inner = function.body
        assert isinstance(inner, Lambda)
        root = Ref(find_overlay_root(inner.body))
        names = {str(name): Thunk(function, None, root) for name in (function.parameter, inner.parameter)}
        return inner.body, Scope(scope, names)
    if function.parameter is not None:
        whole = find_argument(function.parameter, formal=function.formals is not None)
        names[function.parameter] = Thunk(function, None, whole)
    for formal, _default in function.formals or ():
        names[formal] = Thunk(function, None, find_argument(formal, formal=True))
    return function.body, Scope(scope, names)


def bind_names(bindings: tuple[Binding, ...], scope: Scope) -> Scope:
    """Make the scope inside of a ``let`` or a recursive set."""
    inner = Scope(scope)
    nested: dict[str, list[Entry]] = {}
    for binding in bindings:
        head = binding.path[0]
        if not isinstance(head, str):
            continue
        thunk = Thunk(binding.value, scope if binding.outer else inner)
        if len(binding.path) == 1:
            inner.names[head] = thunk
        else:
            rest = tuple(key for key in binding.path[1:] if isinstance(key, str))
            if len(rest) == len(binding.path) - 1:
                nested.setdefault(head, []).append(Entry(rest, thunk, binding.place))
    for name, entries in nested.items():
        inner.names[name] = Thunk(entries[0].thunk.syntax, None, Attrs(tuple(entries)))
    return inner
