"""Locks made by the real cargo, of crates that need nothing from a registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.sdist import CARGO, build_sdist
from wheelfix.errors import InputError
from wheelfix.sdist.make import make_lock
from wheelfix.sdist.manifests import parse_lock
from wheelfix.sdist.read import read_source
from wheelfix.wheel.sdist import read_sdist

SPLIT = {
    **CARGO,
    "Cargo.toml": '[workspace]\nmembers = ["app", "lib"]\nresolver = "2"\n',
    "app/Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\n'
    '[dependencies]\nlib = { path = "../lib" }\n[[bin]]\nname = "tool"\n[[bench]]\nname = "speed"\n',
    "lib/Cargo.toml": '[package]\nname = "lib"\nversion = "0.2.0"\nbuild = "build.rs"\n',
    "lib/build.rs": "fn main() { panic!() }",
    "rust-toolchain.toml": '[toolchain]\nchannel = "1.0.0"\n',
    ".cargo/config.toml": '[build]\nrustc = "/nonexistent"\n[net]\noffline = "broken"\n',
}


def make(tmp_path: Path, files: dict[str, str], path: str) -> bytes:
    tree = read_sdist(build_sdist(tmp_path, files))
    return make_lock(tree, read_source(tree).manifests, path)


def test_cargo_makes_a_lock(tmp_path: Path) -> None:
    found = parse_lock("Cargo.lock", make(tmp_path, SPLIT, "app/Cargo.toml"))
    assert [(c.name, c.version, c.dependencies) for c in found.crates] == [
        ("app", "0.1.0", ("lib",)),
        ("lib", "0.2.0", ()),
    ]


def test_what_cargo_says_is_told(tmp_path: Path) -> None:
    files = {**CARGO, "Cargo.toml": '[package]\nname = "demo"\nversion = "1.0.0"\nedition = "1999"\n'}
    with pytest.raises(InputError, match="cargo makes no lock: ") as caught:
        make(tmp_path, files, "Cargo.toml")
    assert "--lock" in caught.value.hint


@pytest.mark.parametrize(
    "more",
    [
        '[dependencies]\nx = { path = "../../../x" }',
        '[dependencies]\nx = { path = "/etc" }',
        '[patch.crates-io]\nx = { path = "../x" }',
        '[workspace]\nmembers = ["../*"]',
        '[workspace.dependencies]\nx = { path = ".." }',
    ],
)
def test_paths_out_of_the_source_are_refused(tmp_path: Path, more: str) -> None:
    with pytest.raises(InputError, match="outside of the source"):
        make(tmp_path, {**CARGO, "Cargo.toml": CARGO["Cargo.toml"] + more}, "Cargo.toml")


def test_without_cargo_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no cargo to make one"):
        make(tmp_path, CARGO, "Cargo.toml")
