"""Documents that others wrote: what fits becomes a model, what does not is told with its place."""

from __future__ import annotations

import datetime
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.errors import InputError
from wheelfix.model.base import (
    Meta,
    Misfit,
    Struct,
    convert,
    decode_json,
    decode_toml,
    encode_json,
    field,
    make_each,
    make_one,
)


class Below(Struct, rename="kebab"):
    the_name: str
    numbers: tuple[int, ...] = ()
    flag: bool = False
    old: str | None = field(default=None, name="the_old")


class Closed(Struct, forbid_unknown_fields=True):
    known: str = ""


class Whole(Struct):
    closed: Closed = Closed()
    either: str | Below | tuple[str | Below, ...] = ""
    table: dict[str, Below] = field(default_factory=dict)
    set: frozenset[str] = frozenset()
    ratio: float = 0.0
    limited: Annotated[int, Meta(ge=0)] = 0
    anything: Any = None


DATE = datetime.date(1979, 5, 27)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (3, "is not a table"),
        ([], "is not a table"),
        ({"either": 3}, "either: is neither text nor a table nor a list"),
        ({"either": DATE}, "either: is neither text nor a table nor a list"),
        ({"either": {}}, "either.the-name: is missing"),
        ({"either": ["a", {"the-name": True}]}, "either[1].the-name: is not text"),
        ({"either": ["a", 1.5]}, "either[1]: is neither text nor a table"),
        ({"table": []}, "table: is not a table"),
        (
            {"table": {"a": {"the-name": "x", "numbers": [1, 2.0]}}},
            "table.a.numbers[1]: is not a whole number",
        ),
        ({"table": {"a": {"the-name": "x", "numbers": [True]}}}, "table.a.numbers[0]: is not a whole number"),
        ({"table": {"a": {"the-name": "x", "numbers": 1}}}, "table.a.numbers: is not a list"),
        ({"table": {"a b": {"the-name": "x", "flag": 1}}}, "table.'a b'.flag: is not true or false"),
        ({"table": {"a\nb": {}}}, "table.'a\\nb'.the-name: is missing"),
        ({"table": {"": {}}}, "table.''.the-name: is missing"),
        ({"table": {"a": {"the-name": "x", "the_old": DATE}}}, "table.a.the_old: is not text"),
        ({"set": ["a", float("nan")]}, "set[1]: is not text"),
        ({"ratio": "1"}, "ratio: is not a number"),
        ({"ratio": True}, "ratio: is not a number"),
        ({"limited": float("nan")}, "limited: is not a whole number"),
        ({"closed": {"known": "a", "other": 1}}, "closed.other: is not known"),
        ({"limited": -1}, "is not what it must be ("),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(document: object, said: str) -> None:
    with pytest.raises(Misfit) as caught:
        convert(document, Whole)
    assert str(caught.value) == said or (said.endswith("(") and str(caught.value).startswith(said))
    assert isinstance(caught.value, ValueError)


def test_what_fits_and_what_is_not_known() -> None:
    document = {
        "either": [{"the-name": "a", "later": DATE}, "b"],
        "set": ["b", "a"],
        "ratio": 1,
        "later": [{}],
    }
    deep: dict[str, Any] = {}
    document["anything"] = document["later"] = deep
    for _ in range(50_000):
        deep["a"] = deep = {}
    made = convert(document, Whole)
    assert (made.either, made.set, made.ratio) == ((Below(the_name="a"), "b"), frozenset("ab"), 1.0)


def test_the_place_of_what_is_found_later() -> None:
    def check(number: int) -> int:
        if number > 1:
            raise Misfit("value", "is too large")
        return number + 1

    assert make_each("row", [0, 1], check) == (1, 2)
    with pytest.raises(Misfit) as caught:
        make_one(("some table", "a"), [0, 1, 2], lambda rows: make_each(("b", "row"), rows, check))
    assert caught.value.place == "'some table'.a.b.row[2].value"
    error = caught.value.tell("a.toml", "do something")
    assert isinstance(error, InputError)
    assert (str(error), error.hint) == ("a.toml: 'some table'.a.b.row[2].value: is too large", "do something")
    assert str(Misfit("", "is empty").tell("a.toml", "")) == "a.toml: is empty"


TOML: dict[str, tuple[bytes | str, str]] = {
    "lists in lists": ("a = " + "[" * 50_000, "is no TOML (nested too deep)"),
    "tables in tables": ("a = " + "{a=" * 50_000, "is no TOML (nested too deep)"),
    "many digits": ("a = " + "9" * 5000, "is no TOML (a number in it is too long)"),
    "no UTF-8": (b"a = '\xff'", "is no text in UTF-8"),
    "a surrogate": (b"a = '\xed\xa0\x80'", "is no text in UTF-8"),
}


@pytest.mark.parametrize("case", TOML)
def test_what_is_no_toml(case: str) -> None:
    data, said = TOML[case]
    with pytest.raises(Misfit) as caught:
        decode_toml(data)
    assert (caught.value.place, caught.value.problem) == ("", said)


@pytest.mark.parametrize(
    "text", ["a", "a = 1\na = 2", "[a]\n[a]", "a = '\0'", 'a = "\\ud800"', "a = 1979-13-01"]
)
def test_what_the_parser_refuses(text: str) -> None:
    with pytest.raises(Misfit, match=r"^is no TOML \(.+\)$"):
        decode_toml(text)


def test_toml_of_all_kinds() -> None:
    assert decode_toml("") == {}
    assert decode_toml(b"\xef\xbb\xbfa = 1\r\n") == decode_toml("\ufeffa = 1\n") == {"a": 1}
    assert str(decode_toml("a = nan")["a"]) == "nan"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[" * 1_000_000,
        b'{"later":' + b"[" * 1_000_000,
        b'{"table":' + b'{"a":' * 1_000_000,
        b'{"anything":' + b"[" * 1_000_000,
        b'{"anything":' + b"9" * 5000 + b"}",
        b'{"anything":NaN}',
        b'{"either":"\\ud800"}',
        b'{"either":"\xed\xa0\x80"}',
        b'{"either":"\xff"}',
        b'{"limited":1.5}',
        b'{"limited":-1}',
        b"\xef\xbb\xbf{}",
        '{"either":"\ud800"}',
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_no_json_of_a_model(data: bytes | str) -> None:
    with pytest.raises(ValueError):
        decode_json(data, Whole)


@given(st.builds(Below, the_name=st.text(), numbers=st.lists(st.integers()).map(tuple), flag=st.booleans()))
def test_models_come_back(model: Below) -> None:
    assert decode_json(encode_json(model), Below) == model


def test_half_a_surrogate_pair_is_not_written() -> None:
    with pytest.raises(ValueError):
        encode_json(Below(the_name="\udcff"))
