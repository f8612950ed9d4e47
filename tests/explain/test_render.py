"""The pieces of Nix that an explanation gives to paste."""

from __future__ import annotations

import pytest

from tests.support.nixeval import evaluate
from wheelfix.explain.render import render_clear_stack, render_nixpkgs_overlay
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
def test_an_overlay_for_nixpkgs_is_whole(name: str, spelt: str) -> None:
    overlay = render_nixpkgs_overlay(make_override(name))
    assert overlay.startswith(f"# For {name} 1.0, from {name}-1.0-cp312-cp312-linux_x86_64.whl.")
    old = '{ buildInputs = [ "old" ]; }'
    package = f"{{ {spelt}.overridePythonAttrs = f: ({old}) // f ({old}); }}"
    extended = f'(({overlay}) {{ onetbb = "onetbb"; }} {{ pythonPackagesExtensions = [ 1 ]; }})'
    changed = f"(builtins.elemAt {extended}.pythonPackagesExtensions 1 {{ }} {package}).{spelt}"
    assert evaluate(f"{changed}.buildInputs") == ["old", "onetbb"]
    assert evaluate(f"{changed}.autoPatchelfIgnoreMissingDeps") == ["libcuda.so.1"]


def test_an_overlay_changes_packages_that_are_made_of_others() -> None:
    overlay = render_nixpkgs_overlay(make_override("vtk"))
    package = '{ vtk.overrideAttrs = f: f { buildInputs = [ "old" ]; }; }'
    extended = f'(({overlay}) {{ onetbb = "onetbb"; }} {{ pythonPackagesExtensions = [ ]; }})'
    changed = f"(builtins.head {extended}.pythonPackagesExtensions {{ }} {package}).vtk"
    assert evaluate(f"{changed}.buildInputs") == ["old", "onetbb"]


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
