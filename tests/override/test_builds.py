"""Which build of nixpkgs stands for a distribution: of its own name, an edition's, or where its files are."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.facts import open_table
from wheelfix.errors import InputError
from wheelfix.index.attributes import AttributeTable
from wheelfix.model.index import PythonPackage
from wheelfix.model.override import NixpkgsBuild
from wheelfix.override.builds import choose_build, make_finder
from wheelfix.override.prebuilt import check_build

NAMES = ("cupy", "onnxruntime", "opencv4", "opencv-python", "torch", "faiss", "xgboost")
GONE = {"aged": "removed in 2025", "old": "has a new name"}


def find_python(name: str) -> PythonPackage | None:
    """A nixpkgs with these packages, each under its own name."""
    if name in GONE:
        renamed = "torch" if name == "old" else None
        return PythonPackage(attr=name, name=name, removed=GONE[name], renamed=renamed)
    if name not in NAMES:
        return None
    return PythonPackage(attr=name, name=name, version="1.0", unfree=name == "cupy")


@pytest.fixture(autouse=True)
def _nixpkgs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("find_python", "find_python_attr"):
        monkeypatch.setattr(AttributeTable, name, lambda _, name: find_python(name))


@pytest.mark.parametrize(
    ("name", "attr"),
    [
        ("torch", "torch"),
        ("cupy-cuda12x", "cupy"),
        ("cupy-cuda11x", "cupy"),
        ("onnxruntime-gpu", "onnxruntime"),
        ("faiss-gpu-cu12", "faiss"),
        ("faiss-cpu", "faiss"),
        ("xgboost-cpu", "xgboost"),
        ("opencv-python", "opencv4"),
        ("opencv-contrib-python-headless", "opencv4"),
        ("torch-geometric", None),
        ("cpu", None),
    ],
)
def test_a_distribution_and_its_build(name: str, attr: str | None) -> None:
    found = make_finder(open_table())(name)
    assert (found.attr[-1] if found else None) == attr


def choose(attr: tuple[str, ...] | None, name: str, python: str = "3.12") -> Any:
    chosen, find_build, told = choose_build(attr, name, python, open_table())
    return chosen, find_build, [finding.message for finding in told]


def test_without_a_name_it_is_nixpkgs_own_package() -> None:
    chosen, find_build, told = choose(None, "cupy-cuda12x", "3.13")
    assert chosen.attr == ("python313Packages", "cupy")
    assert (chosen.unfree, chosen.insecure, chosen.broken) == (True, False, False)
    assert find_build("torch").attr == ("python313Packages", "torch")
    assert told == []
    assert choose(None, "torch", "3.14t")[0].attr == ("python314FreeThreading", "pkgs", "torch")
    with pytest.raises(
        InputError, match="nosuch: is not known to be among nixpkgs' Python packages"
    ) as caught:
        choose(None, "nosuch")
    assert "--from" in (caught.value.hint or "")


def test_another_build_is_what_it_is() -> None:
    chosen, find_build, told = choose(("python312Packages", "torchWithoutCuda"), "torch")
    assert chosen == NixpkgsBuild(attr=("python312Packages", "torchWithoutCuda"))
    assert find_build("faiss-cpu").attr == ("python312Packages", "faiss")
    assert told == []
    assert choose(("python312Packages", "torch"), "torch")[0].version == "1.0"


def test_metadata_alone_is_no_build() -> None:
    chosen, _, told = choose(("python312Packages", "opencv-python"), "opencv-python")
    assert chosen.attr == ("python312Packages", "opencv4")
    assert told == ["holds metadata alone: python312Packages.opencv4, which it propagates, has the files"]


def test_what_is_gone_is_refused() -> None:
    assert make_finder(open_table())("aged") is None
    with pytest.raises(InputError, match="aged: is gone from nixpkgs: removed in 2025") as caught:
        check_build(("python3Packages", "aged"), "aged", (), asked=None, index=open_table())
    assert "name another build" in (caught.value.hint or "")
    with pytest.raises(InputError) as caught:
        check_build(("python3Packages", "old"), "old", (), asked=None, index=open_table())
    assert caught.value.hint == "write python3Packages.torch"
