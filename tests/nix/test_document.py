"""The layout of documents, whatever they spell."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wheelfix.nix.document import (
    COMMA,
    EMPTY,
    FORCED,
    HARD,
    JOINT,
    LINE,
    SOFT,
    STEP,
    Break,
    Comment,
    Document,
    Group,
    Hug,
    Nest,
    Paragraphs,
    flatten,
    group,
    hug,
    lay_out,
    may_hug,
    nest,
)


def bracket(*items: str) -> Document:
    return group("[", nest(*(part for item in items for part in (LINE, item))), LINE, "]", hugs=True)


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (11, ["f [ a b ];"]),
        (10, ["f [ a b ];"]),
        (9, ["f [", "  a", "  b", "];"]),
        (1, ["f [", "  a", "  b", "];"]),
    ],
)
def test_text_behind_a_group_counts_for_whether_it_fits(width: int, lines: list[str]) -> None:
    assert lay_out(group("f ", bracket("a", "b"), ";"), width).splitlines() == lines


def test_behind_a_joint_it_does_not_count() -> None:
    assert lay_out(group(bracket("a", "b"), JOINT, ".long.name"), 7) == "[ a b ].long.name"
    assert lay_out(group(bracket("a", "b"), ".long.name"), 7) == "[\n  a\n  b\n].long.name"


def test_the_outer_group_is_broken_first() -> None:
    code = group("f", nest(LINE, group("(", nest(SOFT, bracket("a", "b")), SOFT, ")")), nest(LINE, "c"))
    assert lay_out(code, 13) == "f ([ a b ]) c"
    assert lay_out(code, 12) == lay_out(code, 11) == "f\n  ([ a b ])\n  c"
    assert lay_out(code, 10) == "f\n  (\n    [\n      a\n      b\n    ]\n  )\n  c"


def test_a_hug_breaks_its_last_part_alone_where_head_and_bracket_have_room() -> None:
    last = bracket("aaa", "bbb")
    code = group(hug("head", last, "head", nest(LINE, last)), ";")
    assert lay_out(code, 17) == "head [ aaa bbb ];"
    assert lay_out(code, 16) == "head [\n  aaa\n  bbb\n];"
    assert lay_out(code, 6) == "head [\n  aaa\n  bbb\n];"
    assert lay_out(code, 5) == "head\n  [\n    aaa\n    bbb\n  ];"


@pytest.mark.parametrize("forced", [HARD, FORCED, Comment("why")])
def test_what_is_forced_breaks_all_that_is_around_it(forced: Document) -> None:
    code = group("(", nest(SOFT, group("a", forced, LINE, "b")), SOFT, ")")
    assert flatten([code]) is None
    first, *_, last = lay_out(code).splitlines()
    assert (first, last) == ("(", ")")


def test_text_may_be_there_in_broken_groups_only() -> None:
    code = group("{", nest(LINE, "a", COMMA), LINE, "}")
    assert lay_out(code) == "{ a }"
    assert lay_out(code, 4) == "{\n  a,\n}"


def test_comments_are_wrapped_at_the_width_and_keep_some_room() -> None:
    words = "word " * 30
    for depth in (0, 1, 40):
        code: Document = group(Comment(words), LINE, "x")
        for _ in range(depth):
            code = nest(HARD, code)
        lines = [line for line in lay_out(code).splitlines() if "#" in line]
        width = max(80 - depth * STEP, 42) - len("# ")
        assert [line.strip().removeprefix("# ") for line in lines] == textwrap.wrap(words, width)
        assert {line.index("#") for line in lines} == {depth * STEP}


def test_an_empty_line_stands_between_two_long_paragraphs() -> None:
    long, short = group("a", FORCED, LINE, "b"), "c"
    assert lay_out(Paragraphs((long, long, short, long, long, short, short))).splitlines() == [
        "", "a", "b", "", "a", "b", "c", "a", "b", "", "a", "b", "c", "c",
    ]  # fmt: skip
    nested = nest(Paragraphs((group("x", nest(Paragraphs((long, long)))), short)))
    assert lay_out(nested).splitlines() == ["", "  x", "    a", "    b", "", "    a", "    b", "  c"]


def test_lines_without_text_have_no_indentation() -> None:
    assert lay_out(group("''", nest(HARD, "a", EMPTY, HARD, "b"), HARD, "''")) == "''\n  a\n\n  b\n''"


def test_only_what_begins_with_a_bracket_hugs() -> None:
    assert may_hug(bracket("a"))
    assert may_hug(hug("f", bracket("a"), "f", LINE, bracket("a")))
    others: list[Document] = ["text", LINE, group("a"), nest(bracket("a")), Paragraphs((bracket("a"),))]
    assert not any(map(may_hug, others))


LEAVES: st.SearchStrategy[Document] = st.text("abc", max_size=9) | st.sampled_from(
    [LINE, SOFT, HARD, COMMA, FORCED, JOINT]
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5).map(lambda parts: group(*parts)),
        st.lists(inner, max_size=5).map(lambda parts: nest(*parts)),
        st.lists(inner, max_size=3).map(lambda parts: Paragraphs(tuple(parts))),
        st.tuples(st.text("abc", max_size=9), inner).map(lambda t: hug(t[0], t[1], t[0], LINE, t[1])),
    ),
)


@settings(deadline=None)
@given(DOCUMENTS, st.integers(1, 100))
def test_a_layout_changes_white_space_and_commas_alone(document: Document, width: int) -> None:
    def show(part: Document) -> str:
        match part:
            case str():
                return part
            case Group() | Nest() | Paragraphs():
                return "".join(map(show, part.parts))
            case Hug():
                return part.head + show(part.last)
            case Break() | Comment():
                return ""

    code = lay_out(document, width)
    assert "".join(code.split()).replace(",", "") == show(document)
    flat = flatten([document])
    if flat is not None and isinstance(document, Group) and len(flat) <= width:
        assert code == flat


def test_ten_thousand_levels_and_parts_are_laid_out_without_recursion() -> None:
    deep: Document = "x"
    for _ in range(10_000):
        deep = nest(deep, FORCED)
    assert lay_out(deep) == "x"
    wide = bracket(*["a"] * 10_000)
    assert lay_out(wide).split("\n") == ["[", *["  a"] * 10_000, "]"]
