"""YAML: scalars are text, bounds hold, what is wrong has its line, and what is written is read as it was."""

from __future__ import annotations

import sys

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from wheelfix.errors import InputError
from wheelfix.lockfile.yaml import parse_yaml, write_yaml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "3.10",
        "no",
        "y",
        "null",
        "~",
        "1e3",
        "0o14",
        "0x1f",
        "1_0",
        ".inf",
        "2026-01-01",
        "<<",
        "=",
        "*a",
        "&a",
    ]
)
DOCUMENTS = st.recursive(
    TEXTS,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(TEXTS, below, max_size=4),
    max_leaves=12,
)
BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 3000))


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("a: 3.10\nb: no\nc:\nd: [1, {x: y}]", {"a": "3.10", "b": "no", "c": "", "d": ["1", {"x": "y"}]}),
        ("- &x {k: v}\n- *x", [{"k": "v"}, {"k": "v"}]),
        (
            "base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3",
            {"base": {"x": "1", "y": "2"}, "own": {"y": "3", "x": "1"}},
        ),
        ("own:\n  '<<': 3", {"own": {"<<": "3"}}),
        ("\ufeffa: b # c", {"a": "b"}),
        ("", ""),
        ("a: !!str 1", {"a": "1"}),
    ],
)
def test_scalars_are_text(text: str, document: object) -> None:
    assert parse_yaml("x.yml", text) == document


@pytest.mark.parametrize(
    ("text", "subject", "problem"),
    [
        ("a: [", "x.yml: line 2", "is no YAML (did not find expected node content)"),
        ("a: 1\na: 2", "x.yml: line 2", "has the key 'a' twice"),
        ("? [x]\n: y", "x.yml: line 1", "has a key that is no text"),
        ("a: *b", "x.yml: line 1", "refers to 'b', which is nowhere above"),
        ("a: 1\nb: &b\n- *b", "x.yml: line 3", "refers to 'b', which it is inside"),
        ("--- a\n--- b", "x.yml: line 2", "begins a second document"),
        ("a:\n  <<: 3", "x.yml: line 2", "merges what is no mapping"),
        ("a: !include x", "x.yml: line 1", "has the tag '!include'"),
        (
            "!!python/object/apply:os.system [ls]",
            "x.yml: line 1",
            "has the tag 'tag:yaml.org,2002:python/object/apply:os.system'",
        ),
        ("- " * 5000, "x.yml: line 1", "is nested deeper than 64 levels"),
        (CHAIN, "x.yml: line 63", "is nested deeper than 64 levels"),
        (BOMB, "x.yml: line 7", "has more than 4000000 values"),
        ("a: \x07", "x.yml", "is no YAML (control characters are not allowed)"),
        ("\ud800", "x.yml", "is no YAML (surrogates not allowed)"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, subject: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_yaml("x.yml", text)
    assert (caught.value.subject, caught.value.problem) == (subject, problem)


@pytest.mark.parametrize("opening", ["[", "{", "? ", "- "])
def test_depth_has_a_bound_however_it_is_written(opening: str) -> None:
    with pytest.raises(InputError):
        parse_yaml("x.yml", opening * 100_000)


@given(st.text(max_size=60) | st.text("ab:-[]{}&*!?|>'\"#, \n\t<", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_document_or_refused_in_one_line(text: str) -> None:
    document, error = _try(text)
    if error:
        assert "\n" not in error.problem
        assert error.hint
    elif "<<" not in text:
        assert document == _load(text)


def _try(text: str) -> tuple[object, InputError | None]:
    try:
        return parse_yaml("x.yml", text), None
    except InputError as error:
        return None, error


def _load(text: str) -> object:
    """What PyYAML's own loader of text makes of it; merges are no matter of that loader."""
    found = yaml.load(text.removeprefix("\ufeff"), Loader=yaml.CBaseLoader)
    return "" if found is None else found


@given(DOCUMENTS)
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read_as_it_was(document: object) -> None:
    text = write_yaml(document, subject="x.yml")
    assert yaml.safe_load(text) == document
    if "<<" not in text:
        assert parse_yaml("x.yml", text) == document


def test_keys_stay_in_their_order_and_words_that_mean_something_are_quoted() -> None:
    document = {"name": "x", "dependencies": ["python", "3.10", {"pip": ["no"]}], "1e3": True}
    assert write_yaml(document, subject="x.yml") == (
        'name: x\ndependencies:\n  - python\n  - "3.10"\n  - pip:\n      - "no"\n"1e3": true\n'
    )


def test_without_the_extra_one_line_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    for needs in (lambda: parse_yaml("x.yml", "a: b"), lambda: write_yaml({}, subject="x.yml")):
        with pytest.raises(InputError) as caught:
            needs()
        assert str(caught.value) == "x.yml: needs wheelfix[conda]"
        assert caught.value.hint == "run `pip install 'wheelfix[conda]'`"
