"""Sentences are for people: the program decides by data, and never looks into what it wrote."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

import wheelfix
from wheelfix.model import classes
from wheelfix.scan import sentences as words

PACKAGE = Path(wheelfix.__file__).parent
SENTENCES = frozenset({"answer", "evidence", "hint", "message", "problem", "reason", "what"})
"""Fields that hold text for people."""
SEARCHES = frozenset(
    {"count", "endswith", "find", "index", "partition", "removeprefix", "removesuffix", "replace", "rfind"}
    | {"rpartition", "rsplit", "split", "startswith"}
)
PATTERNS = frozenset({"findall", "finditer", "fullmatch", "match", "search", "sub"})


def is_sentence(node: ast.AST) -> bool:
    """A field for people, or what somebody just wrote of a cause."""
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        return name.startswith(("say_", "_say_")) or (
            isinstance(node.func, ast.Attribute)
            and is_sentence(node.func.value)
            and name in {"lower", "upper"}
        )
    return isinstance(node, ast.Attribute) and node.attr in SENTENCES


def find_searches(source: str) -> Iterator[int]:
    """Lines that look for something in a sentence, or compare it with one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            fixed = any(isinstance(side, ast.Constant | ast.JoinedStr) for side in sides)
            asks = any(isinstance(op, ast.In | ast.NotIn) or fixed for op in node.ops)
            if asks and any(is_sentence(side) for side in sides):
                yield node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            searched = node.func.attr in SEARCHES and is_sentence(node.func.value)
            matched = node.func.attr in PATTERNS and any(is_sentence(a) for a in node.args)
            if searched or matched:
                yield node.lineno


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("'no rpath' in need.reason", True),
        ("say_cause(need.cause).startswith('rpath')", True),
        ("re.search('musl', finding.message)", True),
        ("step.answer == 'yes'", True),
        ("kept.reason.replace('a', 'b')", True),
        ("'x' in finding.message.lower()", True),
        ("f'{need.soname}: {need.reason}'", False),
        ("isinstance(need.cause, Unreached)", False),
    ],
)
def test_a_search_is_seen(source: str, found: bool) -> None:
    assert bool(list(find_searches(source))) is found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_looks_into_a_sentence(path: Path) -> None:
    assert list(find_searches(path.read_text())) == []


def test_every_cause_is_told_from_the_others_by_its_kind_and_has_words() -> None:
    kinds = get_args(classes.Cause)
    assert len({kind.__struct_config__.tag for kind in kinds}) == len(kinds) > 10
    matched = {
        node.pattern.cls.id
        for node in ast.walk(ast.parse(Path(words.__file__).read_text()))
        if isinstance(node, ast.match_case)
        and isinstance(node.pattern, ast.MatchClass)
        and isinstance(node.pattern.cls, ast.Name)
    }
    assert {kind.__name__ for kind in kinds} <= matched
