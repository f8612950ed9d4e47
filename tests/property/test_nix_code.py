"""Whatever goes into generated code comes out of an evaluation by the real Nix as it went in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.nixeval import evaluate
from tests.support.uv2nix import NIX
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    FALSE,
    NULL,
    TRUE,
    Attrs,
    Binary,
    Binding,
    Commented,
    Expr,
    Formal,
    Formals,
    Has,
    If,
    Inherit,
    Int,
    Lambda,
    Let,
    List,
    Not,
    Path,
    Script,
    Select,
    Str,
    Var,
    With,
    bind,
    call,
    merge,
    select,
    text,
)

HOSTILE = [
    'x${builtins.abort "y"}',
    'a"b',
    "''",
    "''${x}",
    "a\nb",
    "a\r\nb",
    "3to2",
    "ruamel.yaml",
    "with",
    "or",
    "final:prev:",
    "a-b",
    "-1",
    "\\${x}",
    "$${x}",
    "$",
    "\\",
    "*/ 1",
    "# x",
    "/*",
    "\t",
    "\x01\x7f",
    "\u2028\u202e",
    "é😀",
    "",
    " ",
    "a" * 100,
    "} x {",
    "${",
    "<nixpkgs>",
    "__functor",
    "null",
]
TEXTS = (
    st.sampled_from(HOSTILE)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
    | st.lists(
        st.sampled_from(['"', "'", "\\", "$", "{", "}", "\n", "\r", "a", " ", "*", "/", "#", ";"])
    ).map("".join)
)
NAMES = TEXTS.filter(lambda name: name not in {"__functor", "outPath", "__toString"})
Pair = tuple[Expr, Any]
"""An expression, and the value it must have."""


def _binding(pair: tuple[str, Pair, str]) -> tuple[Binding, str, Any]:
    name, (expr, value), comment = pair
    return bind(name, expr, comment), name, value


def _attrs(found: list[tuple[str, Pair, str]]) -> Pair:
    bound = [_binding(pair) for pair in found]
    return Attrs(tuple(b for b, _, _ in bound)), {name: value for _, name, value in bound}


def _commented(found: tuple[str, Pair]) -> Pair:
    return Commented(found[0], found[1][0]), found[1][1]


def _extend(pairs: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    """Everything whose value is that of something inside it, or made of it."""
    return st.one_of(
        st.lists(pairs, max_size=4).map(lambda ps: (List(tuple(e for e, _ in ps)), [v for _, v in ps])),
        st.lists(st.tuples(NAMES, pairs, TEXTS), max_size=4, unique_by=lambda t: t[0]).map(_attrs),
        st.tuples(TEXTS, pairs).map(_commented),
        st.tuples(NAMES, pairs).map(lambda t: (Select(Attrs((bind(t[0], t[1][0]),)), (t[0],)), t[1][1])),
        st.tuples(NAMES, pairs).map(lambda t: (Select(Attrs(), (t[0],), t[1][0]), t[1][1])),
        st.tuples(NAMES, pairs).map(lambda t: (Has(Attrs((bind(t[0], t[1][0]),)), (t[0],)), True)),
        pairs.map(lambda p: (Let((bind("x", p[0]),), Var("x")), p[1])),
        pairs.map(lambda p: (With(Attrs((bind("w", p[0]),)), Var("w")), p[1])),
        pairs.map(lambda p: (call(Lambda("x", Var("x")), p[0]), p[1])),
        pairs.map(lambda p: (call(Lambda(Formals((Formal("x", p[0]),)), Var("x")), Attrs()), p[1])),
        st.tuples(pairs, pairs).map(lambda t: (If(TRUE, t[0][0], t[1][0]), t[0][1])),
        st.tuples(pairs, pairs).map(lambda t: (Not(Binary("==", t[0][0], t[1][0])), t[0][1] != t[1][1])),
        st.tuples(NAMES, pairs).map(
            lambda t: (
                Let((Inherit((t[0],), Attrs((bind(t[0], t[1][0]),))),), t[1][0])
                if t[0]
                else Let((), t[1][0]),
                t[1][1],
            )
        ),
    )


LEAVES: st.SearchStrategy[Pair] = st.one_of(
    TEXTS.map(lambda s: (text(s), s)),
    st.integers(-(2**63) + 1, 2**63 - 1).map(lambda i: (Int(i), i)),
    st.sampled_from([(TRUE, True), (FALSE, False), (NULL, None)]),
    st.lists(TEXTS).map(lambda s: (Script(tuple((line,) for line in s)), "".join(f"{x}\n" for x in s))),
    st.tuples(TEXTS, TEXTS).map(lambda t: (Str((t[0], text(t[1]), t[0])), t[0] + t[1] + t[0])),
)
VALUES = st.recursive(LEAVES, _extend, max_leaves=12)


def _numbers(pairs: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def combine(found: tuple[str, Pair, Pair]) -> Pair:
        operator, (left, a), (right, b) = found
        value = {"+": a + b, "-": a - b, "*": a * b}[operator]
        return Binary(operator, left, right), value

    return st.tuples(st.sampled_from("+-*"), pairs, pairs).map(combine)


def _truths(pairs: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def combine(found: tuple[str, Pair, Pair]) -> Pair:
        operator, (left, a), (right, b) = found
        value = {"&&": a and b, "||": a or b, "->": not a or b, "==": a == b, "!=": a != b}[operator]
        return Binary(operator, left, right), value

    operators = st.sampled_from(["&&", "||", "->", "==", "!="])
    return st.tuples(operators, pairs, pairs).map(combine) | pairs.map(lambda p: (Not(p[0]), not p[1]))


NUMBERS = st.recursive(st.integers(-9, 9).map(lambda i: (Int(i), i)), _numbers, max_leaves=9)
COMPARED = st.tuples(st.sampled_from(["<", "<=", ">", ">="]), NUMBERS, NUMBERS).map(
    lambda t: (
        Binary(t[0], t[1][0], t[2][0]),
        {"<": t[1][1] < t[2][1], "<=": t[1][1] <= t[2][1], ">": t[1][1] > t[2][1], ">=": t[1][1] >= t[2][1]}[
            t[0]
        ],
    )
)
TRUTHS = st.recursive(st.sampled_from([(TRUE, True), (FALSE, False)]) | COMPARED, _truths, max_leaves=9)
LISTS = st.recursive(
    st.lists(st.integers(-9, 9), max_size=9).map(lambda v: (List(tuple(Int(i) for i in v)), v)),
    lambda pairs: st.tuples(pairs, pairs).map(lambda t: (Binary("++", t[0][0], t[1][0]), t[0][1] + t[1][1])),
)
SETS = st.recursive(
    st.dictionaries(NAMES, st.integers(-9, 9), max_size=5).map(
        lambda d: (Attrs(tuple(bind(k, Int(v)) for k, v in d.items())), d)
    ),
    lambda pairs: st.tuples(pairs, pairs).map(
        lambda t: (Binary("//", t[0][0], t[1][0]), {**t[0][1], **t[1][1]})
    ),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(VALUES | NUMBERS | TRUTHS | LISTS | SETS, min_size=1, max_size=20))
def test_expressions_mean_what_they_are_made_of(pairs: list[Pair]) -> None:
    assert evaluate(List(tuple(e for e, _ in pairs))) == [v for _, v in pairs]


COMMON = st.sampled_from(["a", "b", "c", "d", "3to2", "ruamel.yaml", "with", "${x}"])
OVERLAYS = st.lists(st.tuples(COMMON, st.dictionaries(COMMON, st.integers(-9, 9), max_size=4)), max_size=9)


@settings(max_examples=30, deadline=None)
@given(st.lists(OVERLAYS, min_size=1, max_size=10), st.sets(COMMON))
def test_a_merge_means_what_a_chain_of_updates_means(
    overlays: list[list[tuple[str, dict[str, int]]]], there: set[str]
) -> None:
    """Sets are there only if the package that guards them is, and later ones win."""
    merged, chained, expected = [], [], []
    for guarded in overlays:
        sets = [
            call(
                "lib.optionalAttrs",
                Has(Var("prev"), (guard,)),
                Attrs(tuple(bind(k, Int(v)) for k, v in d.items())),
            )
            for guard, d in guarded
        ]
        merged.append(merge(sets))
        chain: Expr = Attrs()
        for one in sets:
            chain = Binary("//", chain, one)
        chained.append(chain)
        expected.append({k: v for guard, d in guarded if guard in there for k, v in d.items()})
    lib = call("import", Path(str(NIX / "standin" / "nixpkgs.lib" / "lib")))
    prev = Attrs(tuple(bind(name, call("builtins.abort", text("looked at"))) for name in sorted(there)))
    found = evaluate(
        Let((bind("lib", lib), bind("prev", prev)), List((List(tuple(merged)), List(tuple(chained)))))
    )
    assert found == [expected, expected]


@settings(max_examples=15, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=30, unique=True))
def test_names_stay_names(names: list[str]) -> None:
    whole = Attrs(tuple(bind(n, text(n)) for n in names))
    dotted = Attrs((Binding(tuple(names), Int(1)),))
    found = evaluate(
        List(
            (
                call("builtins.attrNames", whole),
                List(tuple(Select(whole, (n,)) for n in names)),
                Select(dotted, tuple(names)),
            )
        )
    )
    assert found == [sorted(names, key=str.encode), names, 1]


@settings(max_examples=15, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=20), st.integers(0, 70))
def test_comments_are_not_evaluated(comments: list[str], depth: int) -> None:
    items = tuple(Commented(c, Int(i)) for i, c in enumerate(comments))
    code = Attrs(
        tuple(bind(f"a{i}", item, c) for i, (c, item) in enumerate(zip(comments, items, strict=True)))
    )
    nested: Expr = Attrs((*code.bindings, bind("l", List(items, comments[-1]))), trailer=comments[0])
    for _ in range(depth):
        nested = List((nested,))
    found = evaluate(Commented(comments[0], nested))
    for _ in range(depth):
        (found,) = found
    numbers = list(range(len(comments)))
    assert found == {**{f"a{i}": i for i in numbers}, "l": numbers}


@settings(max_examples=200, deadline=None)
@given(VALUES | NUMBERS | SETS)
def test_printing_is_stable_and_lines_end_clean(pair: Pair) -> None:
    code = render(pair[0])
    assert code == render(pair[0])
    assert "\r" not in code


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_in_a_path_stays_data(name: str) -> None:
    packages = Attrs((bind("prev", Attrs((bind(name, text(name)),))),), rec=True)
    code = List((Has(select(packages, "prev"), (name,)), Select(packages, ("prev", name))))
    assert evaluate(code) == [True, name]
