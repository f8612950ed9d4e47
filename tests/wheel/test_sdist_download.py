"""Downloads from an index on the loopback interface; pip lists, nothing is built."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.sdist import CARGO, build_sdist
from tests.support.wheel import build_wheel
from tests.wheel.test_download import Index, cache, index  # noqa: F401 - fixtures
from wheelfix.errors import InputError
from wheelfix.wheel.sdist_download import fetch_sdist

# A backend inside the sdist, as pip would call it for metadata.
TRAP = """[build-system]
requires = []
build-backend = "trap"
backend-path = ["."]
"""


def add(index: Index, directory: Path, version: str = "1.0", **how: str) -> str:  # noqa: F811
    return index.add(build_sdist(directory, CARGO, version=version), **how)


def test_newest_that_fits_is_fetched_and_kept(index: Index, tmp_path: Path, cache: Path) -> None:  # noqa: F811
    for version in ("1.0", "1.10", "1.9", "2.0"):
        add(index, tmp_path, version)
    add(index, tmp_path, "1.11", python=">=3.99")  # for another interpreter than pip's
    assert fetch_sdist("Demo<2", cache) == cache / "demo" / "demo-1.11.tar.gz"
    assert fetch_sdist("demo==1.9", cache).read_bytes() == index.files["demo-1.9.tar.gz"]
    asked = len(index.asked)
    assert fetch_sdist("demo == 1.9", cache) == cache / "demo" / "demo-1.9.tar.gz"
    assert len(index.asked) == asked


def test_nothing_of_the_sdist_is_executed(index: Index, tmp_path: Path, cache: Path) -> None:  # noqa: F811
    witness = tmp_path / "witness"
    trap = f"open({str(witness)!r}, 'w').close()\n"
    index.add(build_sdist(tmp_path, {"pyproject.toml": TRAP, "trap.py": trap, "setup.py": trap}))
    assert fetch_sdist("demo==1.0", cache).exists()
    assert not witness.exists()


def test_hash_of_the_index_is_checked(index: Index, tmp_path: Path, cache: Path) -> None:  # noqa: F811
    add(index, tmp_path, sha256="0" * 64)
    with pytest.raises(InputError, match="has sha256"):
        fetch_sdist("demo==1.0", cache)
    assert not list(cache.rglob("*.tar.gz"))


def test_hash_of_the_requirement_is_checked(index: Index, tmp_path: Path, cache: Path) -> None:  # noqa: F811
    digest = add(index, tmp_path)
    with pytest.raises(InputError, match=f"not {'1' * 64}"):
        fetch_sdist(f"demo==1.0 --hash=sha256:{'1' * 64}", cache)
    path = fetch_sdist(f"demo==1.0 --hash=sha256:{digest}", cache)
    path.write_bytes(b"tampered")
    again = fetch_sdist(f"demo==1.0 --hash=sha256:{digest}", cache)
    assert hashlib.sha256(again.read_bytes()).hexdigest() == digest


def test_local_directory_needs_no_hash(
    index: Index,  # noqa: F811
    tmp_path: Path,
    cache: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    path = build_sdist(links, CARGO)
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert fetch_sdist("demo==1.0", cache).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(("fault", "problem"), [("gone", "HTTP 404"), ("cut", "cannot be downloaded")])
def test_faults_are_told(
    index: Index,  # noqa: F811
    tmp_path: Path,
    cache: Path,  # noqa: F811
    fault: str,
    problem: str,
) -> None:
    add(index, tmp_path, fault=fault)
    with pytest.raises(InputError, match=problem):
        fetch_sdist("demo==1.0", cache)
    assert not list(cache.rglob("*.tar.gz"))


def test_what_the_index_has_not_is_told(index: Index, tmp_path: Path, cache: Path) -> None:  # noqa: F811
    add(index, tmp_path)
    index.add(build_wheel(tmp_path, name="wheelonly", files={}))
    with pytest.raises(InputError, match=r"newest is demo-1\.0\.tar\.gz"):
        fetch_sdist("demo==3.0", cache)
    with pytest.raises(InputError, match="nothing named absent"):
        fetch_sdist("absent==1.0", cache)
    with pytest.raises(InputError, match="wheelonly"):
        fetch_sdist("wheelonly==1.0", cache)
    with pytest.raises(InputError, match="no requirement"):
        fetch_sdist("demo", cache)
