"""Adapters of real locks: no CUDA wheel is left that nixpkgs makes redundant, no file twice, nothing lost."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.facts import open_table
from tests.support.objects import cause, wheel
from tests.support.real import FIXTURES
from tests.support.uv2nix import ask_uv2nix
from wheelfix.index.attributes import AttributeTable
from wheelfix.lock.model import LockOptions, LockPlan, LockRequest, Selection
from wheelfix.lock.plan import (
    drop_removed_packages,
    find_dependencies,
    find_selection,
    plan_lock_adapters,
    replace_bound,
)
from wheelfix.lock.read import read_request
from wheelfix.lock.render import render_lock
from wheelfix.model.base import Struct, replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.index import PythonPackage
from wheelfix.model.lock import ChoiceKind
from wheelfix.model.override import AdapterPlan, Dialect
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Level, Need, WheelScan
from wheelfix.scan.conclude import conclude
from wheelfix.scan.scan import ScanOptions

ADAPTERS = FIXTURES / "adapters"
CUDA = r"nvidia-(?!cudnn-frontend|cutlass|ml-py).*|cuda-toolkit|cuda-bindings|cuda-pathfinder"


def find_python(name: str) -> PythonPackage | None:
    """Facts of a real nixpkgs in place of the data that are shipped, which change with each release."""
    if not (facts := read_nixpkgs().get(name)):
        return None
    return PythonPackage(attr=name, name=name, **{**facts, "dependencies": tuple(facts["dependencies"])})


@cache
def read_nixpkgs() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ADAPTERS / "nixpkgs.json").read_text())
    return found


@pytest.fixture(autouse=True)
def _nixpkgs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("find_python", "find_python_attr"):
        monkeypatch.setattr(AttributeTable, name, lambda _, name: find_python(name))


class Planned(Struct):
    """A lock with the packages that are taken from nixpkgs."""

    request: LockRequest
    selection: Selection
    adapters: AdapterPlan
    code: str


def plan(directory: Path, name: str, *providers: str, scans: dict[str, WheelScan] | None = None) -> Planned:
    path = directory / "uv.lock"
    path.write_text((ADAPTERS / f"{name}.uv.lock").read_text())
    (directory / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "0.1"\n')
    options = LockOptions(scan=ScanOptions(index=open_table(), python="3.13"), providers=providers)
    request = read_request(path, options)
    selection = find_selection(request, options)
    dependencies = find_dependencies(request, selection)
    adapters = plan_lock_adapters(request, selection, dependencies, scans or {}, options)
    kept = drop_removed_packages(request, replace_bound(selection, adapters), adapters, options)
    lock = LockPlan(
        lock="uv.lock",
        python="3.13",
        system="x86_64-linux",
        dialect=Dialect.UV2NIX,
        adapters=adapters.adapters,
        findings=adapters.findings,
    )
    return Planned(request=request, selection=kept, adapters=adapters, code=render_lock(lock))


def resolve(directory: Path, code: str) -> tuple[set[str], set[str], set[str]]:
    """Return what an environment of the lock has: before; then wheels, and attributes of nixpkgs."""
    (directory / "overlay.nix").write_text(code)
    load = f"real.load {directory}"
    resolved = "loaded.set.resolveVirtualEnv loaded.workspace.deps.default"
    show = f"map (p: {{ name = p.pname; wheel = p ? src; }}) ({resolved})"
    overlay = f"(import {directory}/overlay.nix {{ inherit (real) pkgs lib hacks; }})"
    before, after = ask_uv2nix(
        f"[ (let loaded = {load} (_: _: {{ }}); in {show}) (let loaded = {load} {overlay}; in {show}) ]",
        code=code,
        python="3.13",
    )
    wheels = {one["name"] for one in after if one["wheel"]}
    return (
        {one["name"] for one in before} - {"demo"},
        wheels - {"demo"},
        {one["name"] for one in after if not one["wheel"]} - {"demo"},
    )


CASES = [
    # lock, what is asked from nixpkgs, what comes from there, what else leaves
    ("torch", ["torch"], {"torch"}, CUDA),
    ("jax", ["jax"], {"jax", "jaxlib", "jax-cuda12-plugin", "jax-cuda12-pjrt"}, CUDA),
    ("tensorflow", ["tensorflow"], {"tensorflow", "libclang"}, CUDA),
    ("cupy", ["cupy-cuda12x"], {"cupy"}, r"nvidia-.*|cuda-toolkit"),
    ("onnxruntime-gpu", ["onnxruntime-gpu"], {"onnxruntime"}, ""),
    ("pyside6", ["pyside6"], {"pyside6", "shiboken6"}, r"pyside6-.*"),
    ("pyqt6", ["pyqt6"], {"pyqt6", "pyqt6-sip"}, r"pyqt6-qt6"),
    ("opencv", ["opencv-python"], {"opencv4"}, ""),
    ("pyarrow", ["pyarrow"], {"pyarrow"}, ""),
    ("scipy", ["scipy"], {"scipy"}, ""),
    ("torch-stack", ["torch"], {"torch", "torchvision", "torchaudio", "xformers", "bitsandbytes"}, CUDA),
]


@pytest.mark.parametrize(("lock", "asked", "from_nixpkgs", "leaving"), CASES)
def test_what_nixpkgs_brings_leaves_and_nothing_else(
    tmp_path: Path, lock: str, asked: list[str], from_nixpkgs: set[str], leaving: str
) -> None:
    planned = plan(tmp_path, lock, *(f"{name}=nixpkgs" for name in asked))
    before, wheels, built = resolve(tmp_path, planned.code)
    replaced = {adapter.name for adapter in planned.adapters.adapters}
    assert built == from_nixpkgs
    gone = {name for name in before if leaving and re.fullmatch(leaving, name)}
    assert wheels == before - replaced - gone
    # The command reads no wheel that leaves, and all that stay.
    chosen = {c.package.name: c.kind for c in planned.selection.choices}
    assert {name for name, kind in chosen.items() if kind is not ChoiceKind.NIXPKGS} == wheels


def test_a_large_lock_keeps_what_its_other_wheels_require(tmp_path: Path) -> None:
    planned = plan(tmp_path, "vllm", "vllm=nixpkgs")
    before, wheels, built = resolve(tmp_path, planned.code)
    assert built >= {"vllm", "torch", "torchvision", "torchaudio", "xgrammar"}
    assert before - wheels - built == {
        "cuda-toolkit",
        *(
            f"nvidia-{name}"
            for name in ["cublas", "cuda-cupti", "cufft", "cufile", "curand", "cusolver", "cusparse"]
        ),
        *(f"nvidia-{name}-cu13" for name in ["cudnn", "cusparselt", "nccl", "nvshmem"]),
        "nvidia-nvjitlink",
        "nvidia-nvtx",
    }
    staying = {one.name: one.reason for a in planned.adapters.adapters for one in a.strip.staying}
    left = {n for n in wheels if re.fullmatch(r"nvidia-cuda-.*|cuda-bindings", n)}
    assert left <= set(staying)
    assert all(" require" in reason for reason in staying.values())
    told = [f for f in planned.adapters.findings if f.level is Level.WARNING]
    assert told[0].subject == "nixpkgs"
    assert "python313Packages.vllm" in told[0].message  # insecure
    assert "without CUDA, unless its configuration has cudaSupport = true" in told[1].message
    assert told[2].message == "is 0.16.0 in nixpkgs; other packages are resolved for 0.33.0"


def scan_links(name: str, soname: str, distribution: str) -> WheelScan:
    need = Need(
        soname=soname,
        machine="x86_64",
        need_class=NeedClass.SIBLING,
        cause=cause(NeedClass.SIBLING, soname, distribution=distribution),
        wanted_by=(f"{name}/_C.so",),
    )
    empty = conclude(Reading(distribution=wheel(name), objects=()), open_table())
    return replace(empty, needs=(need,))


def test_what_the_wheels_link_decides_where_they_were_read(tmp_path: Path) -> None:
    scans = {
        "torchvision": scan_links("torchvision", "libc10.so", "torch"),
        "torchaudio": scan_links("torchaudio", "libz.so.1", "other"),
        "bitsandbytes": scan_links("bitsandbytes", "libcublas.so.13", "nvidia-cublas"),
    }
    planned = plan(tmp_path, "torch-stack", "torch=nixpkgs", scans=scans)
    reasons = {a.name: a.reason for a in planned.adapters.adapters}
    assert reasons.keys() == {"torch", "torchvision", "bitsandbytes", "xformers"}
    assert reasons["torchvision"] == "torchvision/_C.so links libc10.so of torch"
    assert reasons["bitsandbytes"] == (
        "bitsandbytes/_C.so links libcublas.so.13 of nvidia-cublas, which torch brings no longer"
    )
    assert "# torchvision 0.29.2: torchvision/_C.so links libc10.so of torch" in planned.code


def test_what_the_user_wants_otherwise_stays_and_is_told(tmp_path: Path) -> None:
    planned = plan(tmp_path, "torch-stack", "torch=nixpkgs", "torchvision=wheel")
    assert "torchvision" not in {a.name for a in planned.adapters.adapters}
    (told,) = [f for f in planned.adapters.findings if f.subject == "torchvision 0.29.2"]
    assert told.level is Level.WARNING
    assert told.message.startswith(
        "stays a wheel as asked, though it is compiled, and nixpkgs builds it with"
    )
    assert f"Look at: torchvision 0.29.2 {told.message}"[:60] in planned.code.replace("\n# ", " ")


def test_what_nixpkgs_has_no_build_of_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {name: known for name, known in read_nixpkgs().items() if name != "torchvision"}
    monkeypatch.setattr("tests.lock.test_adapters.read_nixpkgs", lambda: facts)
    scans = {"torchvision": scan_links("torchvision", "libc10.so", "torch")}
    planned = plan(tmp_path, "torch-stack", "torch=nixpkgs", scans=scans)
    (told,) = [f for f in planned.adapters.findings if f.subject == "torchvision 0.29.2"]
    assert told.message.startswith("stays a wheel, as nixpkgs has no package of it, though torchvision/_C.so")


def test_an_attribute_of_metadata_alone_is_not_taken(tmp_path: Path) -> None:
    planned = plan(tmp_path, "opencv", "opencv-python=nixpkgs:python313Packages.opencv-python")
    assert {a.attr for a in planned.adapters.adapters} == {("python313Packages", "opencv4")}
    assert planned.adapters.findings[0].message == (
        "holds metadata alone: python313Packages.opencv4, which it propagates, has the files"
    )
