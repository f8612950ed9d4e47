"""The nixpkgs that a project names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wheelfix.errors import InputError
from wheelfix.outside.nixpkgs import NamedNixpkgs, find_nixpkgs

REV = "0123456789abcdef0123456789abcdef01234567"


def write_lock(directory: Path, locked: dict[str, Any], inputs: dict[str, Any] | None = None) -> None:
    nodes = {
        "root": {"inputs": inputs or {"nixpkgs": "nixpkgs_2"}},
        "nixpkgs_2": {"locked": locked, "original": {"type": "indirect"}},
        "uv2nix": {"inputs": {"nixpkgs": "nixpkgs_2"}, "locked": {"type": "github"}},
    }
    (directory / "flake.lock").write_text(json.dumps({"nodes": nodes, "root": "root", "version": 7}))


def test_pyproject_names_a_reference_or_a_directory_beside_it(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text('[tool.wheelfix]\nnixpkgs = "github:NixOS/nixpkgs/nixos-26.05"\n')
    assert find_nixpkgs(tmp_path, locked=False) == NamedNixpkgs(
        nixpkgs="github:NixOS/nixpkgs/nixos-26.05", origin=str(project), required=True
    )

    (tmp_path / "mine").mkdir()
    project.write_text('[tool.wheelfix]\nnixpkgs = "mine"\n')
    found = find_nixpkgs(tmp_path, locked=False)
    assert found
    assert found.nixpkgs == str(tmp_path / "mine")


def test_a_project_that_names_none(tmp_path: Path) -> None:
    assert find_nixpkgs(tmp_path, locked=True) is None

    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.wheelfix]\nfree-threaded = true\n')

    assert find_nixpkgs(tmp_path, locked=True) is None


@pytest.mark.parametrize(
    ("locked", "reference"),
    [
        (
            {"type": "github", "owner": "NixOS", "repo": "nixpkgs", "rev": REV, "narHash": "sha256-a+b/c="},
            f"github:NixOS/nixpkgs/{REV}?narHash=sha256-a%2Bb%2Fc%3D",
        ),
        ({"type": "git", "url": "https://h.example/n", "rev": REV}, f"git+https://h.example/n?rev={REV}"),
        (
            {"type": "tarball", "url": "https://h.example/n.tar.xz", "narHash": "x"},
            "https://h.example/n.tar.xz?narHash=x",
        ),
        (
            {"type": "tarball", "url": "https://h.example/n.tar.gz?rev=a&revCount=6", "narHash": "x"},
            "https://h.example/n.tar.gz?rev=a&revCount=6&narHash=x",
        ),
        (
            {
                "type": "git",
                "url": "https://h.example/n?dir=x",
                "rev": REV,
                "ref": "unstable",
                "shallow": True,
            },
            f"git+https://h.example/n?dir=x&rev={REV}&ref=unstable&shallow=1",
        ),
        ({"type": "path", "path": "/nix/store/n"}, "/nix/store/n"),
        ({"type": "mercurial", "url": "https://h.example"}, None),
        ({"type": "github", "owner": "NixOS", "repo": ["nixpkgs"], "rev": REV}, None),
    ],
)
def test_a_flake_lock_names_what_it_locks(
    tmp_path: Path, locked: dict[str, Any], reference: str | None
) -> None:
    write_lock(tmp_path, locked)

    found = find_nixpkgs(tmp_path, locked=True)

    assert (found.nixpkgs if found else None) == reference
    assert find_nixpkgs(tmp_path, locked=False) is None


def test_an_input_that_follows_another(tmp_path: Path) -> None:
    write_lock(
        tmp_path, {"type": "path", "path": "/n"}, {"nixpkgs": ["uv2nix", "nixpkgs"], "uv2nix": "uv2nix"}
    )

    found = find_nixpkgs(tmp_path, locked=True)

    assert found
    assert found.nixpkgs == "/n"


def test_inputs_that_follow_in_a_circle_name_nothing(tmp_path: Path) -> None:
    write_lock(tmp_path, {}, {"nixpkgs": ["other"], "other": ["nixpkgs"]})

    assert find_nixpkgs(tmp_path, locked=True) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"nodes": 1, "root": "root"}', '{"nodes": {}}'])
def test_what_is_no_lock_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "flake.lock").write_text(text)

    with pytest.raises(InputError) as caught:
        find_nixpkgs(tmp_path, locked=True)

    assert caught.value.subject == str(tmp_path / "flake.lock")


def test_an_input_that_follows_itself_for_ever_names_nothing(tmp_path: Path) -> None:
    write_lock(tmp_path, {}, {"nixpkgs": ["nixpkgs", "x"]})

    assert find_nixpkgs(tmp_path, locked=True) is None
