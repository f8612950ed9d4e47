"""Overlays of plans that no pinned wheel has."""

from __future__ import annotations

import pytest

from tests.support.golden import ask_stub
from wheelfix.model.hook import LostOpening
from wheelfix.model.override import Cuda, Dialect, Ignored, Input, Override, Search, WheelSource
from wheelfix.override.overlay import render_overlay

ATTRS = ["zlib", "jdk"]


def make(tag: str = "manylinux_2_28_x86_64", **more: object) -> Override:
    fields: dict[str, object] = {"inputs": (Input(attr="zlib", reason="why"),), **more}
    return Override(
        name="demo", version="1.0", target="demo.whl", tags=(f"py3-none-{tag}",), cuda=Cuda.WHEELS,
        **fields,  # type: ignore[arg-type]
    )  # fmt: skip


def ask(override: Override, dialect: Dialect = Dialect.UV2NIX, *others: str) -> dict[str, list[str]]:
    overlay = f"({render_overlay([override], [], dialect)}) {{ inherit (stub) pkgs lib hacks; }}"
    packages: dict[str, list[str]] = {"demo": [], **{other: [] for other in others}}
    found: dict[str, list[str]] = ask_stub(
        f"stub.show (stub.apply ({overlay})).demo", attrs=ATTRS, packages=packages
    )
    return found


@pytest.mark.parametrize("tag", ["musllinux_1_2_x86_64", "linux_x86_64"])
def test_wheels_without_a_baseline_get_everything(tag: str) -> None:
    assert ask(make(tag))["inputs"] == ["zlib"]
    assert ask(make(tag))["hooks"] == ["pyproject-hook", "autoPatchelfHook"]
    # poetry2nix has no hook for them
    assert ask(make(tag), Dialect.POETRY2NIX)["hooks"][2:] == ["autoPatchelfHook"]
    assert ask(make(), Dialect.POETRY2NIX)["hooks"][2:] == []


def test_the_baseline_is_not_repeated_where_it_is_there() -> None:
    override = make(inputs=(Input(attr="zlib", reason="why", baseline=True),))
    assert ask(override)["inputs"] == []
    assert ask(override, Dialect.POETRY2NIX)["inputs"] == []
    assert ask(override, Dialect.PYPROJECT_NIX)["inputs"] == ["zlib"]


def test_search_paths() -> None:
    searches = (
        Search(attr="jdk", directory="lib/openjdk/lib/server", reason="libjvm.so"),
        Search(distribution="mkl", directory="../..", reason="libmkl_rt.so.3"),
        Search(distribution="torch", directory="torch/lib", reason="libtorch.so"),
        Search(distribution="absent", directory="absent/lib", reason="x", certain=False),
        Search(distribution="there", directory="there/lib", reason="x", certain=False),
    )
    text = "".join(ask(make(searches=searches), Dialect.UV2NIX, "mkl", "torch", "there")["preFixup"])
    store = "/nix/store/00000000000000000000000000000000-"
    assert [line.split(" ")[1] for line in text.splitlines() if not line.startswith("#")] == [
        f"{store}jdk/lib/openjdk/lib/server",
        f"{store}mkl/lib",
        f"{store}torch/lib/python3.12/site-packages/torch/lib",
        f"{store}there/lib/python3.12/site-packages/there/lib",
    ]


def test_a_hostile_directory_is_one_word_of_the_shell() -> None:
    searches = (Search(distribution="x", directory="a b/$(touch y)/${z}''\n;", reason="\r\nrm -rf ~"),)
    text = "".join(ask(make(searches=searches), Dialect.UV2NIX, "x")["preFixup"])
    comment, line = text.splitlines()
    assert comment == "# rm -rf ~"
    start = "addAutoPatchelfSearchPath /nix/store/00000000000000000000000000000000-x/lib/python3.12/"
    assert line == start + "site-packages/'a b/$(touch y)/${z}'\"'\"''\"'\"'?;'"


def test_one_reason_is_said_once() -> None:
    ignored = tuple(Ignored(soname=f"liba.so.{i}", reason="the driver") for i in range(3))
    code = render_overlay([make(ignored=ignored)], [], Dialect.UV2NIX)
    assert code.count("# the driver") == 1
    assert ask(make(ignored=ignored))["ignored"] == ["liba.so.0", "liba.so.1", "liba.so.2"]


LOST = LostOpening(
    file="ov/libtbb.so.12", name="libtbbmalloc.so.2", entry="$ORIGIN", path="ov/libtbbmalloc.so.2"
)
SOURCE = WheelSource(
    url="https://index.invalid/demo-1.0-py3-none-manylinux_2_28_x86_64.whl",
    filename="demo-1.0-py3-none-manylinux_2_28_x86_64.whl",
    sha256=bytes(32),
    passed_over="demo-1.0-py3-none-any.whl",
)


def test_the_sets_own_python_is_an_input_where_no_python_is_among_the_inputs() -> None:
    override = make(inputs=(), interpreter="libpython3.12.so.1.0 for demo/x.so")
    assert ask(override)["inputs"] == ["python"]
    assert ask(override, Dialect.PYPROJECT_NIX)["inputs"] == ["python"]
    assert ask(override, Dialect.PYPROJECT_NIX)["hooks"][2:] == ["autoPatchelfHook"]
    assert ask(override, Dialect.POETRY2NIX)["inputs"] == []


@pytest.mark.parametrize("dialect", [Dialect.UV2NIX, Dialect.PYPROJECT_NIX, Dialect.POETRY2NIX])
def test_run_paths_through_which_something_is_opened_are_preserved(dialect: Dialect) -> None:
    override = make(lost_openings=(LOST, LOST))
    assert ask(override, dialect)["flags"] == ["--preserve-origin"]
    assert ask(make(), dialect)["flags"] == []
    code = " ".join(render_overlay([override], [], dialect).replace("#", "").split())
    assert "libtbb.so.12 opens libtbbmalloc.so.2 through its run path $ORIGIN" in code
    assert "1 more" in code


def test_a_wheel_is_fetched_in_the_place_of_the_one_that_the_set_takes() -> None:
    baseline = (Input(attr="zlib", reason="why", baseline=True),)
    shown: dict[str, object] = {**ask(make(inputs=baseline, source=SOURCE))}
    assert shown["source"] == SOURCE.filename
    assert shown["inputs"] == ["zlib"]  # the set adds it for the tag of the other wheel, which has none
    assert ask(make(inputs=baseline))["source"] is None
