"""Parses Nix source to a syntax tree, by tree-sitter's grammar of Nix. The door to ``tree_sitter``.

Unlike ``nix-instantiate --parse``, tree-sitter keeps positions, accepts files with undefined variables, and
needs no Nix. It repairs syntax errors, so any repair is an error here. It is an extra of this package, and
imported only when a file is parsed.
"""

from __future__ import annotations

import time
from bisect import bisect
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from wheelfix.errors import InputError
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

if TYPE_CHECKING:
    from tree_sitter import Language, Node

LARGEST = 1 << 24
"""Largest file in bytes; a generated file of complete packages for 5 000 wheels has half of it."""

_MOST = 2_000_000  # tokens; that file has 1.6 million, and the tree has a node for each
_DEEPEST = 150  # levels; the largest hand-written file of overrides has 37
_SECONDS = 5.0  # long chains of operators take quadratic time; that file takes 0.02
_PER_PATIENCE = 1 << 22  # bytes that add as many seconds again; they need a tenth of it
_CHUNK = 1 << 16
_WORD = {*b"_'-", *range(128, 256), *(c for c in range(128) if chr(c).isalnum())}
_KINDS = bytes(b"a"[0] if c in _WORD else b" "[0] if chr(c).isspace() else b"."[0] for c in range(256))
_LONG_LINE = 1000  # in longer lines, columns count bytes: counting characters would be quadratic
_SHOWN = 60
_ASSOCIATIVE = {"//", "++", "&&", "||"}  # operators that are associative
_ESCAPES = {"\\n": "\n", "\\r": "\r", "\\t": "\t", "'''": "''", "''\\n": "\n", "''\\r": "\r", "''\\t": "\t"}


def parse_nix(data: bytes, *, subject: str) -> Syntax:
    """Parse one Nix expression.

    Args:
        data: the file.
        subject: name of the file in messages.

    Raises:
        InputError: it is not Nix, not UTF-8, too large, or nested too deeply.
    """
    _check_text(data, subject)
    root = _parse(data, subject)
    _check_tree(root, data, subject)
    expression = root.child_by_field_name("expression")
    if expression is None:
        raise InputError(subject, "no expression in it", "name a file with Nix overrides")
    return convert(expression, data)


def _check_text(data: bytes, subject: str) -> None:
    if len(data) > LARGEST:
        raise InputError(subject, f"larger than {LARGEST >> 20} MB", "name a file with Nix overrides")
    if (nul := data.find(0)) >= 0:
        line = data.count(b"\n", 0, nul) + 1
        raise InputError(f"{subject}:{line}", "a NUL byte", "name a file with Nix overrides")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{subject}:{line}", "is not UTF-8", "save the file as UTF-8") from None
    if _count_words(data) > _MOST:
        hint = "split the file, or name one with Nix overrides"
        raise InputError(subject, f"more than {_MOST // 1_000_000} million words and signs", hint)


def _count_words(data: bytes) -> int:
    """Estimate the number of tokens, before the parser allocates memory for each."""
    kinds = data.translate(_KINDS)
    return kinds.count(b".") + kinds.count(b" a") + kinds.count(b".a")


@cache
def _load_language() -> Language:
    """Load the grammar.

    Raises:
        InputError: the parser or the grammar is not installed.
    """
    try:
        import tree_sitter_nix
        from tree_sitter import Language
    except ImportError:
        problem = "cannot read Nix: tree-sitter or tree-sitter-nix is not installed"
        raise InputError("override --check", problem, "run `pip install 'wheelfix[lint]'`") from None
    return Language(tree_sitter_nix.language())


def _parse(data: bytes, subject: str) -> Node:
    """Parse; if there are errors, parse again without the commas that the grammar does not support.

    ``{ lib, pkgs, }:``, as formatters write it, is valid Nix, but release 0.1.0 of the grammar does not
    accept it. Such commas are replaced by blanks, so that positions do not change.
    """
    end = time.monotonic() + _SECONDS * (1 + len(data) / _PER_PATIENCE)
    source = bytearray(data)
    blanked: list[int] = []
    while True:
        root = _parse_once(bytes(source), subject, end)
        found = _find_last_commas(root, blanked) if root.has_error else []
        if not found:
            return root
        blanked = sorted([*blanked, *found])
        for offset in found:
            source[offset] = ord(" ")


def _parse_once(data: bytes, subject: str, end: float) -> Node:
    language = _load_language()
    from tree_sitter import Parser

    try:
        tree = Parser(language).parse(
            lambda offset, _point: data[offset : offset + _CHUNK],
            progress_callback=lambda _offset, _has_error: time.monotonic() > end,
        )
    except ValueError:
        raise InputError(subject, "takes too long to parse", "split very long expressions") from None
    return tree.root_node


def _find_last_commas(root: Node, blanked: Sequence[int]) -> list[int]:
    """Find the offsets of commas before a closing brace; ``, , }`` is still an error.

    Args:
        root: root of a tree with errors.
        blanked: offsets of commas that were replaced already, sorted.
    """
    found = []
    before, comma = "", -1
    for kind, start in _list_tokens(root):
        if kind == "}" and comma >= 0 and bisect(blanked, comma) == bisect(blanked, start):
            found.append(comma)
        comma = start if kind == "," and before not in {"{", ","} else -1
        before = kind
    return found


def _list_tokens(root: Node) -> Iterator[tuple[str, int]]:
    """List the type and offset of every token, without comments and tokens that the parser inserted."""
    cursor = root.walk()
    while True:
        node = cursor.node
        assert node is not None
        if node.child_count == 0 and node.type != "comment" and node.end_byte > node.start_byte:
            yield node.type, node.start_byte
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def _check_tree(root: Node, data: bytes, subject: str) -> None:
    """Check a tree without recursion: it may be deeper than Python's stack.

    A chain of one operator counts as one level: it is nested in this tree, and flat after the conversion.
    """
    cursor = root.walk()
    above: list[tuple[int, str | None]] = [(0, None)]  # depth and operator of the nodes around the cursor
    while True:
        node = cursor.node
        assert node is not None
        depth, around = above[-1]
        operator = read_operator(find_link(node, around))
        if operator is None or operator != around:
            depth += 1
        if depth > _DEEPEST:
            where = f"{subject}:{node.start_point[0] + 1}"
            raise InputError(where, f"nested more than {_DEEPEST} levels deep", "take the expression apart")
        if node.is_error or (node.is_missing and not _is_empty_inherit(node)):
            raise _explain_error(node, data, subject)
        if cursor.goto_first_child():
            above.append((depth, operator))
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            above.pop()


def _is_empty_inherit(node: Node) -> bool:
    """Whether it is ``inherit (lib) ;``, which is valid Nix, although the grammar requires a name there."""
    return node.parent is not None and node.parent.type == "inherited_attrs"


def _explain_error(node: Node, data: bytes, subject: str) -> InputError:
    where = f"{subject}:{node.start_point[0] + 1}:{find_column(data, node)}"
    missing = f", `{node.type}` is missing" if node.is_missing else ""
    hint = f"see what Nix says: `nix-instantiate --parse {subject}`"
    return InputError(where, f"syntax error{missing}", hint)


# Conversion of tree-sitter's nodes to the syntax tree


def convert(node: Node, data: bytes) -> Syntax:
    """Convert an expression that has no errors, and is not nested deeper than Python's stack allows.

    Args:
        node: node of the tree.
        data: the file.
    """
    return _Converter(data).convert(node)


def read_operator(node: Node) -> str | None:
    """Read the operator of a binary expression; each operator has its own node type."""
    sign = node.child_by_field_name("operator") if node.type == "binary_expression" else None
    return sign.type if sign else None


def find_link(node: Node, operator: str | None) -> Node:
    """Return the parenthesised part of a chain of an operator: ``(a // b) // c`` is one chain.

    Any other node is returned unchanged, also one with two pairs of parentheses.
    """
    if operator in _ASSOCIATIVE and node.type == "parenthesized_expression":
        inner = node.child_by_field_name("expression")
        if inner is not None and read_operator(inner) == operator:
            return inner
    return node


def find_column(data: bytes, node: Node) -> int:
    """Find the column of a node, in characters, from 1."""
    if node.start_point[1] > _LONG_LINE:
        return node.start_point[1] + 1
    start = node.start_byte - node.start_point[1]
    return len(data[start : node.start_byte].decode(errors="replace")) + 1


def _find_operands(node: Node) -> list[Node]:
    """List the operands of a chain of one operator, in order; without recursion, as chains are long."""
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
    """Converter of one file, with its bytes, as nodes have only offsets."""

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
        parts: list[str | Syntax] = []
        for child in node.named_children:
            if child.type == "interpolation":
                parts.append(self._field(child, "expression"))
            elif child.type == "escape_sequence":
                raw = self._read(child)
                parts.append(_ESCAPES.get(raw, raw.removeprefix("''").removeprefix("\\")))
            elif child.type == "string_fragment":
                parts.append(self._read(child))
        words = [part for part in parts if isinstance(part, str)]
        whole = "".join(words) if len(words) == len(parts) else None
        pieces = () if whole is not None else tuple(parts)
        return Text(place=self._place(node), text=self._snippet(node), value=whole, parts=pieces)

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
        assert child is not None  # a tree without errors has all fields of the grammar
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
