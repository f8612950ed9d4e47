from __future__ import annotations

import contextlib
import subprocess
import tempfile
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from wheelfix.errors import InputError
from wheelfix.lint.nixfile.overrides import parse_overrides
from wheelfix.lint.nixfile.parse import parse_nix

KEYWORDS = {"assert", "else", "if", "in", "inherit", "let", "or", "rec", "then", "with"}
TAKEN = {
    "pkgs",
    "lib",
    "old",
    "final",
    "prev",
    "stdenv",
    "out",
    "dev",
    "bin",
    "doc",
    "man",
    "static",
    "buildPackages",
}
names = st.from_regex(r"[a-z][a-z0-9_-]{0,8}[a-z0-9]", fullmatch=True).filter(
    lambda n: n not in KEYWORDS | TAKEN and not n.startswith(("python", "pypy", "pkgs", "override", "target"))
)
sonames = st.from_regex(r"lib[a-z+]{1,8}\.so(\.[0-9]{1,3}){0,2}", fullmatch=True)
shapes = st.sampled_from(
    [
        "{name} = prev.{name}.overrideAttrs (old: {{ {body} }});",
        "{name} = prev.{name}.overridePythonAttrs (old: {{ {body} }});",
        '"{name}" = (prev."{name}").overrideAttrs (finalAttrs: old: {{ {body} }});',
        "{name} = prev.{name}.overrideAttrs (old: let unused = 1; in {{ {body} }});",
        "{name} = let x = prev.{name}; in x.overrideAttrs (old: lib.optionalAttrs (prev ? x) {{ {body} }});",
        "{name} = (prev.{name}.override {{ }}).overrideAttrs (old: old // {{ {body} }});",
    ]
)
lists = st.sampled_from(
    [
        "(old.buildInputs or [ ]) ++ [ {pkgs} ]",
        "old.buildInputs or [ ] ++ [ {pkgs} ]",
        "(old.buildInputs or [ ]) ++ (with pkgs; [ {bare} ])",
        "with pkgs; old.buildInputs ++ [ {bare} ]",
        "lib.unique (old.buildInputs ++ lib.optionals stdenv.isLinux [ {pkgs} ])",
        "map lib.getLib (old.buildInputs ++ [ {pkgs} ])",
        "old.buildInputs ++ [ {final} ]",
    ]
)
overrides = st.dictionaries(
    names, st.tuples(st.lists(names, max_size=4), st.lists(sonames, max_size=3), shapes, lists), max_size=6
)


@given(overrides)
@settings(deadline=None)
def test_what_is_written_is_read(table: dict[str, tuple[list[str], list[str], str, str]]) -> None:
    source = "{ pkgs, lib, stdenv, ... }:\nfinal: prev: {\n"
    for name, (attrs, ignored, shape, form) in table.items():
        inputs = form.format(
            pkgs=" ".join(f"pkgs.{a}" for a in attrs),
            bare=" ".join(attrs),
            final=" ".join(f"final.pkgs.{a}" for a in attrs),
        )
        quoted = " ".join(f'"{soname}"' for soname in ignored)
        body = f"buildInputs = {inputs};\n autoPatchelfIgnoreMissingDeps = [ {quoted} ];"
        source += shape.format(name=name, body=body) + "\n"
    found = parse_overrides((source + "}\n").encode(), subject="x.nix")
    assert not found.unclear
    assert not any(o.unclear or o.replaces for o in found.overrides)
    read = {o.package: ([i.attr for i in o.inputs], [i.soname for i in o.ignored]) for o in found.overrides}
    assert read == {name: (attrs, ignored) for name, (attrs, ignored, _, _) in table.items()}


@given(overrides, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_a_list_of_sets_is_read_as_their_chain(
    table: dict[str, tuple[list[str], list[str], str, str]], random: Random
) -> None:
    sets = []
    for name, (attrs, ignored, _, _) in table.items():
        body = "buildInputs = [ {} ]; autoPatchelfIgnoreMissingDeps = [ {} ];".format(
            " ".join(f"pkgs.{a}" for a in attrs), " ".join(f'"{soname}"' for soname in ignored)
        )
        change = f'{{ "{name}" = prev."{name}".overrideAttrs (old: {{ {body} }}); }}'
        sets.append(f'lib.optionalAttrs (prev ? "{name}") {change}' if random.random() < 0.5 else change)
    sets = sets or ["{ }"]
    chains = list(sets)
    while len(chains) > 1:  # with parentheses at random, as any of them mean the same
        at = random.randrange(len(chains) - 1)
        chains[at : at + 2] = [f"({chains[at]} // {chains[at + 1]})"]
    merged = "lib.mergeAttrsList [ " + " ".join(f"({one})" for one in sets) + " ]"
    found = [
        {
            o.package: ([i.attr for i in o.inputs], [i.soname for i in o.ignored], len(o.unclear))
            for o in parse_overrides(f"{{ pkgs, lib }}: final: prev: {b}".encode(), subject="x.nix").overrides
        }
        for b in (merged, chains[0], " // ".join(sets))
    ]
    expected = {name: (attrs, ignored, 0) for name, (attrs, ignored, _, _) in table.items()}
    assert found == [expected] * 3


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(InputError):
        parse_overrides(data, subject="x.nix")


TOKENS = [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ";",
    ":",
    ",",
    ".",
    "=",
    "++",
    "//",
    "?",
    "or",
    "with",
    "let",
    "in",
    "rec",
    "inherit",
    "if",
    "then",
    "else",
    "assert",
    "pkgs",
    "prev",
    "lib",
    "old",
    "final",
    "overrideAttrs",
    "buildInputs",
    "autoPatchelfIgnoreMissingDeps",
    '"*"',
    "true",
    '"a"',
    "mapAttrs",
    "map",
    "optionals",
    "_",
    "add",
    "@",
    "...",
    "${",
    "}",
    "x",
]


@given(st.lists(st.sampled_from(TOKENS), max_size=40))
@settings(deadline=None, max_examples=300)
def test_any_tokens_are_read_or_refused(tokens: list[str]) -> None:
    with contextlib.suppress(InputError):
        parse_overrides(" ".join(tokens).encode(), subject="x.nix")


def nest(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Well-formed Nix out of well-formed Nix."""
    return st.one_of(
        st.lists(inner, max_size=4).map(lambda items: "[ " + " ".join(f"({i})" for i in items) + " ]"),
        st.tuples(names, inner, names, inner).map(lambda t: f"{{ {t[0]}1 = {t[1]}; {t[2]}2.a = {t[3]}; }}"),
        st.tuples(names, inner).map(lambda t: f"({t[0]}: {t[1]})"),
        st.tuples(names, inner, inner).map(lambda t: f"({{ {t[0]}1, {t[0]}2 ? {t[1]}, }}@{t[0]}: {t[2]})"),
        st.tuples(names, inner, inner).map(lambda t: f"(let {t[0]} = {t[1]}; inherit (x) ; in {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"(with {t[0]}; {t[1]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"(if {t[0]} then {t[1]} else {t[2]})"),
        st.tuples(inner, names, inner).map(lambda t: f"({t[0]}).{t[1]} or ({t[2]})"),
        st.tuples(inner, st.sampled_from(["++", "//", "+", "->", "&&", "||"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(inner, inner).map(lambda t: f"(({t[0]}) ({t[1]}))"),
        inner.map(lambda t: f'"a${{{t}}}b\\n"'),
        inner.map(lambda t: f"''a ''${{ ${{{t}}} ''' $${{ ''"),
    )


expressions = st.recursive(
    st.one_of(names, st.sampled_from(["1", '"s"', "./p", "<n>", "null"])), nest, max_leaves=12
)


@given(expressions)
@settings(deadline=None, max_examples=40)
def test_what_nix_takes_is_taken(source: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "x.nix"
        file.write_text(source, encoding="utf-8")
        result = subprocess.run(["nix-instantiate", "--parse", str(file)], capture_output=True, text=True)
    assert result.returncode == 0 or "undefined variable" in result.stderr, result.stderr
    parse_nix(source.encode(), subject="x.nix")
