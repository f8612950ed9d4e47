"""Libraries in a Nix store: added, built from a nixpkgs, or realised as an index names them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.patch import read
from tests.support.patched import build_wheel, find_installed_lies, install, snapshot
from wheelfix.model.index import Provider
from wheelfix.patch.model import Seeker, Supply
from wheelfix.patch.nix_store import bring, name_attr, plan_bringing, plan_build

ANY_NIXPKGS = """
let
  make = name: derivation {
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    PATH = "/bin:/usr/bin";
    libs = builtins.path { path = %s; name = "libs"; };
    args = [ "-c" "mkdir -p $out && cp -r $libs $out/lib" ];
  };
in
{ onetbb = make "onetbb-2022.3.0"; }
"""
FLAKE = """
{ outputs = { self }: { legacyPackages.x86_64-linux = import ./default.nix; }; }
"""


@pytest.fixture
def nix(tmp_path: Path) -> dict[str, str]:
    """A store of its own, which can build without network, users and sandbox."""
    return {
        **os.environ,
        "NIX_STORE_DIR": str(tmp_path / "nix/store"),
        "NIX_STATE_DIR": str(tmp_path / "nix/state"),
        "NIX_LOG_DIR": str(tmp_path / "nix/log"),
        "NIX_CONF_DIR": str(tmp_path / "nix/conf"),
        "NIX_CONFIG": "build-users-group =\nsandbox = false\nsubstituters =\n",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }


@pytest.fixture
def libs(tmp_path: Path) -> Path:
    """``libtbb.so.12`` of our own making, in a directory that no loader searches."""
    directory = tmp_path / "libs"
    directory.mkdir()
    data = build_elf(tmp_path / "work", "libtbb.so.12", soname="libtbb.so.12")
    (directory / "libtbb.so.12").write_bytes(data)
    return directory


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    x = build_elf(tmp_path / "work", "x.so", needed=["libtbb.so.12"])
    install(build_wheel(tmp_path, files={"demo/x.so": x}), tmp_path / "env")
    return tmp_path / "env"


def site(environment: Path) -> Path:
    return environment / "lib/python3.12/site-packages"


def run(nix: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wheelfix", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=nix, check=False)


def load(environment: Path, name: str) -> str:
    """Load a library of an environment; returns where ``libtbb.so.12`` came from."""
    code = f"import ctypes; ctypes.CDLL({str(site(environment) / name)!r}).answer()"
    env = {**os.environ, "LD_DEBUG": "libs"}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    (line,) = (n for n in result.stderr.splitlines() if "calling init" in n and "libtbb" in n)
    return line.rpartition(" ")[2]


def test_a_library_added_to_a_store_is_found_there(
    nix: dict[str, str], libs: Path, environment: Path
) -> None:
    before = snapshot(environment)
    prefix = libs.parent / "onetbb-1"
    prefix.mkdir()
    libs.rename(prefix / "lib")
    added = subprocess.run(
        ["nix-store", "--add", prefix], env=nix, capture_output=True, text=True, check=True
    )
    store_path = added.stdout.strip()
    result = run(nix, "patch", environment, "--libs", store_path)
    assert result.returncode == 0, result.stderr
    assert load(environment, "demo/x.so") == f"{store_path}/lib/libtbb.so.12"
    assert find_installed_lies(site(environment)) == []
    assert run(nix, "patch", environment, "--quiet").stdout.startswith("0 of 1 ELF files changed")
    assert run(nix, "patch", environment, "--quiet").stdout == ""  # a hook says nothing if nothing happened
    run(nix, "patch", environment, "--undo")
    assert snapshot(environment) == before


@pytest.mark.parametrize("reference", ["{}", "<packages>", "path:{}"])
def test_what_is_missing_is_built_from_a_nixpkgs(
    nix: dict[str, str], libs: Path, environment: Path, reference: str
) -> None:
    nixpkgs = libs.parent / "nixpkgs"
    nixpkgs.mkdir()
    # A flake in pure evaluation sees its own directory alone.
    libs.rename(nixpkgs / "libs")
    (nixpkgs / "default.nix").write_text(
        (ANY_NIXPKGS % "./libs").replace("builtins.currentSystem", '"x86_64-linux"')
    )
    (nixpkgs / "flake.nix").write_text(FLAKE)
    nix = {**nix, "NIX_PATH": f"packages={nixpkgs}"}
    result = run(nix, "patch", environment, "--nixpkgs", reference.format(nixpkgs))
    assert result.returncode == 0, result.stderr
    found = load(environment, "demo/x.so")
    assert found.startswith(nix["NIX_STORE_DIR"])
    assert found.endswith("-onetbb-2022.3.0/lib/libtbb.so.12")
    (root,) = (environment / ".wheelfix" / "roots").iterdir()
    assert str(root.readlink()) == found.removesuffix("/lib/libtbb.so.12")
    roots = subprocess.run(["nix-store", "--gc", "--print-roots"], env=nix, capture_output=True, text=True)
    assert str(root) in roots.stdout
    subprocess.run(["nix-store", "--gc"], env=nix, capture_output=True, check=True)
    assert load(environment, "demo/x.so") == found
    run(nix, "patch", environment, "--undo")
    subprocess.run(["nix-store", "--gc"], env=nix, capture_output=True, check=True)
    assert not Path(found).exists()


def test_store_paths_are_fetched_from_a_substituter_and_kept(
    nix: dict[str, str], libs: Path, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = f"file://{libs.parent}/binary-cache"
    nix["NIX_CONFIG"] += f"substituters = {cache}\nrequire-sigs = false\n"

    def call(*command: str | Path) -> str:
        return subprocess.run(command, env=nix, capture_output=True, text=True, check=True).stdout.strip()

    expression = libs.parent / "default.nix"
    expression.write_text(ANY_NIXPKGS % libs)
    built = call("nix-build", expression, "-A", "onetbb", "--no-out-link")
    call("nix", "--extra-experimental-features", "nix-command", "copy", "--to", cache, built)
    call("nix-store", "--delete", built)
    assert not Path(built).exists()
    for name, value in nix.items():
        monkeypatch.setenv(name, value)
    brought = bring(plan_bringing((make_supply(built),), None, "--realise", environment), environment)
    call("nix-store", "--gc")
    assert [path.resolve() for path in brought.directories] == [Path(built)]
    assert run(nix, "patch", environment, "--libs", built).returncode == 0
    assert load(environment, "demo/x.so") == f"{built}/lib/libtbb.so.12"


def make_supply(store_path: str | None) -> Supply:
    seeker = Seeker("demo", "demo/x.so", "libtbb.so.12")
    return Supply(name="onetbb.out", directories=("lib",), store_path=store_path, seekers=(seeker,))


def test_what_has_no_store_path_cannot_be_realised(tmp_path: Path) -> None:
    supplies = plan_bringing((make_supply(None),), None, "--realise", tmp_path)
    assert supplies.command == ()
    assert "has no store path in this index" in str(supplies.outputs[0].problem)


def test_what_nix_cannot_build_or_fetch_ends_with_5(
    nix: dict[str, str], libs: Path, environment: Path
) -> None:
    before = snapshot(environment)
    (libs / "default.nix").write_text("{ }")
    result = run(nix, "patch", environment, "--nixpkgs", libs)
    assert result.returncode == 5
    assert "onetbb" in result.stderr
    assert "not brought: nix-build does not bring it: what it said is above" in result.stdout
    result = run(
        nix, "patch", environment, "--realise"
    )  # of the shipped index, in a store without substituters
    assert result.returncode == 5
    assert snapshot(environment) == before
    assert read(site(environment) / "demo/x.so").rpath == ()


def test_attributes_are_named_with_their_output() -> None:
    def name(attr: str, output: str) -> str:
        return name_attr(Provider(attr=attr, output=output, path="/lib/x", store_path=None))

    assert name("onetbb", "out") == "onetbb.out"
    assert name("stdenv.cc.cc.lib", "lib") == "stdenv.cc.cc.lib"
    assert name("cudaPackages.libcublas", "lib") == "cudaPackages.libcublas.lib"


def test_flakes_and_paths_are_built_by_their_own_commands(tmp_path: Path) -> None:
    assert plan_build(str(tmp_path), ["a.out"], "roots/1") == (
        "nix-build",
        str(tmp_path),
        "-A",
        "a.out",
        "--keep-going",
        "-o",
        "roots/1",
    )
    assert plan_build("<nixpkgs>", ["a.out"], "roots/1")[:2] == ("nix-build", "<nixpkgs>")
    assert plan_build("github:NixOS/nixpkgs", ["a.out", "b.lib"], "roots/1")[-2:] == (
        "github:NixOS/nixpkgs#a.out",
        "github:NixOS/nixpkgs#b.lib",
    )
