from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.nixindex import package, write_database
from wheelfix.errors import ApplyError, IndexProblem
from wheelfix.index.build import build_table, compute_digest
from wheelfix.index.canonical import find_canonical
from wheelfix.index.choice import build_cached, find_built_table, find_sources, open_bundled, open_index
from wheelfix.index.database import find_files
from wheelfix.index.releases import NEWEST, modernize, parse_release, translate
from wheelfix.index.store_paths import find_store_paths, read_store_paths
from wheelfix.index.table import open_file

STORE = "/nix/store"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "cache"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    onetbb = package("onetbb", name="onetbb-2022.3.0")
    rootfs = package("steam-fhsenv-rootfs", name="steam-fhsenv-rootfs", toplevel=False)
    return write_database(
        tmp_path / "files",
        {
            onetbb: {
                "/lib/libtbb.so": "libtbb.so.12",
                "/lib/libtbb.so.12": "libtbb.so.12.17",
                "/lib/libtbb.so.12.17": 9,
            },
            package("onetbb", output="dev"): {"/lib/libtbb.so": 1},
            package("app"): {"/lib/app/libtbb.so.12": 5, "/bin/app": 7},
            package("old-tbb"): {"/lib/libtbb.so.2": 5},
            package("hidden", toplevel=False): {"/lib/libtbb.so.12": 5},
            package("onetbb", system="i686-linux"): {"/lib/libtbb.so.12": 5},
            rootfs: {"/usr/lib64/libtbb.so.12": f"{STORE}/{onetbb.hash}-{onetbb.name}/lib/libtbb.so.12"},
        },
    )


def test_table_answers_by_system(tmp_path: Path, database: Path) -> None:
    meta = build_table(database, tmp_path / "table", date="2026-05-03")
    table = open_file(tmp_path / "table", source="file")
    (found,) = table.lookup(["libtbb.so.12"])
    assert [p.attr for p in found.providers] == ["onetbb"]
    provider = found.providers[0]
    assert (provider.version, provider.output, provider.path) == ("2022.3.0", "out", "/lib/libtbb.so.12")
    assert provider.store_path == f"{STORE}/{package('onetbb').hash}-onetbb-2022.3.0"
    assert any("1 packages that stand" in words for words in provider.why)
    assert found.nearest == ("libtbb.so.2",)
    assert len(table.lookup(["libtbb.so.12"], system="i686-linux")[0].providers) == 1
    assert table.systems == ("i686-linux", "x86_64-linux")
    assert meta["digest"] == compute_digest(database)
    assert table.info.system == "x86_64-linux"


def test_names_and_attrs(tmp_path: Path, database: Path) -> None:
    build_table(database, tmp_path / "table")
    table = open_file(tmp_path / "table", source="file")
    assert table.find_names("libtbb.so.*") == ("libtbb.so.12", "libtbb.so.12.17", "libtbb.so.2")
    assert table.find_names(r"\.so$", regex=True) == ("libtbb.so",)
    assert table.has_attr("onetbb")
    assert not table.has_attr("zlib")


def test_same_bytes_from_the_same_database(tmp_path: Path, database: Path) -> None:
    build_table(database, tmp_path / "one", date="d")
    build_table(database, tmp_path / "two", date="d")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_corrupt_database_keeps_the_old_table(tmp_path: Path, database: Path) -> None:
    (tmp_path / "table").write_bytes(b"old")
    database.write_bytes(database.read_bytes()[:-10])
    with pytest.raises(IndexProblem):
        build_table(database, tmp_path / "table")
    assert (tmp_path / "table").read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_table_that_cannot_be_written(tmp_path: Path, database: Path) -> None:
    (tmp_path / "blocked").write_text("a file, no directory")
    with pytest.raises(ApplyError):
        build_table(database, tmp_path / "blocked" / "table")


def test_damaged_and_foreign_tables_are_errors(tmp_path: Path, database: Path) -> None:
    build_table(database, tmp_path / "table")
    data = (tmp_path / "table").read_bytes()
    (tmp_path / "cut").write_bytes(data[: len(data) // 2])
    with pytest.raises(IndexProblem):
        open_file(tmp_path / "cut", source="file").lookup(["libtbb.so.12"])
    other = sqlite3.connect(tmp_path / "other")
    other.execute("CREATE TABLE x (y)")
    other.close()
    with pytest.raises(IndexProblem, match="no soname table"):
        open_file(tmp_path / "other", source="file")


def test_own_database_comes_first_and_is_built_once(cache: Path, database: Path) -> None:
    assert open_index().info.source == "bundled"
    own = cache / "nix-index" / "files"
    own.parent.mkdir(parents=True)
    own.write_bytes(database.read_bytes())
    calls: list[int] = []
    assert open_index(progress=lambda done, _total: calls.append(done)).info.source == "nix-index"
    assert calls
    calls.clear()
    table = open_index(progress=lambda done, _total: calls.append(done))
    assert calls == []
    assert table.lookup(["libtbb.so.12"])[0].providers[0].attr == "onetbb"
    assert [s.name for s in find_sources() if s.used] == ["nix-index"]


def test_a_changed_database_is_built_again(cache: Path, database: Path, tmp_path: Path) -> None:
    first = build_cached(database)
    write_database(database, {package("other"): {"/lib/libtbb.so.12": 1}})
    second = build_cached(database)
    assert first != second
    assert first == find_built_table(first.stem.rpartition("-")[2])


def test_corrupt_own_database_says_so(cache: Path) -> None:
    own = cache / "nix-index" / "files"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"NIXI" + (1).to_bytes(8, "little") + b"junk")
    with pytest.raises(IndexProblem):
        open_index()


def test_unwritable_cache_is_an_index_problem(cache: Path, database: Path) -> None:
    cache.write_text("in the way")
    with pytest.raises(IndexProblem, match="cannot be written"):
        open_index(database)


def test_files_straight_from_a_database(database: Path) -> None:
    assert [h.attr for h in find_files(database, "/bin/app")] == ["app"]
    assert [h.path for h in find_files(database, "ap?")] == ["/bin/app", "/lib/app"]
    assert {h.path for h in find_files(database, "/lib/*.so.2")} == {"/lib/libtbb.so.2"}
    assert len(list(find_files(database, "^/usr/", regex=True))) == 2
    assert [h.toplevel for h in find_files(database, "/usr/lib64/libtbb.so.12")] == [False]


def make_store(tmp_path: Path) -> Path:
    store = tmp_path / "nix" / "store"
    path = store / "00000000000000000000000000000000-zlib-1.3-lib"
    (path / "lib").mkdir(parents=True)
    (path / "lib" / "libz.so.1.3").write_bytes(b"x" * 10)
    (path / "lib" / "libz.so.1").symlink_to("libz.so.1.3")
    (path / "loop").symlink_to(".")
    return store


def test_database_of_local_store_paths(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    paths = find_store_paths([store])
    ((found, entries),) = read_store_paths(paths, system="x86_64-linux")
    assert (found.attr, found.output, found.name) == ("zlib", "lib", "zlib-1.3-lib")
    assert [(e.kind, e.path, e.size, e.target) for e in entries] == [
        ("d", b"", 2, None),
        ("s", b"/loop", 0, b"."),
        ("d", b"/lib", 2, None),
        ("s", b"/lib/libz.so.1", 0, b"libz.so.1.3"),
        ("r", b"/lib/libz.so.1.3", 10, None),
    ]


@pytest.mark.parametrize(
    ("attr", "pname", "attrs", "written"),
    [
        ("azure-sdk-for-cpp.openssl", "openssl", set(), "openssl"),
        ("azure-sdk-for-cpp.core", "azure-core", set(), "azure-sdk-for-cpp.core"),
        ("libgcc", "gcc", set(), "stdenv.cc.cc.lib"),
        ("kdePackages.wayland", "wayland", set(), "wayland"),
        ("libsForQt5.qt5.qtbase", "qtbase", set(), "libsForQt5.qtbase"),
        ("zlib", "zlib", {"zlib"}, "zlib"),
    ],
)
def test_attributes_as_people_write_them(attr: str, pname: str, attrs: set[str], written: str) -> None:
    assert find_canonical(attr, pname, attrs) == written


def test_names_of_older_releases() -> None:
    assert translate("libx11", parse_release("25.05")) == "xorg.libX11"
    assert translate("unixodbc", parse_release("nixos-25.05")) == "unixODBC"
    assert translate("unixodbc", parse_release("unstable")) == "unixodbc"
    assert modernize("xorg.xcbutilwm") == "libxcb-wm"
    assert modernize(translate("libx11", (24, 11))) == "libx11"
    with pytest.raises(ValueError, match="last"):
        parse_release("last")
    assert parse_release("newest") == NEWEST


def test_a_script_without_a_main_guard_can_build(tmp_path: Path, database: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import pathlib, wheelfix\n"
        f"table = wheelfix.open_index(pathlib.Path({str(database)!r}))\n"
        "print(table.lookup(['libtbb.so.12'])[0].providers[0].attr)\n"
    )
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert (result.stdout, result.stderr) == ("onetbb\n", "")


def test_a_table_without_its_metadata_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE store (system);CREATE TABLE meta (key, value); INSERT INTO meta VALUES ('schema', '1');"
    )
    connection.close()
    with pytest.raises(IndexProblem, match="metadata lack"):
        open_file(path, source="file")


def test_any_thread_may_be_the_last_to_let_go_of_a_table() -> None:
    held = [open_bundled()]
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    gc.collect()  # an error there would be a warning, and so fail here
