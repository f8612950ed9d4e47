"""The layout, and what cannot be written."""

from __future__ import annotations

from textwrap import dedent

import pytest

from wheelfix.errors import InputError
from wheelfix.nix.printer import print_flat, render, render_binding
from wheelfix.nix.quote import clean_comment
from wheelfix.nix.tree import (
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
    Path,
    Script,
    SearchPath,
    Select,
    Str,
    Var,
    With,
    bind,
    call,
    merge,
    select,
    strings,
    text,
)


def make_override() -> Expr:
    inputs = List(
        (
            Commented("libtbb.so.12, wanted by numba/np/ufunc/tbbpool.so", select("pkgs", "onetbb")),
            Commented("libodbc.so.2", select("pkgs", "unixodbc")),
        )
    )
    old = Select(Var("old"), ("buildInputs",), List())
    body = Lambda("old", Attrs((bind("buildInputs", Binary("++", old, inputs)),)))
    overlay = Attrs((bind("numba", call(select("prev", "numba", "overrideAttrs"), body)),))
    parameter = Formals((Formal("pkgs"), Formal("lib"), Formal("hacks")))
    return Commented("Written by a program.", Lambda(parameter, Lambda("final", Lambda("prev", overlay))))


def test_an_override_looks_as_people_write_it() -> None:
    assert render(make_override()) == dedent(
        """\
        # Written by a program.
        { pkgs, lib, hacks }:
        final: prev: {
          numba = prev.numba.overrideAttrs (old: {
            buildInputs = (old.buildInputs or [ ]) ++ [
              # libtbb.so.12, wanted by numba/np/ufunc/tbbpool.so
              pkgs.onetbb
              # libodbc.so.2
              pkgs.unixodbc
            ];
          });
        }
        """
    )


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        (List((Int(-1), Int(2), call("f", Int(-3)))), "[ (-1) 2 (f (-3)) ]"),
        (bind("x", Int(-1)), None),
        (Attrs(), "{ }"),
        (Attrs((Binding(("a", "b.c", "with"), List()),)), '{ a."b.c"."with" = [ ]; }'),
        (select("prev", "3to2", "nvidia-cublas-cu12"), 'prev."3to2".nvidia-cublas-cu12'),
        (Select(Var("a"), (Str((Var("b"), "-c")),)), 'a.${"${b}-c"}'),
        (Str(("${", select("final", "x y"), "/$HOME")), '"\\${${final."x y"}/\\$HOME"'),
        (With(Var("pkgs"), List((Var("a"),))), "with pkgs; [ a ]"),
        (If(Var("a"), Int(1), Int(2)), "if a then 1 else 2"),
        (call("import", SearchPath("nixpkgs"), Attrs()), "import <nixpkgs> { }"),
        (call("import", Path("./uv.lock")), "import ./uv.lock"),
        (Attrs((Inherit(("a", "b"), Var("c")),)), "{ inherit (c) a b; }"),
        (Binary("-", Var("a"), Var("b")), "a - b"),
        (Binary("/", Var("a"), Var("b")), "a / b"),
        (Lambda("final", Lambda("prev", Var("prev"))), "final: prev: prev"),
        (
            Lambda(Formals((Formal("a", Int(1)),), ellipsis=True, bind="all"), Var("all")),
            "{ a ? 1, ... }@all: all",
        ),
    ],
)
def test_short_code_stays_on_one_line(code: Expr | Binding, printed: str | None) -> None:
    if isinstance(code, Binding):
        code, printed = Attrs((code,)), "{ x = -1; }"
    assert render(code) == f"{printed}\n"


def test_long_lists_have_one_element_a_line() -> None:
    names = [f"libnvidia-encode.so.{i}" for i in range(4)]
    lines = render(Attrs((bind("ignored", strings(names)),))).splitlines()
    assert lines == ["{", "  ignored = [", *(f'    "{n}"' for n in names), "  ];", "}"]
    assert render(strings(names[:2])).count("\n") == 1


def test_let_and_operators_are_broken_before_the_operator() -> None:
    long = call("f", *(Var(f"argument{i}") for i in range(6)))
    code = Let((bind("x", Binary("//", long, long)),), Binary("||", Var("x"), Var("y")))
    assert render(code) == dedent(
        """\
        let
          x =
            f argument0 argument1 argument2 argument3 argument4 argument5
            // f argument0 argument1 argument2 argument3 argument4 argument5;
        in
        x || y
        """
    )


def test_shell_code_is_indented_only_where_it_cannot_be_taken_for_nix() -> None:
    search = "addAutoPatchelfSearchPath "
    good = Script(((search, select("final", "nvidia-cublas-cu12"), "/lib"), ("echo $out",)))
    assert render(Attrs((bind("preFixup", good),))) == dedent(
        """\
        {
          preFixup = ''
            addAutoPatchelfSearchPath ${final.nvidia-cublas-cu12}/lib
            echo $out
          '';
        }
        """
    )
    assert render(Script((("a ''${x} b",),))) == "\"a ''\\${x} b\\n\"\n"
    assert render(Script((("  indented",),))) == '"  indented\\n"\n'
    assert render(Script((("a", Commented("why", Var("b"))),))) == '"a${# why\nb}\\n"\n'


def test_what_cannot_stand_on_one_line_is_written_all_the_same() -> None:
    name = Commented("why", Var("name"))
    both = Attrs((bind("a", Int(1)), bind("b", Int(2))))
    assert render(Select(Var("x"), (name, "y"), Int(1))) == "x.${# why\nname}.y or 1\n"
    assert render(Select(Var("x"), ("y",), both)) == "x.y\nor {\n  a = 1;\n  b = 2;\n}\n"
    assert render(Has(both, ("a",))) == "{\n  a = 1;\n  b = 2;\n} ? a\n"
    assert render(Str(("<", both, "|", both, ">"))) == (
        '"<${{\n  a = 1;\n  b = 2;\n}}|${{\n  a = 1;\n  b = 2;\n}}>"\n'
    )
    assert render(With(both, List((name,)))) == ("with {\n  a = 1;\n  b = 2;\n};\n[\n  # why\n  name\n]\n")


def test_the_last_argument_leaves_room_for_what_closes_the_call() -> None:
    for length in range(50, 73):
        equal = Binary("==", Var("a" * length), Var("b"))
        lines = render(Attrs((bind("x", call("f", Var("g" * 70), equal)),))).splitlines()
        assert lines[2:4] == ["    f", f"      {'g' * 70}"]
        assert (len(lines) == 6) == (length <= 66)
        assert max(map(len, lines)) <= 80


def test_code_to_paste_has_any_width_or_one_line() -> None:
    names = [f"lib{n}.so" for n in range(3)]
    binding = bind("x", strings(names))
    line = 'x = [ "lib0.so" "lib1.so" "lib2.so" ];'
    assert print_flat(binding) == line
    assert render_binding(binding, len(line)) == line
    broken = 'x = [\n  "lib0.so"\n  "lib1.so"\n  "lib2.so"\n];'
    assert render_binding(binding, len(line) - 1) == render_binding(binding, 1) == broken
    assert print_flat(strings(["a" * 100])) == f'[ "{"a" * 100}" ]'
    with pytest.raises(AssertionError):
        print_flat(Commented("why", Int(1)))


def test_a_list_says_what_it_leaves_out_without_ending_early() -> None:
    assert print_flat(List((Int(1),), omitted="and more")) == "[ 1 /* and more */ ]"
    assert print_flat(List((), omitted="x */ abort \n")) == "[ /* x * / abort */ ]"


def test_long_comments_are_wrapped_and_hostile_ones_tamed() -> None:
    code = render(Commented("word " * 40 + "\r\n}; abort\u202e */", Int(1)))
    *comment, value = code.splitlines()
    assert value == "1"
    assert all(line.startswith("# ") and len(line) <= 80 for line in comment)
    assert "\u202e" not in code
    assert clean_comment("a\r\nb\x1b[2J\x00") == "a b\ufffd[2J\ufffd"


def test_two_long_bindings_are_set_apart() -> None:
    code = render(
        Attrs((bind("a", Int(1), "why"), bind("b", Int(2)), bind("c", Int(3), "so"), bind("d", Int(4), "x")))
    )
    assert code.splitlines() == [
        "{", "  # why", "  a = 1;", "  b = 2;", "  # so", "  c = 3;", "", "  # x", "  d = 4;", "}",
    ]  # fmt: skip


def test_merged_sets_are_one_list_from_two_on() -> None:
    sets = [Attrs((bind(name, Int(1)),)) for name in "abc"]
    assert render(merge([])) == "{ }\n"
    assert render(merge(sets[:1])) == "{ a = 1; }\n"
    assert render(merge(sets[:2])) == "lib.mergeAttrsList [ { a = 1; } { b = 1; } ]\n"
    assert render(merge(sets)) == "lib.mergeAttrsList [ { a = 1; } { b = 1; } { c = 1; } ]\n"


@pytest.mark.parametrize("operator", ["+", "++", "//", "&&", "-", "->"])
@pytest.mark.parametrize("width", [1, 30])
def test_chains_are_printed_whatever_their_length(operator: str, width: int) -> None:
    operand = Var("a" * width)
    chain: Expr = operand
    for _ in range(5000):
        left, right = (operand, chain) if operator in {"++", "//", "->"} else (chain, operand)
        chain = Binary(operator, left, right)
    code = render(Attrs((bind("x", chain),)))
    assert code.split() == ["{", "x", "=", *[operand.name, operator] * 5000, f"{operand.name};", "}"]
    assert code.splitlines()[3:-1] == [
        *[f"    {operator} {operand.name}"] * 4999,
        f"    {operator} {operand.name};",
    ]


def test_a_chain_that_leans_the_other_way_keeps_its_parentheses() -> None:
    a, b, c = map(Var, "abc")
    assert render(Binary("-", a, Binary("-", b, c))) == "a - (b - c)\n"
    assert render(Binary("//", Binary("//", a, b), c)) == "(a // b) // c\n"
    assert render(Binary("==", Binary("==", a, b), c)) == "(a == b) == c\n"
    assert render(Binary("-", Binary("-", a, b), c)) == "a - b - c\n"


def test_an_expression_has_as_many_comments_as_there_are() -> None:
    code: Expr = Int(1)
    for number in reversed(range(5000)):
        code = Commented(str(number), code)
    assert render(code).splitlines() == [*(f"# {number}" for number in range(5000)), "1"]


def test_what_cannot_be_written_is_refused() -> None:
    for make in (
        lambda: render(text("a\0b")),
        lambda: render(select("prev", "a\0b")),
        lambda: render(text("\ud800")),
        lambda: Var("with"),
        lambda: Var("a.b"),
        lambda: Lambda("a b", Var("x")),
        lambda: Formal("3"),
        lambda: Inherit(("3to2",)),
        lambda: Path("./a b"),
        lambda: Path("~/x"),
        lambda: SearchPath("a/../b c"),
        lambda: Int(2**63),
        lambda: Binary("=", Var("a"), Var("b")),
        lambda: Attrs((bind("a", Int(1)), bind("a", Int(2)))),
        lambda: Attrs((bind("a", Int(1)), Binding(("a", "b"), Int(2)))),
        lambda: Let((bind("a", Int(1)), Inherit(("a",))), Var("a")),
        lambda: Formals((Formal("a"), Formal("a"))),
    ):
        with pytest.raises(InputError):
            make()
