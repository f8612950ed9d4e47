"""Real source distributions: what is generated for them (reviewed in tests/golden/cargo), and what it means.

The roots are where these archives have their Cargo.lock, the inputs what their lock files and build scripts
ask for, as nixpkgs' own packages have them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.cargo import evaluate_cargo
from tests.support.golden import check_golden
from tests.support.real_sdists import fetch_real, read_pins
from wheelfix.errors import InputError
from wheelfix.flows.sdist import write_sdist
from wheelfix.model.override import Dialect
from wheelfix.model.written import Written
from wheelfix.sdist.model import CargoPlan
from wheelfix.sdist.read import read_plan

pytestmark = pytest.mark.network
SETUPTOOLS = ["semantic-version", "setuptools", "setuptools-rust", "wheel"]
EXPECTED = {
    # requirement: (root, build systems, inputs, tools, settings)
    "bcrypt==5.0.0": ("src/_bcrypt", SETUPTOOLS, [], []),
    "cryptography==42.0.8": ("src/rust", ["cffi", "pycparser", *SETUPTOOLS], ["openssl"], []),
    "cryptography==50.0.2": (".", ["cffi", "pycparser", "maturin", "setuptools"], ["openssl"], []),
    "jiter==0.19.0": (".", ["maturin"], [], []),
    "orjson==3.13.0": (".", ["maturin"], [], []),
    "polars-runtime-32==2.1.0": (".", ["maturin"], ["zstd"], ["RUSTC_BOOTSTRAP", "ZSTD_SYS_USE_PKG_CONFIG"]),
    "pydantic-core==2.50.4": (".", ["maturin"], [], []),
    "rpds-py==2026.9.1": (".", ["maturin"], [], []),
    "ruff==0.17.5": (".", ["maturin"], ["zstd"], ["ZSTD_SYS_USE_PKG_CONFIG"]),
    "safetensors==0.8.0": ("bindings/python", ["maturin"], [], []),
    "tiktoken==0.14.0": (".", SETUPTOOLS, [], []),
    "tokenizers==0.23.3": ("bindings/python", ["maturin"], ["oniguruma"], []),
    "uv==0.13.8": (".", ["maturin"], ["zstd"], ["ZSTD_SYS_USE_PKG_CONFIG"]),
}
NO_RUST = {"click==8.5.1", "polars==2.1.0"}


def write(requirement: str, tmp_path: Path, dialect: Dialect = Dialect.UV2NIX) -> Written[CargoPlan]:
    written, made = write_sdist(str(fetch_real(requirement)), dialect, cargo_home=tmp_path)
    assert made is None
    return written


def plan(requirement: str) -> CargoPlan:
    found = read_plan(fetch_real(requirement), "3.12")
    assert found
    return found


def test_every_pin_is_used() -> None:
    assert set(read_pins()) == {*EXPECTED, *NO_RUST}


@pytest.mark.parametrize("requirement", sorted(EXPECTED))
def test_adapter(requirement: str, tmp_path: Path) -> None:
    root, systems, libraries, settings = EXPECTED[requirement]
    name = requirement.partition("==")[0]
    written = write(requirement, tmp_path)
    check_golden(f"cargo/uv2nix/{requirement.replace('==', '-')}.nix", written.text)
    found = evaluate_cargo(written.text, tmp_path, name=name)
    assert found["cargoRoot"] == root
    assert found["native"] == ["pyproject-hook", "cargo-setup-hook", "pkg-config", "cargo", "rustc", *systems]
    assert found["build"] == libraries
    assert [key for key in ("RUSTC_BOOTSTRAP", "ZSTD_SYS_USE_PKG_CONFIG") if key in found] == settings
    beside = name == "tiktoken"
    lock = str(tmp_path / "Cargo.lock") if beside else f"SRC/{root}/Cargo.lock"
    assert found["vendor"]["lockFile"] == lock
    assert ("postPatch" in found) == beside == (not written.answered)


@pytest.mark.parametrize("requirement", sorted(EXPECTED))
def test_package_for_nixpkgs(requirement: str, tmp_path: Path) -> None:
    root, systems, libraries, settings = EXPECTED[requirement]
    written = write(requirement, tmp_path, Dialect.NIXPKGS)
    # A project's home page may be its page at a package index, whose host has no place here.
    code = re.sub(r"https://pypi\.\w+/", "https://index.example/", written.text)
    check_golden(f"cargo/nixpkgs/{requirement.replace('==', '-')}.nix", code)
    world: dict[str, list[str]] = {one: [] for one in (*systems, *plan(requirement).project.run_time)}
    found = evaluate_cargo(written.text, tmp_path, kind="package", systems=world)
    direct = [one for one in systems if one not in {"maturin", "pycparser", "semantic-version"}]
    assert (found["systems"], found["build"]) == (direct, libraries)
    assert found.get("cargoRoot", ".") == root
    assert sorted(set(found.get("env", {})) - {"RUSTONIG_SYSTEM_LIBONIG"}) == settings
    assert found["src"] == f"{fetch_real(requirement).name}"


def test_git_crates_of_polars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARGO_HOME", str(tmp_path))
    git = plan("polars-runtime-32==2.1.0").git
    assert [one.crates[0].partition("-0")[0] for one in git] == [
        "color-backtrace",
        "hashbrown",
        "tikv-jemalloc-sys",
    ]
    assert all(one.sha256 is None for one in git)


def test_what_the_guide_has_and_what_it_leaves_out(tmp_path: Path) -> None:
    """The example of pyproject.nix's guide (builders/hacks.md), of which only names count here."""
    found = evaluate_cargo(write("cryptography==42.0.8", tmp_path).text, tmp_path, name="cryptography")
    assert found["cargoRoot"] == "src/rust"
    assert {"setuptools", "cffi", "pycparser"} <= set(found["native"])
    assert found["build"] == ["openssl"]
    assert {"setuptools-rust", "semantic-version"} <= set(found["native"])  # what that release builds with


@pytest.mark.parametrize(
    ("requirement", "hint"), [("click==8.5.1", ""), ("polars==2.1.0", "polars-runtime-32==2.1.0")]
)
def test_sdist_without_rust(requirement: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="builds no Rust") as caught:
        write(requirement, tmp_path)
    assert hint in caught.value.hint
