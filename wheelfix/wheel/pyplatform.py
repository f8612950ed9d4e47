"""Which branches of Python code run on Linux, decided without running any of it.

Only tests that say so plainly are decided: comparisons of ``sys.platform``, ``os.name``,
``platform.system()`` and names that stand for them. Everything else stays open, and both
branches count.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Final

Constants = Callable[[ast.expr], object]
"""Value of a platform expression on Linux, or :data:`OPEN`."""

OPEN: Final = object()
"""An expression that was not decided."""

_FACTS: Final[Mapping[str, object]] = {
    "sys.platform": "linux",
    "os.name": "posix",
    "platform.system": "Linux",
    "platform.platform": "Linux-",
    "os.uname": ("Linux",),
    "platform.uname": ("Linux",),
}
# Names by which modules hand the answer on: IS_WINDOWS, _is_win32, WINDOWS, on_macos, compat_platform.
_OTHER_SYSTEM: Final = re.compile(
    r"_*(?:(?:is|on)_?)?(?:windows|win32|win64|win|nt|darwin|mac_?osx?|osx|apple|cygwin|msys)_*", re.IGNORECASE
)
_LINUX: Final = re.compile(r"_*(?:is|on)_?linux_*", re.IGNORECASE)
_PLATFORM_NAMES: Final = frozenset({"compat_platform", "sys_platform"})
_WINDOWS_ONLY: Final = frozenset({"add_dll_directory", "getwindowsversion", "startfile"})

_COMPARE: Final[Mapping[type[ast.cmpop], Callable[[object, object], object]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
    ast.In: lambda a, b: isinstance(a, str) and isinstance(b, str | tuple) and a in b,
    ast.NotIn: lambda a, b: not (isinstance(a, str) and isinstance(b, str | tuple) and a in b),
}
_METHODS: Final[Mapping[str, Callable[..., object]]] = {
    "lower": str.lower,
    "upper": str.upper,
    "casefold": str.casefold,
    "startswith": str.startswith,
    "endswith": str.endswith,
}


def decide(
    test: ast.expr, dotted: Callable[[ast.expr], str | None], lookup: Callable[[str], ast.expr | None]
) -> bool | None:
    """Say whether a test holds on Linux.

    Args:
        test: the condition of an ``if``.
        dotted: names what an expression was imported as (``sys.platform``), or None.
        lookup: the only value ever assigned to a variable, or None.

    Returns:
        None if that depends on more than the platform.
    """
    value = evaluate(test, dotted, lookup)
    return None if value is OPEN else bool(value)


def evaluate(
    expr: ast.expr, dotted: Callable[[ast.expr], str | None], lookup: Callable[[str], ast.expr | None]
) -> object:
    """Compute a platform expression for Linux.

    Returns:
        A string, boolean or tuple; :data:`OPEN` if it is none the platform decides.
    """
    seen: set[str] = set()

    def value(node: ast.expr) -> object:
        match node:
            case ast.Constant(value=str() | bool() | None):
                return node.value
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                parts = tuple(value(item) for item in items)
                return OPEN if OPEN in parts else parts
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return OPEN if (known := value(inner)) is OPEN else not known
            case ast.BoolOp():
                return _combine(node, value)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return _compare(op, value(left), value(right))
            case ast.Call():
                return _call(node, value, dotted)
            case ast.Subscript(value=base, slice=ast.Constant(value=0)) if isinstance(found := value(base), tuple):
                return found[0]
            case ast.Name() | ast.Attribute():
                return _name(node)
        return OPEN

    def _name(node: ast.Name | ast.Attribute) -> object:
        if (full := dotted(node)) in _FACTS:
            return _FACTS[full]
        name = node.id if isinstance(node, ast.Name) else node.attr
        if isinstance(node, ast.Name) and name not in seen and (bound := lookup(name)) is not None:
            seen.add(name)
            found = value(bound)
            seen.discard(name)
            return found
        if name in _PLATFORM_NAMES:
            return "linux"
        if _OTHER_SYSTEM.fullmatch(name):
            return False
        return True if _LINUX.fullmatch(name) else OPEN

    return value(expr)


def _combine(node: ast.BoolOp, value: Constants) -> object:
    """``and`` is settled by one false operand, ``or`` by one true one, whatever the others are."""
    settles = isinstance(node.op, ast.Or)
    known = [value(item) for item in node.values]
    if any(item is not OPEN and bool(item) is settles for item in known):
        return settles
    return OPEN if OPEN in known else not settles


def _compare(op: ast.cmpop, left: object, right: object) -> object:
    if left is OPEN or right is OPEN or type(op) not in _COMPARE:
        return OPEN
    return _COMPARE[type(op)](left, right)


def _call(node: ast.Call, value: Constants, dotted: Callable[[ast.expr], str | None]) -> object:
    full = dotted(node.func)
    if full in _FACTS:
        return _FACTS[full]
    match node:
        case ast.Call(func=ast.Name(id="hasattr"), args=[_, ast.Constant(value=str(name))]):
            return False if name in _WINDOWS_ONLY else OPEN
        case ast.Call(func=ast.Attribute(value=base, attr=method), args=args) if method in _METHODS:
            parts = [value(base), *map(value, args)]
            if isinstance(parts[0], str) and all(isinstance(p, str | tuple) for p in parts) and len(parts) < 3:
                try:
                    return _METHODS[method](*parts)
                except TypeError:
                    return OPEN
    return OPEN
