"""Downloads from an index on the loopback interface; nothing is built."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.packageindex import Index
from tests.support.sdist import CARGO, build_sdist
from tests.support.wheel import build_wheel
from wheelfix.errors import InputError
from wheelfix.outside.wheels import fetch_sdist


def get(requirement: str, cache: Path) -> Path:
    return fetch_sdist(requirement, cache).path


# A backend inside the sdist, as pip would call it for metadata.
TRAP = """[build-system]
requires = []
build-backend = "trap"
backend-path = ["."]
"""


def add(index: Index, directory: Path, version: str = "1.0", **how: str) -> str:
    return index.add(build_sdist(directory, CARGO, version=version), **how)


def test_newest_that_fits_is_fetched_and_kept(either_index: Index, tmp_path: Path, cache: Path) -> None:
    for version in ("1.0", "1.10", "1.9", "2.0"):
        add(either_index, tmp_path, version)
    add(either_index, tmp_path, "1.11", python=">=3.99")  # for another interpreter than pip's
    assert get("Demo<2", cache) == cache / "demo" / "demo-1.11.tar.gz"
    assert get("demo==1.9", cache).read_bytes() == either_index.files["demo-1.9.tar.gz"]
    asked = len(either_index.asked)
    assert get("demo == 1.9", cache) == cache / "demo" / "demo-1.9.tar.gz"
    assert len(either_index.asked) == asked


def test_nothing_of_the_sdist_is_executed(either_index: Index, tmp_path: Path, cache: Path) -> None:
    witness = tmp_path / "witness"
    trap = f"open({str(witness)!r}, 'w').close()\n"
    either_index.add(build_sdist(tmp_path, {"pyproject.toml": TRAP, "trap.py": trap, "setup.py": trap}))
    assert get("demo==1.0", cache).exists()
    assert not witness.exists()


def test_hash_of_the_index_is_checked(either_index: Index, tmp_path: Path, cache: Path) -> None:
    add(either_index, tmp_path, sha256="0" * 64)
    with pytest.raises(InputError, match="not what is wanted"):
        get("demo==1.0", cache)
    assert not list(cache.rglob("*.tar.gz"))


def test_hash_of_the_requirement_is_checked(either_index: Index, tmp_path: Path, cache: Path) -> None:
    digest = add(either_index, tmp_path)
    with pytest.raises(InputError, match=f"not {'1' * 64}"):
        get(f"demo==1.0 --hash=sha256:{'1' * 64}", cache)
    path = get(f"demo==1.0 --hash=sha256:{digest}", cache)
    path.write_bytes(b"tampered")
    again = get(f"demo==1.0 --hash=sha256:{digest}", cache)
    assert hashlib.sha256(again.read_bytes()).hexdigest() == digest


def test_local_directory_needs_no_hash(
    either_index: Index,
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    path = build_sdist(links, CARGO)
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert get("demo==1.0", cache).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(("fault", "problem"), [("gone", "HTTP 404"), ("cut", "cannot be fetched")])
def test_faults_are_told(
    either_index: Index,
    tmp_path: Path,
    cache: Path,
    fault: str,
    problem: str,
) -> None:
    add(either_index, tmp_path, fault=fault)
    with pytest.raises(InputError, match=problem):
        get("demo==1.0", cache)
    assert not list(cache.rglob("*.tar.gz"))


def test_what_the_index_has_not_is_told(either_index: Index, tmp_path: Path, cache: Path) -> None:
    add(either_index, tmp_path)
    either_index.add(build_wheel(tmp_path, name="wheelonly", files={}))
    with pytest.raises(InputError, match=r"newest is demo-1\.0\.tar\.gz"):
        get("demo==3.0", cache)
    with pytest.raises(InputError, match="nothing named absent"):
        get("absent==1.0", cache)
    with pytest.raises(InputError, match="wheelonly"):
        get("wheelonly==1.0", cache)
    with pytest.raises(InputError, match="no requirement"):
        get("./demo", cache)
    assert get("demo", cache).name == "demo-1.0.tar.gz"
