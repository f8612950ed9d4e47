"""Nix source to syntax tree, by tree-sitter's grammar of Nix. The door to ``tree_sitter``.

tree-sitter keeps places, which ``nix-instantiate --parse`` does not, reads files whose variables nobody
defined, and needs no Nix. It repairs what it cannot parse, so any repair is an error here.
"""

from __future__ import annotations

import time
from bisect import bisect
from collections.abc import Iterator, Sequence
from functools import cache

import tree_sitter_nix
from tree_sitter import Language, Node, Parser

from wheelfix.errors import InputError
from wheelfix.lint.nixfile.convert import convert, find_column, find_link, read_operator
from wheelfix.lint.nixfile.syntax import Syntax

LARGEST = 1 << 24
"""Bytes; wheelfix's own file of complete packages for 5 000 wheels has half of it."""

_MOST = 2_000_000  # words and signs, of which the same file has 1.6 million; the tree has a node for each
_DEEPEST = 150  # levels; the largest file of overrides that people maintain has 37
_SECONDS = 5.0  # long chains of operators take quadratic time to parse; that file takes 0.02
_PER_PATIENCE = 1 << 22  # bytes that may take as long again; they take a tenth of it
_CHUNK = 1 << 16
_WORD = {*b"_'-", *range(128, 256), *(c for c in range(128) if chr(c).isalnum())}
_KINDS = bytes(b"a"[0] if c in _WORD else b" "[0] if chr(c).isspace() else b"."[0] for c in range(256))


def parse_nix(data: bytes, *, subject: str) -> Syntax:
    """Parse one Nix expression.

    Args:
        data: the file.
        subject: what it is called in messages.

    Raises:
        InputError: it is no Nix, no UTF-8, too large, or nested too deeply.
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
    """How many words and signs there are, more or less: known before the parser takes memory for each."""
    kinds = data.translate(_KINDS)
    return kinds.count(b".") + kinds.count(b" a") + kinds.count(b".a")


@cache
def _load_language() -> Language:
    return Language(tree_sitter_nix.language())


def _parse(data: bytes, subject: str) -> Node:
    """Parse; where there are errors, again without the commas that the grammar does not know.

    ``{ lib, pkgs, }:``, as formatters write it, is Nix, and no part of the grammar's release 0.1.0. Such
    commas become blanks, so that all else stays in its place.
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
    try:
        tree = Parser(_load_language()).parse(
            lambda offset, _point: data[offset : offset + _CHUNK],
            progress_callback=lambda _offset, _has_error: time.monotonic() > end,
        )
    except ValueError:
        raise InputError(subject, "takes too long to parse", "split very long expressions") from None
    return tree.root_node


def _find_last_commas(root: Node, blanked: Sequence[int]) -> list[int]:
    """Offsets of commas right before a closing brace; ``, , }`` stays an error.

    Args:
        root: of a tree with errors.
        blanked: offsets of those that are blanks by now, sorted.
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
    """The type and offset of every token, without comments and what the parser made up."""
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
    """Walk without recursion: the tree may be deeper than Python's stack.

    A chain of one operator counts as one level; it is nested in the tree, and flat once converted.
    """
    cursor = root.walk()
    above: list[tuple[int, str | None]] = [(0, None)]  # depth and operator of what the cursor is in
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
    """``inherit (lib) ;`` is Nix; the grammar wants a name there."""
    return node.parent is not None and node.parent.type == "inherited_attrs"


def _explain_error(node: Node, data: bytes, subject: str) -> InputError:
    where = f"{subject}:{node.start_point[0] + 1}:{find_column(data, node)}"
    missing = f", `{node.type}` is missing" if node.is_missing else ""
    hint = f"see what Nix says: `nix-instantiate --parse {subject}`"
    return InputError(where, f"syntax error{missing}", hint)
