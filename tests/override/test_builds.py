"""Which build of nixpkgs stands for a distribution: of its own name, an edition's, or where its files are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from tests.support.facts import open_table
from wheelfix.errors import InputError
from wheelfix.index.table import SonameTable
from wheelfix.model.base import Struct
from wheelfix.model.override import NixpkgsBuild
from wheelfix.override.builds import choose_build, make_finder


class Known(Struct):
    attr: str
    version: str = "1.0"
    dependencies: tuple[str, ...] = ()
    unfree: bool = False
    broken: bool = False
    insecure: bool = False
    removed: str | None = None
    renamed: str | None = None


class Attributes:
    """nixpkgs with these packages, each under its own name."""

    NAMES = ("cupy", "onnxruntime", "opencv4", "opencv-python", "torch", "faiss", "xgboost")

    def ask(self, python: Iterable[str]) -> None:
        """Nothing has to be evaluated."""

    def find_python_attr(self, attr: str) -> Known | None:
        return self.find_python(attr)

    def find_python(self, name: str) -> Known | None:
        return Known(attr=name, unfree=name == "cupy") if name in self.NAMES else None


@pytest.fixture(autouse=True)
def _nixpkgs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SonameTable, "attributes", Attributes(), raising=False)


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


def choose(attr: tuple[str, ...] | None, name: str, python: str | None = None) -> Any:
    chosen, find_build, told = choose_build(attr, name, python, open_table())
    return chosen, find_build, [finding.message for finding in told]


def test_without_a_name_it_is_nixpkgs_own_package() -> None:
    chosen, find_build, told = choose(None, "cupy-cuda12x", "3.13")
    assert chosen.attr == ("python313Packages", "cupy")
    assert chosen.problems == ("is unfree: nixpkgs refuses it without config.allowUnfree",)
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
