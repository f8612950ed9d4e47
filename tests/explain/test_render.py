"""The pieces of Nix that an explanation gives to paste."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.support.nixeval import evaluate
from wheelfix.explain.render import render_clear_stack, render_fragment
from wheelfix.model.override import Cuda, Ignored, Input, Override


def make_override(name: str) -> Override:
    return Override(
        name=name,
        version="1.0",
        target=f"{name}-1.0-cp312-cp312-linux_x86_64.whl",
        tags=(),
        cuda=Cuda.WHEELS,
        inputs=(Input(attr="onetbb", reason="libtbb.so.12"),),
        ignored=(Ignored(soname="libcuda.so.1", reason="comes with the driver"),),
    )


@pytest.mark.parametrize(("name", "spelt"), [("numba", "numba"), ("3to2", '"3to2"')])
def test_a_fragment_says_how_it_is_used(name: str, spelt: str) -> None:
    lines = render_fragment(make_override(name)).splitlines()
    comment = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    assert " ".join(comment) == (
        f"For {name} 1.0, from {name}-1.0-cp312-cp312-linux_x86_64.whl. Written by wheelfix."
        f" python3Packages.{spelt}.overridePythonAttrs (import ./this.nix {{ inherit pkgs; }})"
    )
    assert "\n".join(lines[len(comment) :]) == dedent(
        """\
        { pkgs }:
        old: {
          buildInputs = (old.buildInputs or [ ]) ++ [
            # libtbb.so.12
            pkgs.onetbb
          ];

          autoPatchelfIgnoreMissingDeps =
            (old.autoPatchelfIgnoreMissingDeps or [ ]) ++ [
              # comes with the driver
              "libcuda.so.1"
            ];
        }"""
    )


def test_code_that_clears_a_stack_follows_what_was_there() -> None:
    overlay = render_clear_stack("demo", ["a b.so", "${x}.so"])
    base = '{ overrideAttrs = f: f { postFixup = "first\\n"; }; }'
    code = evaluate(f"(({overlay}) null {{ demo = {base}; }}).demo.postFixup")
    assert code == "\n".join(
        [
            "first",
            "find \"$out\" -name 'a b.so' -exec patchelf --clear-execstack {} +",
            "find \"$out\" -name '${x}.so' -exec patchelf --clear-execstack {} +",
            "",
        ]
    )
