"""The functions of ``lib`` and ``builtins`` that overrides are written with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wheelfix.lint.nixfile.syntax import Syntax
from wheelfix.lint.nixfile.values import (
    Attrs,
    Constant,
    Element,
    Entry,
    Opaque,
    Seq,
    Thunk,
    Value,
    find_unclear,
    guard_attrs,
    guard_seq,
    join_attrs,
    join_seqs,
    to_attrs,
    to_seq,
)

if TYPE_CHECKING:
    from wheelfix.lint.nixfile.evaluate import Evaluator

ARITIES = {
    "concatLists": 1,
    "concatMap": 2,
    "filter": 2,
    "flatten": 1,
    "genAttrs": 2,
    "getBin": 1,
    "getDev": 1,
    "getLib": 1,
    "getOutput": 2,
    "map": 2,
    "mapAttrs": 2,
    "mapAttrs'": 2,
    "mergeAttrs": 2,
    "mergeAttrsList": 1,
    "mkForce": 1,
    "mkIf": 2,
    "optional": 2,
    "optionalAttrs": 2,
    "optionals": 2,
    "recursiveUpdate": 2,
    "remove": 2,
    "singleton": 1,
    "subtractLists": 2,
    "toList": 1,
    "unique": 1,
    "uniqueStrings": 1,
}
"""How many arguments each takes."""

_SAME = {"getBin", "getDev", "getLib", "getOutput", "mkForce", "toList", "unique", "uniqueStrings", "flatten"}


def apply_library(name: str, arguments: tuple[Thunk, ...], syntax: Syntax, evaluator: Evaluator) -> Value:
    """Apply a function of ``lib`` to all its arguments.

    Args:
        name: one of :data:`ARITIES`.
        arguments: as many as it takes.
        syntax: the whole application.
        evaluator: works out arguments.
    """
    force, last = evaluator.force, arguments[-1]
    match name:
        case _ if name in _SAME:
            return force(last)
        case "optional" | "optionals" | "optionalAttrs" | "mkIf":
            return _apply_optional(name, arguments, evaluator)
        case "filter" | "remove" | "subtractLists":
            return guard_seq(_to_seq(last, evaluator), syntax.text)
        case "singleton":
            return Seq((Element(last),))
        case "concatLists":
            lists = _to_seq(last, evaluator)
            return join_seqs([Seq(unclear=lists.unclear), *_flatten(lists, evaluator)])
        case "map" | "concatMap":
            found = _to_seq(last, evaluator)
            mapped = tuple(
                Element(_call(evaluator, arguments[0], (e.thunk,), syntax), e.condition)
                for e in found.elements
            )
            result = Seq(mapped, found.inherits, found.unclear)
            if name == "map":
                return result
            return join_seqs([Seq(unclear=found.unclear), *_flatten(result, evaluator)])
        case "genAttrs":
            return _generate(arguments, syntax, evaluator)
        case "mapAttrs":
            return _map_attrs(arguments, syntax, evaluator)
        case "mergeAttrs" | "recursiveUpdate":
            return join_attrs(_to_attrs(argument, evaluator) for argument in arguments)
        case "mergeAttrsList":
            sets = _to_seq(last, evaluator)
            merged = (guard_attrs(_to_attrs(e.thunk, evaluator), e.condition) for e in sets.elements)
            return join_attrs([Attrs(unclear=sets.unclear), *merged])
    return Opaque(find_unclear(syntax, f"{name} is not followed"))


def _apply_optional(name: str, arguments: tuple[Thunk, ...], evaluator: Evaluator) -> Value:
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
    if holds is False:
        return Seq()
    return (
        Seq((Element(content, text),)) if name == "optional" else guard_seq(_to_seq(content, evaluator), text)
    )


def _generate(arguments: tuple[Thunk, ...], syntax: Syntax, evaluator: Evaluator) -> Value:
    names, function = arguments
    found = _to_seq(names, evaluator)
    entries = []
    for element in found.elements:
        match evaluator.force(element.thunk):
            case Constant(value=str() as name):
                made = _call(evaluator, function, (element.thunk,), syntax)
                entries.append(Entry((name,), made, element.thunk.syntax.place, element.condition))
    return Attrs(tuple(entries), found.unclear)


def _map_attrs(arguments: tuple[Thunk, ...], syntax: Syntax, evaluator: Evaluator) -> Value:
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
