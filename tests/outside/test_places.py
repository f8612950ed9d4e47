"""Where things are kept: names on the disk stay, and every tool's own variable counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from wheelfix.errors import InputError
from wheelfix.model.lock import LockedFile, LockedPackage
from wheelfix.outside import places
from wheelfix.outside.places import Cache, find_cache


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CACHE_HOME", "PIP_CACHE_DIR", "UV_CACHE_DIR", "CARGO_HOME", "NETRC", "NIX_STORE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_parts_of_the_cache_have_the_names_that_former_versions_gave_them(home: Path) -> None:
    cache, root = find_cache(), home / ".cache" / "wheelfix"
    assert cache == Cache(root=root)
    found = {
        name: str(getattr(cache, name).relative_to(root))
        for name in ("readings", "metadata", "wheels", "sdists", "urls", "database", "update_lock")
    }
    assert found == {
        "readings": "facts",
        "metadata": "metadata",
        "wheels": "wheels",
        "sdists": "sdists",
        "urls": "urls",
        "database": "fetched-database",
        "update_lock": "update.lock",
    }
    assert cache.find_fetched_table("1.1").name == "fetched-1.1.sqlite"
    assert cache.find_built_table("1.1", "ab" * 32).name == f"table-1.1-{'ab' * 16}.sqlite"
    assert cache.find_digest_note("0123").name == "digest-0123.json"


def test_one_variable_moves_all_caches(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = (places.find_own_database, places.find_pip_cache, places.find_uv_cache)
    below = [home / ".cache" / name for name in ("nix-index/files", "pip", "uv")]
    assert [place() for place in find] == below
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "elsewhere"))
    assert find_cache().root == home / "elsewhere" / "wheelfix"
    assert [place() for place in find] == [home / "elsewhere" / p.relative_to(home / ".cache") for p in below]


@pytest.mark.parametrize(
    ("variable", "name", "usual"),
    [
        ("PIP_CACHE_DIR", "find_pip_cache", ".cache/pip"),
        ("UV_CACHE_DIR", "find_uv_cache", ".cache/uv"),
        ("CARGO_HOME", "find_cargo_home", ".cargo"),
    ],
)
def test_each_tool_has_a_variable_of_its_own(
    home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, name: str, usual: str
) -> None:
    find = getattr(places, name)
    assert find() == home / usual
    monkeypatch.setenv(variable, "")
    assert find() == home / usual
    monkeypatch.setenv(variable, "/there")
    assert find() == Path("/there")


def test_the_store_is_where_nix_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert places.find_store() == "/nix/store"
    monkeypatch.setenv("NIX_STORE_DIR", "/other/store/")
    assert places.find_store() == "/other/store"


def test_a_file_of_a_lock_is_kept_by_name_and_version(tmp_path: Path) -> None:
    cache = Cache(root=tmp_path)
    file = LockedFile(filename="demo-1.0-py3-none-any.whl", sha256=None)
    package = LockedPackage(name="demo", version="1.0")
    assert cache.find_locked(package, file) == tmp_path / "wheels/demo/1.0/demo-1.0-py3-none-any.whl"
    unversioned = LockedPackage(name="demo", version=None)
    assert cache.find_locked(unversioned, file).parent == tmp_path / "wheels/demo/0"


@pytest.mark.parametrize(
    ("name", "version", "filename"),
    [
        ("..", "1.0", "a.whl"),
        ("demo", "..", "a.whl"),
        ("demo", ".", "a.whl"),
        ("demo", "1.0", ".."),
        ("demo", "1.0", "../a.whl"),
        ("demo", "1.0", "/etc/passwd"),
        ("a/b", "1.0", "a.whl"),
    ],
)
def test_a_lock_names_no_place_outside_of_the_cache(
    tmp_path: Path, name: str, version: str, filename: str
) -> None:
    package = LockedPackage(name=name, version=version)
    with pytest.raises(InputError, match="leads out of its directory"):
        Cache(root=tmp_path).find_locked(package, LockedFile(filename=filename, sha256=None))
