"""Generated cargo code, evaluated against a stub of what it meets."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.cargo import evaluate_cargo
from tests.support.sdist import CARGO, build_sdist, lock
from wheelfix.errors import InputError
from wheelfix.model.base import replace
from wheelfix.model.override import Input
from wheelfix.model.scan import Finding, Level
from wheelfix.nix.quote import clean_comment
from wheelfix.sdist.model import BuildRequirement, CargoPlan, GitSource
from wheelfix.sdist.read import read_plan
from wheelfix.sdist.render import render_cargo, render_cargo_package

RUST = ["cargo-setup-hook", "pkg-config", "cargo", "rustc"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def plan(tmp_path: Path) -> CargoPlan:
    manifest = CARGO["Cargo.toml"] + '[dependencies]\nopenssl-sys = "1"\nzstd-sys = "1"\nprost-build = "1"\n'
    names = "openssl-sys zstd-sys prost-build"
    files = {
        **CARGO,
        "pyproject.toml": '[build-system]\nrequires = ["maturin", "cffi"]\nbuild-backend = "maturin"\n'
        '[tool.maturin]\nmanifest-path = "src/rust/Cargo.toml"\n',
        "src/rust/Cargo.toml": manifest,
        "src/rust/Cargo.lock": lock(f"*demo 1.0.0 < {names}", *(f"{name} 1.0.0" for name in names.split())),
    }
    found = read_plan(build_sdist(tmp_path, files, info="Requires-Dist: cffi\n"), "3.12")
    assert found is not None
    return found


def test_overlay(plan: CargoPlan, tmp_path: Path) -> None:
    assert evaluate_cargo(render_cargo(plan), tmp_path) == {
        "cargoRoot": "src/rust",
        "src": "sdist-unpacked",
        "vendor": {"name": "cargo-vendor-dir", "lockFile": "SRC/src/rust/Cargo.lock", "outputHashes": {}},
        "native": ["pyproject-hook", *RUST, "cffi", "pycparser", "maturin", "protobuf"],
        "build": ["openssl", "zstd"],
        "systems": [],
        "dependencies": [],
        "pname": "demo",
        "version": "1",
        "ZSTD_SYS_USE_PKG_CONFIG": "1",
    }


def test_package_that_the_lock_lacks_is_left_alone(plan: CargoPlan, tmp_path: Path) -> None:
    assert evaluate_cargo(render_cargo(plan), tmp_path, kind="untouched") == {}


def test_package_for_nixpkgs(plan: CargoPlan, tmp_path: Path) -> None:
    assert plan.sha256 is not None
    code = render_cargo_package(plan)
    assert evaluate_cargo(code, tmp_path, kind="package") == {
        "cargoRoot": "src/rust",
        "src": "demo-1.0.tar.gz",
        "vendor": {
            "name": "demo-1.0-vendor",
            "cargoRoot": "src/rust",
            "hash": "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        },
        "native": ["cargo-setup-hook", "maturin-build-hook", "pkg-config", "protobuf"],
        "build": ["openssl", "zstd"],
        "systems": ["cffi"],
        "dependencies": ["cffi"],
        "env": {"ZSTD_SYS_USE_PKG_CONFIG": "1"},
        "pname": "demo",
        "version": "1.0",
        "pyproject": True,
    }
    assert f"sha256-{b64encode(plan.sha256).decode()}" in code


def test_setuptools_rust_gets_cargo_itself_in_nixpkgs(plan: CargoPlan, tmp_path: Path) -> None:
    project = replace(plan.project, backend="setuptools.build_meta")
    systems = (BuildRequirement(name="setuptools"), BuildRequirement(name="setuptools-rust"))
    code = render_cargo_package(replace(plan, project=project, build_systems=systems, libraries=(), tools=()))
    found = evaluate_cargo(code, tmp_path, kind="package")
    assert found["native"] == ["cargo-setup-hook", "cargo", "rustc"]
    assert found["systems"] == ["setuptools", "setuptools-rust"]


def test_missing_lock_is_taken_from_beside(plan: CargoPlan, tmp_path: Path) -> None:
    bare = replace(plan, lock=False, lock_file=None)
    found: dict[str, Any] = evaluate_cargo(render_cargo(bare), tmp_path)
    assert found["vendor"]["lockFile"] == str(tmp_path / "Cargo.lock")
    assert found["postPatch"].startswith("cp /nix/store/")
    assert found["postPatch"].endswith("-Cargo.lock src/rust/Cargo.lock\n")
    package = evaluate_cargo(render_cargo_package(bare), tmp_path, kind="package")
    assert package["vendor"]["lockFile"] == str(tmp_path / "Cargo.lock")
    assert package["postPatch"] == found["postPatch"]


def test_hashes_and_their_placeholder(plan: CargoPlan, tmp_path: Path) -> None:
    git = (
        GitSource(url="https://x/a", commit=COMMIT, crates=("a-1.0.0", "b-1.0.0"), sha256=b"\0" * 31 + b"\1"),
        GitSource(url="https://x/c", commit="f" * 40, crates=("c-2.0.0+x",)),
    )
    code = render_cargo(replace(plan, git=git))
    assert evaluate_cargo(code, tmp_path)["vendor"]["outputHashes"] == {
        "a-1.0.0": "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=",
        "c-2.0.0+x": "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    }
    assert "also for b-1.0.0" in " ".join(code.replace("#", " ").split())
    assert "fakeHash" not in render_cargo(replace(plan, git=git[:1]))
    package = render_cargo_package(replace(plan, git=git, lock=False))
    assert set(evaluate_cargo(package, tmp_path, kind="package")["vendor"]["outputHashes"]) == {
        "a-1.0.0",
        "c-2.0.0+x",
    }


def test_cmake_and_nightly(plan: CargoPlan, tmp_path: Path) -> None:
    tools = (Input(attr="cmake", reason="x"), Input(attr="rustPlatform.bindgenHook", reason="y"))
    changed = replace(plan, tools=tools, channel="nightly-2026-09-01")
    found = evaluate_cargo(render_cargo(changed), tmp_path)
    assert (found["dontUseCmakeConfigure"], found["RUSTC_BOOTSTRAP"]) == (True, "1")
    assert found["native"][-2:] == ["cmake", "bindgen-hook"]
    package = evaluate_cargo(render_cargo_package(changed), tmp_path, kind="package")
    assert package["env"] == {"RUSTC_BOOTSTRAP": "1", "ZSTD_SYS_USE_PKG_CONFIG": "1"}
    assert package["native"][-2:] == ["cmake", "bindgen-hook"]


def test_findings_are_comments(plan: CargoPlan) -> None:
    finding = Finding(level=Level.ERROR, subject="x", message="builds */ with\nseveral")
    for code in (
        render_cargo(replace(plan, findings=(finding,))),
        render_cargo_package(replace(plan, findings=(finding,))),
    ):
        assert f"# error: {clean_comment(finding.message)}" in code


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1, max_size=12))
def test_hostile_text_stays_data(plan: CargoPlan, tmp_path: Path, text: str) -> None:
    changed = replace(
        plan,
        root=f"r/{text}",
        root_reason=text,
        target=text,
        rust_version=("1.0", text),
        project=replace(plan.project, version=text, summary=text, homepage=text, license=text),
    )
    try:
        code = render_cargo(changed)
        package = render_cargo_package(changed)
    except InputError:
        return
    assert evaluate_cargo(code, tmp_path)["cargoRoot"] == f"r/{text}"
    found = evaluate_cargo(package, tmp_path, kind="package")
    assert (found["cargoRoot"], found["version"]) == (f"r/{text}", text)
