"""The scopes of function bodies, ``let`` and recursive sets."""

from __future__ import annotations

from wheelfix.lint.nixfile.roots import find_argument, find_overlay_root, is_overlay
from wheelfix.lint.nixfile.syntax import Binding, Lambda, Syntax
from wheelfix.lint.nixfile.values import Attrs, Entry, Ref, Scope, Thunk


def enter(function: Lambda, scope: Scope) -> tuple[Syntax, Scope]:
    """The body of a function and its scope, when nobody says what the function is called with.

    An overlay (``final: prev: …``) is entered at once.
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
    """The scope inside of a ``let`` or a recursive set."""
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
