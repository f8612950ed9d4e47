"""The flake that re-exports nixpkgs."""

from __future__ import annotations

import pytest

from tests.support.golden import STUB, check_golden
from tests.support.nixeval import evaluate
from wheelfix.env.flake import check_flake
from wheelfix.errors import InputError
from wheelfix.flows.flake import write_flake
from wheelfix.model.flake import FlakeConfig

FULL = FlakeConfig(
    nixpkgs="github:NixOS/nixpkgs/nixos-26.05",
    systems=("x86_64-linux", "aarch64-linux"),
    cuda=True,
    capabilities=("8.9", "9.0a"),
    unfree=True,
)


def test_a_dependent_sees_the_configuration() -> None:
    path = check_golden("flake.nix", write_flake(FULL).text)
    found = evaluate(
        f"""
        let
          flake = import {path};
          lib.genAttrs = names: f:
            builtins.listToAttrs (map (name: {{ inherit name; value = f name; }}) names);
          # import of an attribute set imports its outPath
          nixpkgs = {{ outPath = {STUB.parent}/nixpkgs.nix; inherit lib; nixosModules = {{ }}; }};
          outputs = flake.outputs {{ self = {{ }}; inherit nixpkgs; }};
        in
        {{
          inherit (flake) inputs;
          x86 = outputs.legacyPackages.x86_64-linux;
          systems = builtins.attrNames outputs.legacyPackages;
          lib = outputs.lib ? genAttrs;
        }}
        """
    )
    assert found["inputs"] == {"nixpkgs": {"url": "github:NixOS/nixpkgs/nixos-26.05"}}
    assert found["systems"] == ["aarch64-linux", "x86_64-linux"]
    assert found["lib"] is True
    assert found["x86"] == {
        "system": "x86_64-linux",
        "config": {"allowUnfree": True, "cudaSupport": True, "cudaCapabilities": ["8.9", "9.0a"]},
    }


@pytest.mark.parametrize(
    "config",
    [
        FlakeConfig(nixpkgs="x", systems=("linux",)),
        FlakeConfig(nixpkgs="x", systems=("x86_64-linux", "")),
        FlakeConfig(nixpkgs="", systems=("x86_64-linux",)),
        FlakeConfig(nixpkgs="x", systems=("x86_64-linux",), capabilities=("8.9",)),
        FlakeConfig(nixpkgs="x", systems=("x86_64-linux",), cuda=True, capabilities=("sm_89",)),
    ],
)
def test_nonsense_is_refused(config: FlakeConfig) -> None:
    with pytest.raises(InputError):
        write_flake(config)


@pytest.mark.parametrize(
    "url",
    ["https://eve:wheel@h.example/x.tar.gz", "git+https://token@h.example/x", "git+ssh://eve:w@h.example/x"],
)
def test_a_password_is_not_written(url: str) -> None:
    with pytest.raises(InputError, match="has a password") as error:
        check_flake(FlakeConfig(nixpkgs=url, systems=("x86_64-linux",)))
    assert "h.example" not in str(error.value)


def test_the_user_of_ssh_is_no_password() -> None:
    check_flake(FlakeConfig(nixpkgs="git+ssh://git@h.example/x", systems=("x86_64-linux",)))


def test_a_hostile_url_stays_data() -> None:
    url = 'x"; evil = ${builtins.abort "y"}; "'
    text = write_flake(FlakeConfig(nixpkgs=url, systems=("x86_64-linux",))).text
    assert evaluate(f"({text}).inputs.nixpkgs.url") == url


def test_systems_that_are_none() -> None:
    with pytest.raises(InputError, match="x86_64-linx: is no Nix system") as caught:
        check_flake(FlakeConfig(nixpkgs="x", systems=("x86_64-linux", "x86_64-linx")))
    assert "x86_64-linux" in caught.value.hint
    check_flake(FlakeConfig(nixpkgs="x", systems=("aarch64-darwin", "riscv64-linux")))
