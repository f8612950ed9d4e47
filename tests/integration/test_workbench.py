"""A real lock: torch, torchvision, numba, scipy, opencv-python, PySide6, pyodbc, soundfile, pandas and more.

What was read of its wheels is in fixtures/locks; from there on the command is the real one. The wheels are
chosen and the packages made by what stands in for uv2nix and pyproject.nix; the stub holds the contract.
"""

from __future__ import annotations

import json
import lzma
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from tests.support.golden import ask_stub
from tests.support.readings import make_kept
from tests.support.uv2nix import ask_uv2nix, list_attrs
from wheelfix.lockfile.read import read_lock
from wheelfix.model.base import to_builtins
from wheelfix.scan.read import read_known
from wheelfix.scan.store import store_reading
from wheelfix.wheel.metadata import find_environment, parse_requirement

LOCKS = Path(__file__).parents[2] / "fixtures" / "locks"


@cache
def make_bench() -> Path:
    """A directory with the lock, its project, and a cache in which its wheels are known."""
    directory = Path(mkdtemp(prefix="wheelfix-workbench-"))
    for name in ("uv.lock", "pylock.toml", "requirements.txt", "pyproject.toml"):
        (directory / name).write_text((LOCKS / f"workbench.{name}").read_text())
    facts = json.loads(lzma.decompress((LOCKS / "workbench.facts.json.xz").read_bytes()))
    cache = directory / "cache" / "wheelfix" / "facts"
    for document in facts.values():
        environment = find_environment(document["tags"])
        parsed = (parse_requirement(r["text"], environment) for r in document["requires"])
        document["requires"] = [to_builtins(requirement) for requirement in parsed if requirement]
        store_reading(make_kept(document), cache)
    return directory


@cache
def run(*arguments: str, lock: str = "uv.lock") -> tuple[dict[str, Any], str]:
    """The command's document and overlay."""
    directory = make_bench()
    output = directory / "overrides.nix"
    command = [
        sys.executable,
        "-m",
        "wheelfix",
        "lock",
        lock,
        "--json",
        "-o",
        str(output),
        "--quiet",
        *arguments,
    ]
    environment = os.environ | {"XDG_CACHE_HOME": str(directory / "cache")}
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), output.read_text()


def ask_loaded(text: str, question: str) -> Any:
    path = make_bench() / "asked.nix"
    path.write_text(text)
    load = f"real.load {make_bench()} (import {path} {{ inherit (real) pkgs lib hacks; }})"
    return ask_uv2nix(f"let loaded = {load}; in {question}", code=text)


def test_the_facts_are_of_this_shape() -> None:
    """Else the wheels have to be read again: scripts/collect_lock_facts.py."""
    lock = read_lock(make_bench() / "uv.lock")
    torch = next(
        w
        for p in lock.packages
        if p.name == "torch"
        for w in p.wheels
        if "cp312-manylinux_2_28_x86" in w.filename
    )
    assert torch.sha256
    assert read_known(torch.sha256, make_bench() / "cache" / "wheelfix" / "facts", contents=True)


EXPECTED = {
    "numba": ["onetbb"],
    "opencv-python": ["libxcb"],
    "pyodbc": ["unixodbc"],
    "nvidia-cufile": ["rdma-core"],
    "scipy": [],
    "pandas": [],
    "cryptography": [],
}


def test_uv2nix_takes_the_wheels_that_were_read() -> None:
    document, text = run("--extra", "*")
    shown = ask_loaded(text, "real.lib.genAttrs loaded.names (name: real.show loaded.set.${name})")
    ours = {p["name"]: p["file"] for p in document["packages"]}
    assert len(ours) == 58
    assert {name: package["source"] for name, package in shown.items()} == ours
    for name, inputs in EXPECTED.items():
        assert [i for i in shown[name]["inputs"] if not i.startswith("manylinux")] == inputs
    for name in ("nvidia-cublas", "nvidia-nccl-cu13", "nvidia-cudnn-cu13"):
        assert f"-{name}/lib/python3.12/site-packages/nvidia/" in shown["torch"]["preFixup"]
    assert "-torch/lib/python3.12/site-packages/torch/lib" in shown["torchvision"]["preFixup"]
    assert shown["torch"]["ignored"] == ["libcuda.so.1"]
    assert "autoAddDriverRunpath" in shown["torch"]["hooks"]


def test_the_overlay_keeps_the_contract_of_the_stub() -> None:
    document, text = run("--extra", "*")
    path = make_bench() / "stubbed.nix"
    path.write_text(text)
    packages: dict[str, list[str]] = {p["name"]: [] for p in document["packages"]}
    attrs = [a for a in list_attrs(text) if a != "autoAddDriverRunpath"]
    applied = f"stub.apply (import {path} {{ inherit (stub) pkgs lib; }})"
    shown = ask_stub(
        f'builtins.mapAttrs (_: stub.show) (removeAttrs ({applied}) [ "pkgs" "python" ])',
        attrs=attrs,
        packages=packages,
    )
    for name, inputs in EXPECTED.items():
        assert shown[name]["inputs"] == inputs


def test_the_wheel_with_the_libraries_is_put_in_the_place_of_the_one_without() -> None:
    document, text = run("--extra", "*")
    (finding,) = (f for f in document["findings"] if f["subject"] == "soundfile 0.14.0")
    bare, full = (f"soundfile-0.14.0-py2.py3-none-{tag}.whl" for tag in ("any", "manylinux_2_28_x86_64"))
    assert finding["level"] == "note"
    assert f"takes {bare} by itself: {full}, which pip takes" in finding["message"]
    (package,) = (p for p in document["packages"] if p["name"] == "soundfile")
    assert (package["file"], package["passed_over"]) == (full, bare)
    assert ask_loaded("{ ... }: final: prev: { }", "(real.show loaded.set.soundfile).source") == bare
    assert ask_loaded(text, "(real.show loaded.set.soundfile).source") == full


def test_nixpkgs_build_in_place_of_torch() -> None:
    document, text = run("--provider", "torch=nixpkgs:python312Packages.torchWithoutCuda")
    names = {p["name"] for p in document["packages"]}
    assert not [name for name in names if name.startswith(("nvidia-", "cuda-toolkit"))]
    adapter = next(one for one in document["adapters"] if one["name"] == "torch")
    assert adapter["stripped"][:2] == ["cuda-bindings", "cuda-toolkit"]
    torch = ask_loaded(
        text,
        "{ inherit (loaded.set.torch) version; "
        "deps = builtins.attrNames loaded.set.torch.passthru.dependencies; }",
    )
    assert torch["version"] == "9.9"
    assert not {d for d in torch["deps"] if d.startswith(("nvidia", "cuda"))}
    assert "filelock" in torch["deps"]


def test_cuda_from_nixpkgs() -> None:
    _, text = run("--cuda", "nixpkgs")
    torch = ask_loaded(text, "real.show loaded.set.torch")
    assert "cudaPackages_13.libcublas" in torch["inputs"]
    assert not [d for d in torch["dependencies"] if d.startswith("nvidia-")]


@pytest.mark.parametrize("lock", ["pylock.toml", "requirements.txt"])
def test_exports_of_the_lock_give_the_same_overlay(lock: str) -> None:
    def strip(text: str) -> str:
        return re.sub(r"(?m)^ *#.*\n", "", text)

    chosen = ("--dialect", "pyproject-nix")
    _, ours = run(*chosen)
    document, theirs = run(*chosen, lock=lock)
    assert document["read"] == []
    if lock == "pylock.toml":
        assert strip(theirs) == strip(ours)
    else:  # hashes tell no file names: the wheels that were read before are taken, and none is fetched
        assert strip(ours).count("fetchurl") == 1
        assert strip(theirs).count("prev ? ") == strip(ours).count("prev ? ") - 1


def test_no_package_searches_in_a_circle() -> None:
    document, _ = run("--extra", "*")
    edges = {p["name"]: set(p["searches"]) for p in document["packages"]}
    done: set[str] = set()
    while ready := [n for n in edges if n not in done and edges[n] <= done]:
        done |= set(ready)
    assert done == set(edges)
