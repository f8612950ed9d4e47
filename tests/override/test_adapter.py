"""Adapters of three torches: no CUDA is left in the environment, and nothing else is lost."""

from __future__ import annotations

import re

import pytest

from tests.support.facts import read_closure
from tests.support.golden import ask_package, ask_stub, check_golden, find_dependencies
from tests.support.nixeval import NixError, evaluate
from wheelfix.model.base import replace
from wheelfix.model.override import Adapter, AdapterPlan, StripPlan
from wheelfix.override.adapter import render_adapters
from wheelfix.override.strip import NO_WISHES, Dependencies, Wishes, plan_strip
from wheelfix.scan.closure import find_closure

ATTR = "python312Packages.torchWithoutCuda"
PLAIN = ["filelock", "fsspec", "jinja2", "markupsafe", "mpmath", "networkx", "setuptools", "sympy", "triton"]
PLAIN += ["typing-extensions"]
TORCH = ["torch-2.6.0", "torch-2.9.1", "torch-2.15.0"]


def plan(name: str, wishes: Wishes = NO_WISHES, *, metadata: bool = True) -> StripPlan:
    known = read_closure(name)
    others = tuple(known.values()) if metadata else ()
    known_of = Dependencies(package=known["torch"], others=others, evidence="the package index")
    return plan_strip(known_of, wishes=wishes)


def adapt(name: str, wishes: Wishes = NO_WISHES) -> Adapter:
    wheel = read_closure(name)["torch"]
    return Adapter(
        name="torch",
        version=wheel.version,
        target=wheel.target,
        attr=tuple(ATTR.split(".")),
        strip=plan(name, wishes),
    )


def render_one(adapter: Adapter, *, standalone: bool = False) -> str:
    return render_adapters(AdapterPlan(adapters=(adapter,)), standalone=standalone)


@pytest.mark.parametrize("name", TORCH)
def test_no_cuda_is_left_and_nothing_else_is_lost(name: str) -> None:
    path = check_golden(f"{name}/adapter.nix", render_one(adapt(name)))
    packages = find_dependencies(read_closure(name))
    overlay = f"import {path} {{ inherit (stub) pkgs lib hacks; }}"
    before, after = ask_stub(
        f'[ (stub.closure stub.base "torch") (stub.closure (stub.apply ({overlay})) "torch") ]',
        attrs=[ATTR],
        packages=packages,
    )
    assert set(before) == set(packages)
    assert sorted(set(after) - {"torch"}) == PLAIN
    lost = set(before) - set(after)
    assert lost == {n for n in before if re.match(r"nvidia-|cuda-", n)}
    adapted = ask_package(path, "torch", attrs=[ATTR], packages=packages)
    assert adapted["prebuilt"]
    assert adapted["version"] == "9.9"  # of nixpkgs


def test_the_filter_everybody_copies_leaves_thirteen_packages() -> None:
    known = read_closure("torch-2.15.0")
    by_prefix = {r.name for r in known["torch"].requires if r.name.startswith("nvidia")}
    left = find_closure(known["torch"], known, without={"torch": frozenset(by_prefix)})
    assert len([n for n in left if n.startswith(("nvidia", "cuda"))]) == 13


@pytest.mark.parametrize("name", TORCH)
def test_without_metadata_the_table_names_the_same(name: str) -> None:
    bare, full = plan(name, metadata=False), plan(name)
    assert [j.name for j in bare.stripped] == [j.name for j in full.stripped]


def test_reasons() -> None:
    found = plan("torch-2.15.0")
    reasons = {j.name: j.reason for j in (*found.stripped, *found.leaving, *found.kept)}
    assert "nvidia-cublas" in reasons["cuda-toolkit"]
    assert "bindings" in reasons["cuda-bindings"]
    assert "libnccl.so.2" in reasons["nvidia-nccl-cu13"]
    assert reasons["triton"] == "nothing shows it to be only linked"
    assert {j.name for j in found.leaving} >= {"cuda-pathfinder", "nvidia-cuda-cccl", "nvidia-cublas"}
    assert found.staying == ()


def test_a_keep_wins_and_a_strip_counts() -> None:
    wishes = Wishes(keep=("cuda-bindings", "nvidia-nccl-cu13"), strip=("trit*", "nvidia-nccl*"))
    found = plan("torch-2.15.0", wishes)
    names = [j.name for j in found.stripped]
    assert "triton" in names
    assert not {"cuda-bindings", "nvidia-nccl-cu13"} & set(names)
    # What the kept one wants stays, and is said.
    assert [j.name for j in found.staying] == ["cuda-pathfinder"]
    assert "cuda-bindings requires it" in found.staying[0].reason
    assert {j.name: j.reason for j in found.kept}["cuda-bindings"] == "asked for with --keep"


def test_the_wrong_python_throws_as_it_does_for_real() -> None:
    path = check_golden("torch-2.9.1/adapter.nix", render_one(adapt("torch-2.9.1")))
    overlay = f"import {path} {{ inherit (stub) pkgs lib hacks; }}"
    packages = find_dependencies(read_closure("torch-2.9.1"))
    with pytest.raises(NixError, match=r"Mismatching Python versions: 3\.13 != 3\.12"):
        ask_stub(
            f"stub.show (stub.apply ({overlay})).torch", attrs=[ATTR], packages=packages, nixpkgsPython="3.13"
        )


def test_a_complete_file() -> None:
    code = render_one(adapt("torch-2.15.0"), standalone=True)
    path = check_golden("torch-2.15.0/adapter-standalone.nix", code)
    arguments = evaluate(f"builtins.functionArgs (import {path})")
    assert arguments == {
        "pkgs": True,
        "pyproject-build-systems": False,
        "pyproject-nix": False,
        "uv2nix": False,
        "workspaceRoot": True,
    }
    packages = find_dependencies(read_closure("torch-2.15.0"))
    question = f"""
      let
        pkgs = stub.pkgs // {{ python312 = stub.python; callPackage = f: _: f; }};
        set = stub.base // {{
          overrideScope = overlay: stub.apply overlay // {{
            mkVirtualEnv = name: spec: {{
              inherit name spec;
              left = stub.closure (stub.apply overlay) "torch";
            }};
          }};
        }};
      in
      import {path} {{
        inherit pkgs;
        pyproject-nix.build = {{ inherit (stub) hacks; packages = set; }};
        uv2nix.lib.workspace.loadWorkspace = _: {{
          deps.default.torch = [ ];
          mkPyprojectOverlay = {{ sourcePreference }}: assert sourcePreference == "wheel"; _: _: {{ }};
        }};
        pyproject-build-systems.overlays.wheel = _: _: {{ }};
      }}
    """
    found = ask_stub(question, attrs=[ATTR], packages=packages)
    assert found["name"] == "torch-env"
    assert found["spec"] == {"torch": []}
    assert sorted(set(found["left"]) - {"torch"}) == PLAIN


def test_a_package_without_redundant_dependencies_is_not_changed() -> None:
    adapter = replace(
        adapt("torch-2.9.1"), strip=StripPlan(), name="3to2", attr=("python312Packages", "3to2")
    )
    code = render_one(adapter)
    assert 'prev."3to2"' in code
    assert 'pkgs.python312Packages."3to2"' in code
    assert "overrideAttrs" not in code
    overlay = f"({code}) {{ inherit (stub) pkgs lib hacks; }}"
    found = ask_stub(
        f'stub.show (stub.apply ({overlay}))."3to2"',
        attrs=["python312Packages.3to2"],
        packages={"3to2": ["lib2to3"], "lib2to3": []},
    )
    assert found["dependencies"] == ["lib2to3"]
