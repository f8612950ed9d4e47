from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from wheelfix.errors import InputError
from wheelfix.lint.nixfile import parse
from wheelfix.lint.nixfile.parse import LARGEST, parse_nix
from wheelfix.lint.nixfile.syntax import Lambda, Operation, Set, Text

VALID = [
    "{ lib, pkgs, }: 1",
    "{ lib, pkgs ? { }, }@args: 1",
    "{\n  lib,\n  ...\n}:\n{ f = { a, }: a; g = { b, /* , } */ }: b; }",
    "{ }: { }",
    "let x = { }; in { inherit (x) ; }",
    "let x.a = 1; x.b = 2; in x",
    "x: x.or or 1",
    "''a ''${b ''\\n ''' $$ ''",
    '"\\${a} $${b} \\" \\n"',
    'rec { a = 1; "b c" = a; }."b c"',
    "a: b: a // b // { } // (if a ? b.c then a else b)",
    "[ (-1) 1.5 ./a /b ~/c <d> http://e.f/g ]",
    "a@{ b ? 1, ... }: assert b == 1; with a; c",
    "# only a comment before\r\n1",
    "a: !a -> a && a || a == 1",
]
BROKEN = [
    "{ a = 1 }",
    "{ a = [ 1 2; }",
    "{ a = ; }",
    "{ , }: 1",
    "{ a, , }: a",
    "{ a = 1;; }",
    "a: b }",
    "let a = 1; a",
    '"open',
    "''open",
    "1 /* open",
    "{ a b }",
    "if 1 then 2",
    "with a b",
    '{ "x" }',
    "[ , ]",
]


def check_with_nix(source: str, tmp_path: Path) -> bool:
    """Whether Nix itself takes it; a name that nobody bound is no syntax error."""
    file = tmp_path / "x.nix"
    file.write_bytes(source.encode())
    result = subprocess.run(["nix-instantiate", "--parse", str(file)], capture_output=True, text=True)
    return result.returncode == 0 or "undefined variable" in result.stderr


@pytest.mark.parametrize("source", VALID)
def test_what_nix_takes_is_taken(source: str, tmp_path: Path) -> None:
    assert check_with_nix(source, tmp_path)
    parse_nix(source.encode(), subject="x.nix")


@pytest.mark.parametrize("source", BROKEN)
def test_what_nix_refuses_is_refused(source: str, tmp_path: Path) -> None:
    assert not check_with_nix(source, tmp_path)
    with pytest.raises(InputError, match=r"x\.nix:\d+:\d+: syntax error"):
        parse_nix(source.encode(), subject="x.nix")


def test_error_tells_line_and_column_and_what_is_missing() -> None:
    with pytest.raises(InputError) as caught:
        parse_nix(b"{\n  a = 1;\n  b = 2\n}\n", subject="x.nix")
    assert caught.value.subject == "x.nix:3:8"
    assert "`;` is missing" in caught.value.problem
    assert "nix-instantiate --parse x.nix" in caught.value.hint


def test_columns_count_characters() -> None:
    tree = parse_nix('{ a = "äöü"; b = 1; }'.encode(), subject="x.nix")
    assert isinstance(tree, Set)
    assert tree.bindings[1].place.column == 14


def test_strings_are_decoded() -> None:
    tree = parse_nix(b"[ \"a\\n\\\"\\${b}\" ''c ''${d} ''' '' \"${e}\" ]", subject="x.nix")
    values = [item.value for item in tree.items if isinstance(item, Text)]  # type: ignore[attr-defined]
    assert values == ['a\n"${b}', "c ${d} '' ", None]


def test_formals_keep_their_defaults() -> None:
    tree = parse_nix(b"{ a, b ? 2, }@c: a", subject="x.nix")
    assert isinstance(tree, Lambda)
    assert tree.parameter == "c"
    assert [(name, default and default.text) for name, default in tree.formals or ()] == [
        ("a", None),
        ("b", "2"),
    ]


def test_long_chain_is_flat() -> None:
    tree = parse_nix(" ++ ".join(["[ 1 ]"] * 1000).encode(), subject="x.nix")
    assert isinstance(tree, Operation)
    assert len(tree.operands) == 1000


@pytest.mark.parametrize("operator", ["//", "++", "&&", "||"])
def test_a_chain_in_parentheses_is_flat(operator: str) -> None:
    source = "(" * 1000 + "a" + f" {operator} a)" * 1000
    tree = parse_nix(source.encode(), subject="x.nix")
    assert isinstance(tree, Operation)
    assert [operand.text for operand in tree.operands] == ["a"] * 1001


@pytest.mark.parametrize("source", ["(a - b) - c", "a - (b - c)", "(a -> b) -> c", "(a ++ b) // c"])
def test_parentheses_that_mean_something_are_kept(source: str) -> None:
    tree = parse_nix(source.encode(), subject="x.nix")
    assert isinstance(tree, Operation)
    assert len(tree.operands) == 2


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no expression"),
        (b"# nothing\n", "no expression"),
        (b"{\n a = 1;\0 }", "x.nix:2: a NUL byte"),
        (b'{\n\n a = "\xff"; }', "x.nix:3: is not UTF-8"),
        (b"(" * 5000 + b"1" + b")" * 5000, "levels deep"),
        (b"[" * 5000 + b"]" * 5000, "levels deep"),
        (b"a: " * 5000 + b"1", "levels deep"),
        (b"{ a = " * 5000 + b"1" + b"; }" * 5000, "levels deep"),
        (b"(" * 5000, "syntax error"),
        (b'"${' * 5000, "syntax error"),
        (b"} ] ) ; " * 5000, "syntax error"),
        (bytes(range(1, 128)) * 500, "syntax error"),
        (b" " * (LARGEST + 1), "larger than"),
        (b"[" + b" 1" * 2_000_000 + b"]", "more than 2 million words and signs"),
        (b"1++" * 1_000_000 + b"1", "more than 2 million words and signs"),
        (b"{} // " + b"(" * 5000 + b"{}" + b")" * 5000, "levels deep"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(len(value)),
)
def test_hostile_input_is_an_error(data: bytes, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_nix(data, subject="x.nix")
    assert problem in str(caught.value)
    assert caught.value.hint


def test_endless_parsing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parse, "_SECONDS", 0.05)
    with pytest.raises(InputError, match="takes too long"):
        parse_nix(b"1++" * 100_000 + b"1", subject="x.nix")


def test_deepest_that_is_allowed_is_converted() -> None:
    source = "{ a = " * 45 + "1" + "; }" * 45
    assert isinstance(parse_nix(source.encode(), subject="x.nix"), Set)
    source = "let a = 1; in with a; if a then b else " * 40 + "1"
    parse_nix(source.encode(), subject="x.nix")
