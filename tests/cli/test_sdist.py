from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.test_scan import run
from tests.support.cargo import evaluate_cargo
from tests.support.sdist import CARGO, build_sdist, make_member


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}


def test_overlay_on_stdout(tmp_path: Path, env: dict[str, str]) -> None:
    result = run("sdist", str(build_sdist(tmp_path, CARGO)), env=env)
    assert (result.returncode, result.stderr) == (0, "")
    assert evaluate_cargo(result.stdout, tmp_path)["cargoRoot"] == "."


def test_package_into_a_file(tmp_path: Path, env: dict[str, str]) -> None:
    out = tmp_path / "out.nix"
    sdist = str(build_sdist(tmp_path, CARGO))
    result = run("sdist", sdist, "--dialect", "nixpkgs", "-o", str(out), env=env)
    assert (result.returncode, result.stdout) == (0, "")
    assert evaluate_cargo(out.read_text(), tmp_path, kind="package")["version"] == "1.0"


def test_directory(tmp_path: Path, env: dict[str, str]) -> None:
    for name, text in CARGO.items():
        (tmp_path / name).write_text(text)
    result = run("sdist", str(tmp_path), env=env)
    assert result.returncode == 0
    assert "demo 1.0" in result.stdout


def test_missing_lock_is_an_error_until_cargo_makes_one(tmp_path: Path, env: dict[str, str]) -> None:
    sdist = str(build_sdist(tmp_path, {k: v for k, v in CARGO.items() if k != "Cargo.lock"}))
    bare = run("sdist", sdist, env=env)
    assert bare.returncode == 1
    assert "has no Cargo.lock: name one with --lock" in bare.stderr
    made = run("sdist", sdist, "--lock", str(tmp_path / "demo.lock"), env={})
    assert (made.returncode, re.findall("wheelfix: note: .* the given one is used", made.stderr)) != (0, [])
    assert 'name = "demo"' in (tmp_path / "demo.lock").read_text()
    assert "lockFile = ./demo.lock;" in made.stdout
    before = (tmp_path / "demo.lock").stat().st_mtime_ns
    again = run("sdist", sdist, "--lock", str(tmp_path / "demo.lock"), env=env)
    assert again.stdout == made.stdout
    assert (tmp_path / "demo.lock").stat().st_mtime_ns == before


def test_without_rust(tmp_path: Path, env: dict[str, str]) -> None:
    system = '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
    result = run("sdist", str(build_sdist(tmp_path, {"pyproject.toml": system})), env=env)
    assert (result.returncode, result.stdout) == (3, "")
    assert "builds no Rust: its build system is flit-core" in result.stderr
    assert "hint: " in result.stderr


def test_hostile_archive(tmp_path: Path, env: dict[str, str]) -> None:
    path = build_sdist(tmp_path, CARGO, members=[make_member("demo-1.0/../../Cargo.toml")])
    result = run("sdist", str(path), env=env)
    assert (result.returncode, result.stdout) == (3, "")
    assert "leaves the archive" in result.stderr


def test_broken_manifest_names_archive_and_file(tmp_path: Path, env: dict[str, str]) -> None:
    path = build_sdist(tmp_path, {**CARGO, "Cargo.toml": "["})
    result = run("sdist", str(path), env=env)
    assert result.returncode == 3
    assert "demo-1.0.tar.gz: Cargo.toml: is no TOML" in result.stderr


def test_python_that_is_none(tmp_path: Path, env: dict[str, str]) -> None:
    result = run("sdist", str(build_sdist(tmp_path, CARGO)), "--python", "abc", env=env)
    assert result.returncode == 3
    assert "name a version such as 3.12" in result.stderr


def test_absent_target(tmp_path: Path, env: dict[str, str]) -> None:
    result = run("sdist", str(tmp_path / "absent-1.0.tar.gz"), env=env)
    assert result.returncode == 3
    assert "no such file or directory" in result.stderr


def test_the_former_name_of_the_command_works_and_is_in_no_help(tmp_path: Path) -> None:
    sdist = str(build_sdist(tmp_path, CARGO))
    assert run("cargo", sdist, env={}).stdout == run("sdist", sdist, env={}).stdout != ""
    assert "cargo" not in run("--help", env={}).stdout.partition("Commands:")[2]
