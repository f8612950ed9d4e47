"""Tells whether the name of a library is made when the program runs, of text and of something unknown.

It is asked about arguments whose values the sources do not spell out. Most of those are no finding: the path
of a file beside the source, what ``find_library`` found for a name that is known, what the user chose.
What is left are names with a part that a configuration, an environment variable or the system gives.
"""

from __future__ import annotations

import ast
import re
from itertools import islice
from typing import Final

from wheelfix.pysource.scope import Scope, name_last

_MAX_STEPS: Final = 200
"""Expressions looked at for one argument."""
_MAX_MEANINGS: Final = 8
_OWN: Final = frozenset(
    {"__file__", "__path__", "__spec__", "files", "resource_filename", "get_data", "find_spec", "as_file"}
)
"""Names by which a source finds files of its own distribution."""
_FOUND: Final = frozenset(
    {"find_library", "listdir", "glob", "iglob", "rglob", "iterdir", "scandir", "walk", "which"}
)
"""Functions whose results are names of files that are there."""
_FOREIGN: Final = re.compile(r"\.(?:dll|dylib|pyd|exe)\b|\.framework\b", re.IGNORECASE)
_LETTERS: Final = re.compile(r"[^\W\d_]")
_JOINED: Final = frozenset({"join", "format", "joinpath", "with_name"})


def is_computed(expr: ast.expr, scope: Scope, *, is_alone: bool) -> bool:
    """Whether an expression without known values is a name that is put together at run time.

    Args:
        expr: what is passed to a function that opens libraries.
        scope: where it stands.
        is_alone: whether its source names no other library: a variable of the environment is then the name,
            where else it is one that may be given in place of a known one.
    """
    left: list[tuple[ast.expr, Scope]] = [(expr, scope)]
    seen: set[int] = set()
    composed = False
    while left and len(seen) < _MAX_STEPS:
        node, where = left.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if _is_file(node, where):
            return False
        composed |= _is_composed(node) or (is_alone and _is_of_environment(node, where))
        for part in islice(ast.walk(node), _MAX_STEPS):
            if isinstance(part, ast.Name | ast.Attribute) and name_last(part) in _OWN | _FOUND:
                return False
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and _FOREIGN.search(part.value):
                return False
            if isinstance(part, ast.Name):
                left += [(bound.expr, bound.scope) for bound in where.find(part.id)[:_MAX_MEANINGS]]
            elif isinstance(part, ast.Attribute) and (owner := where.module.find_class(part.value, where)):
                bindings = owner.bindings.get(part.attr, [])
                left += [(bound.expr, bound.scope) for bound in bindings[:_MAX_MEANINGS]]
            elif isinstance(part, ast.Call) and (called := where.module.find_function(part.func, where)):
                left += [(result.expr, result.scope) for result in called.results[:_MAX_MEANINGS]]
    return composed and not left


def _is_composed(node: ast.expr) -> bool:
    """Whether text of the source is put together with something else."""
    match node:
        case ast.BinOp(op=ast.Add() | ast.Mod()) | ast.JoinedStr():
            pass
        case ast.Call(func=ast.Attribute(attr="format" | "join")):
            pass
        case _:
            return False
    return any(
        isinstance(part, ast.Constant) and isinstance(part.value, str) and _LETTERS.search(part.value)
        for part in islice(ast.walk(node), _MAX_STEPS)
    )


def _is_of_environment(node: ast.expr, scope: Scope) -> bool:
    match node:
        case ast.Subscript(value=held) | ast.Call(func=ast.Attribute(value=held, attr="get")):
            return scope.module.dotted(held, scope) == "os.environ"
        case ast.Call(func=func):
            return scope.module.dotted(func, scope) == "os.getenv"
    return False


def _is_file(node: ast.expr, scope: Scope) -> bool:
    """Whether it is a known name in a directory that is not known: no name that a loader looks up."""
    match node:
        case ast.JoinedStr(values=[*_, ast.Constant(value=str() as last)]):
            return "/" in last
        case ast.BinOp(op=ast.Add(), right=ast.Constant(value=str() as last)):
            return "/" in last
        case ast.BinOp(op=ast.Mod(), left=ast.Constant(value=str() as text)):
            return "/" in text
        case ast.BinOp(op=ast.Div()):
            return True
        case ast.Call(func=func, args=[_, *_]) if name_last(func) in _JOINED:
            full = scope.module.dotted(func, scope) or ""
            return full.startswith(("os.", "posixpath.")) or name_last(func) in {"joinpath", "with_name"}
    return False
