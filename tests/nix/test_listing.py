from __future__ import annotations

from tests.support.nixeval import evaluate
from wheelfix.nix.parts import list_sonames, render_attributes, render_sonames


def test_lists_are_what_they_say() -> None:
    assert render_attributes(["zlib", "stdenv.cc.cc.lib"]) == "[ pkgs.zlib pkgs.stdenv.cc.cc.lib ]\n"
    code = render_attributes(["zlib", "python3Packages.3to2"])
    assert evaluate(f'let pkgs = {{ zlib = 1; python3Packages."3to2" = 2; }}; in {code}') == [1, 2]


def test_foreign_names_are_data() -> None:
    names = ["libcuda.so.1", 'a" ++ x', "${builtins.abort}", "\\"]
    assert evaluate(render_sonames(names)) == names
    assert evaluate(list_sonames(names, omitted='*/ "x"')) == names


def test_a_soname_is_no_pattern() -> None:
    assert evaluate(render_sonames(["lib*.so", "a[1]?.so"])) == ["lib[*].so", "a[[]1][?].so"]
