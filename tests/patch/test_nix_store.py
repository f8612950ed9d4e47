"""What Nix prints for programs, by a program of its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wheelfix.errors import ApplyError
from wheelfix.patch.model import Seeker, Supplies, Supply
from wheelfix.patch.nix_store import bring, plan_bringing

TBB = Supply(
    name="onetbb.out",
    directories=("lib",),
    store_path=None,
    seekers=(Seeker("numba", "x.so", "libtbb.so.12"),),
)


def plan(home: Path) -> Supplies:
    return plan_bringing((TBB,), "flake:nixpkgs", "--nixpkgs", home)


def print_by_nix(directory: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (directory / "said").write_text(text)
    (directory / "nix").write_text(f"#!/bin/sh\nexec cat {directory / 'said'}\n")
    (directory / "nix").chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")


def test_paths_of_what_was_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = '{"startTime": 1, "outputs": {"lib": "/nix/store/b", "out": "/nix/store/a"}}'
    print_by_nix(tmp_path, monkeypatch, f"[{built}, {built}]")
    assert bring(plan(tmp_path), tmp_path).directories == (Path("/nix/store/b"), Path("/nix/store/a"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "warning: x",
        "{}",
        "[3]",
        "[{}]",
        '[{"outputs": {"out": 3}}]',
        "[" * 100_000,
        '[{"outputs": {"a": "\\ud800"}}]',
    ],
)
def test_what_nix_never_prints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    print_by_nix(tmp_path, monkeypatch, text)
    with pytest.raises(ApplyError, match="nix build --json: prints no store paths") as caught:
        bring(plan(tmp_path), tmp_path)
    assert caught.value.hint
