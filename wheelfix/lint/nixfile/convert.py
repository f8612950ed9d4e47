"""tree-sitter's nodes to syntax tree."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from wheelfix.lint.model import Place
from wheelfix.lint.nixfile.syntax import (
    Apply,
    Binding,
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

_LONG_LINE = 1000  # beyond, columns are counted in bytes: counting characters would be quadratic
_SHOWN = 60
_ASSOCIATIVE = {"//", "++", "&&", "||"}  # operators whose chains mean the same however they are parenthesised
_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t", "'''": "''", "''\\n": "\n", "''\\r": "\r", "''\\t": "\t"}


def convert(node: Node, data: bytes) -> Syntax:
    """Convert an expression; it has no errors, and is not nested deeper than Python's stack allows.

    Args:
        node: of the tree.
        data: the file.
    """
    return _Converter(data).convert(node)


def read_operator(node: Node) -> str | None:
    """The operator of a binary expression; each has a node type of its own."""
    sign = node.child_by_field_name("operator") if node.type == "binary_expression" else None
    return sign.type if sign else None


def find_link(node: Node, operator: str | None) -> Node:
    """The part of a chain of an operator that stands in parentheses: ``(a // b) // c`` is one chain.

    Anything else is returned as it is, also what has two pairs of them.
    """
    if operator in _ASSOCIATIVE and node.type == "parenthesized_expression":
        inner = node.child_by_field_name("expression")
        if inner is not None and read_operator(inner) == operator:
            return inner
    return node


def find_column(data: bytes, node: Node) -> int:
    """Where a node starts in its line: in characters, from 1."""
    if node.start_point[1] > _LONG_LINE:
        return node.start_point[1] + 1
    start = node.start_byte - node.start_point[1]
    return len(data[start : node.start_byte].decode(errors="replace")) + 1


def _find_operands(node: Node) -> list[Node]:
    """The operands of a chain of one operator, in order; without recursion, chains are long."""
    operator = read_operator(node)
    found: list[Node] = []
    waiting = [node]
    while waiting:
        node = find_link(waiting.pop(), operator)
        if read_operator(node) == operator:
            sides = (node.child_by_field_name("right"), node.child_by_field_name("left"))
            waiting += [side for side in sides if side]
        else:
            found.append(node)
    return found


class _Converter:
    """One file: nodes know their offsets, not their bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def convert(self, node: Node) -> Syntax:
        while node.type in {"parenthesized_expression", "assert_expression"}:
            inner = node.child_by_field_name("expression") or node.child_by_field_name("body")
            assert inner is not None
            node = inner
        place, text = self._place(node), self._snippet(node)
        match node.type:
            case "variable_expression" | "identifier":
                return Name(place=place, text=text, name=self._read(node))
            case "string_expression" | "indented_string_expression":
                return self._convert_text(node)
            case "select_expression":
                default = node.child_by_field_name("default")
                return Select(
                    place=place,
                    text=text,
                    base=self._field(node, "expression"),
                    path=self._convert_path(node),
                    default=self.convert(default) if default else None,
                )
            case "has_attr_expression":
                return Has(place=place, text=text, base=self._field(node, "expression"))
            case "apply_expression":
                function, argument = self._field(node, "function"), self._field(node, "argument")
                return Apply(place=place, text=text, function=function, argument=argument)
            case "function_expression":
                return self._convert_lambda(node)
            case "attrset_expression" | "rec_attrset_expression":
                recursive = node.type.startswith("rec")
                return Set(place=place, text=text, bindings=self._bindings(node), recursive=recursive)
            case "let_attrset_expression":  # the old `let { x = …; body = …; }`
                return Set(place=place, text=text, bindings=self._bindings(node), recursive=True)
            case "let_expression":
                body = self._field(node, "body")
                return Let(place=place, text=text, bindings=self._bindings(node), body=body)
            case _:
                return self._convert_rest(node)

    def _convert_rest(self, node: Node) -> Syntax:
        place, text = self._place(node), self._snippet(node)
        match node.type:
            case "with_expression":
                environment, body = self._field(node, "environment"), self._field(node, "body")
                return With(place=place, text=text, environment=environment, body=body)
            case "if_expression":
                return If(
                    place=place,
                    text=text,
                    condition=self._field(node, "condition"),
                    consequence=self._field(node, "consequence"),
                    alternative=self._field(node, "alternative"),
                )
            case "list_expression":
                items = tuple(self.convert(item) for item in node.children_by_field_name("element"))
                return Items(place=place, text=text, items=items)
            case "binary_expression":
                operator = read_operator(node) or ""
                operands = tuple(self.convert(operand) for operand in _find_operands(node))
                return Operation(place=place, text=text, operator=operator, operands=operands)
            case "unary_expression":
                sign = node.child_by_field_name("operator")
                operands = (self._field(node, "argument"),)
                return Operation(
                    place=place, text=text, operator=self._read(sign) if sign else "", operands=operands
                )
            case _:
                return Syntax(place=place, text=text)

    def _convert_text(self, node: Node) -> Text:
        value: list[str] = []
        parts: list[Syntax] = []
        for child in node.named_children:
            if child.type == "interpolation":
                parts.append(self._field(child, "expression"))
            elif child.type == "escape_sequence":
                raw = self._read(child)
                value.append(_ESCAPES.get(raw, raw.removeprefix("''").removeprefix("\\")))
            elif child.type == "string_fragment":
                value.append(self._read(child))
        whole = None if parts else "".join(value)
        return Text(place=self._place(node), text=self._snippet(node), value=whole, parts=tuple(parts))

    def _convert_lambda(self, node: Node) -> Lambda:
        parameter = node.child_by_field_name("universal")
        formals = node.child_by_field_name("formals")
        every = formals.children_by_field_name("formal") if formals else []
        return Lambda(
            place=self._place(node),
            text=self._snippet(node),
            parameter=self._read(parameter) if parameter else None,
            formals=tuple(self._convert_formal(formal) for formal in every) if formals else None,
            body=self._field(node, "body"),
        )

    def _convert_formal(self, node: Node) -> tuple[str, Syntax | None]:
        name, default = node.child_by_field_name("name"), node.child_by_field_name("default")
        assert name is not None
        return self._read(name), self.convert(default) if default else None

    def _bindings(self, node: Node) -> tuple[Binding, ...]:
        return tuple(
            binding
            for group in node.named_children
            if group.type == "binding_set"
            for child in group.children_by_field_name("binding")
            for binding in self._convert_binding(child)
        )

    def _convert_binding(self, node: Node) -> Iterator[Binding]:
        if node.type == "binding":
            value = self._field(node, "expression")
            place, text = self._place(node), self._snippet(node)
            yield Binding(place=place, text=text, path=self._convert_path(node), value=value)
            return
        source = node.child_by_field_name("expression")
        base = self.convert(source) if source else None
        attrs = node.child_by_field_name("attrs")
        for attr in attrs.children_by_field_name("attr") if attrs else ():
            if attr.is_missing:
                continue
            key = self._convert_key(attr)
            place, text = self._place(attr), self._snippet(attr)
            if base is not None:
                value = Select(place=place, text=text, base=base, path=(key,))
            else:
                value = Name(place=place, text=text, name=key) if isinstance(key, str) else key
            yield Binding(place=place, text=text, path=(key,), value=value, outer=base is None)

    def _convert_path(self, node: Node) -> tuple[str | Syntax, ...]:
        path = node.child_by_field_name("attrpath")
        assert path is not None
        return tuple(self._convert_key(attr) for attr in path.children_by_field_name("attr"))

    def _convert_key(self, node: Node) -> str | Syntax:
        if node.type == "identifier":
            return self._read(node)
        key = self._field(node, "expression") if node.type == "interpolation" else self.convert(node)
        return key.value if isinstance(key, Text) and key.value is not None else key

    def _field(self, node: Node, name: str) -> Syntax:
        child = node.child_by_field_name(name)
        assert child is not None  # a tree without errors has all fields of its grammar
        return self.convert(child)

    def _read(self, node: Node) -> str:
        return self._data[node.start_byte : node.end_byte].decode()

    def _snippet(self, node: Node) -> str:
        raw = self._data[node.start_byte : min(node.end_byte, node.start_byte + 4 * _SHOWN)]
        words = " ".join(raw.decode(errors="replace").split())
        cut = len(words) > _SHOWN or node.end_byte - node.start_byte > len(raw)
        return words[:_SHOWN].rstrip() + " …" if cut else words

    def _place(self, node: Node) -> Place:
        return Place(line=node.start_point[0] + 1, column=find_column(self._data, node))
