"""Decides which branches of Python code run on Linux, without running them.

Only plain tests are decided: comparisons of ``sys.platform``, ``os.name``, ``platform.system()`` and names
that stand for them. Every other test is left open, and both branches are followed.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from typing import Final

Dotted = Callable[[ast.expr], str | None]
"""Returns the name an expression was imported under (``sys.platform``), or None."""

Lookup = Callable[[str], ast.expr | None]
"""Returns the only value ever bound to a variable, or None."""

OPEN: Final = object()
"""Result for an expression that was not decided."""

_FACTS: Final[Mapping[str, object]] = {
    "sys.platform": "linux",
    "os.name": "posix",
    "platform.system": "Linux",
    "platform.platform": "Linux-",
    "os.uname": ("Linux",),
    "platform.uname": ("Linux",),
}
# Names by which modules share the result: IS_WINDOWS, _is_win32, WINDOWS, on_macos, compat_platform.
_OTHER_SYSTEM: Final = re.compile(
    r"_*(?:(?:is|on)_?)?(?:windows|win32|win64|win|nt|darwin|mac_?osx?|osx|apple|cygwin|msys)_*",
    re.IGNORECASE,
)
_LINUX: Final = re.compile(r"_*(?:is|on)_?linux_*", re.IGNORECASE)
_PLATFORM_NAMES: Final = frozenset({"compat_platform", "sys_platform"})
_MAX_STEPS: Final = 200
_WINDOWS_ONLY: Final = frozenset({"add_dll_directory", "getwindowsversion", "startfile"})

_COMPARE: Final[Mapping[type[ast.cmpop], Callable[[object, object], object]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
    ast.In: lambda a, b: isinstance(a, str) and isinstance(b, str | tuple) and a in b,
    ast.NotIn: lambda a, b: not (isinstance(a, str) and isinstance(b, str | tuple) and a in b),
}


def decide(test: ast.expr, dotted: Dotted, lookup: Lookup) -> bool | None:
    """Tell whether a test holds on Linux; None if that depends on more than the platform."""
    value = evaluate(test, dotted, lookup)
    return None if value is OPEN else bool(value)


def evaluate(expr: ast.expr, dotted: Dotted, lookup: Lookup) -> object:
    """Compute a platform expression for Linux.

    Returns:
        A string, boolean or tuple; :data:`OPEN` if the platform alone does not decide it.
    """
    return _Evaluation(dotted, lookup).value(expr)


class _Evaluation:
    """One evaluation, with the names it has visited and the steps it has left."""

    def __init__(self, dotted: Dotted, lookup: Lookup) -> None:
        self._dotted, self._lookup = dotted, lookup
        self._names: dict[str, object] = {}
        self._steps = _MAX_STEPS

    def value(self, node: ast.expr) -> object:
        self._steps -= 1
        if self._steps < 0:
            return OPEN
        match node:
            case ast.Constant(value=str() | bool() | None):
                return node.value
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                parts = tuple(self.value(item) for item in items)
                return OPEN if OPEN in parts else parts
            case ast.UnaryOp(op=ast.Not(), operand=inner):
                return OPEN if (known := self.value(inner)) is OPEN else not known
            case ast.BoolOp(op=op, values=items):
                return self._combine(isinstance(op, ast.Or), items)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return _compare(op, self.value(left), self.value(right))
            case ast.Call(func=func, args=args):
                return self._call(func, args)
            case ast.Subscript(value=base, slice=ast.Constant(value=0)):
                found = self.value(base)
                return found[0] if isinstance(found, tuple) and found else OPEN
            case ast.Name(id=name) | ast.Attribute(attr=name):
                return self._name(node, name)
        return OPEN

    def _name(self, node: ast.expr, name: str) -> object:
        if (full := self._dotted(node)) and full in _FACTS:
            return _FACTS[full]
        if isinstance(node, ast.Name):
            if name not in self._names and (bound := self._lookup(name)) is not None:
                self._names[name] = OPEN  # stops at a name that is defined by itself
                self._names[name] = self.value(bound)
            if (known := self._names.get(name, OPEN)) is not OPEN:
                return known
        if name in _PLATFORM_NAMES:
            return "linux"
        if _OTHER_SYSTEM.fullmatch(name):
            return False
        return True if _LINUX.fullmatch(name) else OPEN

    def _combine(self, settles: bool, items: list[ast.expr]) -> object:
        """Combine operands: one false operand decides ``and``, and one true operand decides ``or``."""
        known = [self.value(item) for item in items]
        if any(item is not OPEN and bool(item) is settles for item in known):
            return settles
        return OPEN if OPEN in known else not settles

    def _call(self, func: ast.expr, args: list[ast.expr]) -> object:
        if (full := self._dotted(func)) and full in _FACTS:
            return _FACTS[full]
        match func, args:
            case ast.Name(id="hasattr"), [_, ast.Constant(value=str(name))] if name in _WINDOWS_ONLY:
                return False
            case ast.Attribute(value=base, attr=("startswith" | "endswith") as method), [arg]:
                text, part = self.value(base), self.value(arg)
                parts = part if isinstance(part, tuple) else (part,)
                if isinstance(text, str) and all(isinstance(p, str) for p in parts):
                    return any(getattr(text, method)(p) for p in parts)
            case ast.Attribute(value=base, attr=("lower" | "upper" | "casefold") as method), []:
                text = self.value(base)
                return getattr(text, method)() if isinstance(text, str) else OPEN
        return OPEN


def _compare(op: ast.cmpop, left: object, right: object) -> object:
    if left is OPEN or right is OPEN or type(op) not in _COMPARE:
        return OPEN
    return _COMPARE[type(op)](left, right)
