"""Packages of conda of a lock: where they are found, what is checked, and what is told of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.conda import build_conda
from tests.support.conda_locks import Entry, write_conda_lock, write_pixi
from tests.support.elf import build_elf
from tests.support.facts import open_table
from tests.support.lockserver import Server, serve
from tests.support.wheel import build_wheel
from wheelfix.errors import InputError
from wheelfix.flows.report import write_report
from wheelfix.lock.lock import plan_lock
from wheelfix.lock.model import LockOptions, LockPlan
from wheelfix.lock.render import render_lock
from wheelfix.lockfile.select import Asked
from wheelfix.model.classes import NeedClass
from wheelfix.model.override import Dialect
from wheelfix.model.scan import Level
from wheelfix.outside.configuration import find_package_sources
from wheelfix.outside.places import find_cache
from wheelfix.report.json import document_lock
from wheelfix.scan.scan import ScanOptions, scan_targets
from wheelfix.scan.target import find_targets


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prefix: Python, a library that needs another one and what only nixpkgs has, and a wheel's user."""
    top = tmp_path_factory.mktemp("shelf")
    work = top / "work"
    rpath = ["$ORIGIN/../lib"]
    build_conda(
        top, "zlib", {"lib/libz.so.1": build_elf(work, "libz.so.1", soname="libz.so.1")}, version="1.3.1"
    )
    needed = ["libz.so.1", "libGL.so.1", "libzzq.so.7"]
    demo = build_elf(work, "libdemo.so.3", soname="libdemo.so.3", needed=needed, rpath=["$ORIGIN"])
    build_conda(
        top,
        "libdemo",
        {"lib/libdemo.so.3": demo, "bin/.libdemo-post-link.sh": b"exit 1\n"},
        version="3.0",
        depends=["zlib >=1.3"],
        suffix=".tar.bz2",
    )
    python = build_elf(work, "python3.12", executable=True, rpath=rpath)
    build_conda(top, "python", {"bin/python3.12": python}, version="3.12.4", build="h0_0_cpython")
    build_conda(top, "pure", {"site-packages/pure.py": b""}, noarch="python", depends=["python >=3.9"])
    user = build_elf(work, "user.so", needed=["libdemo.so.3", "libz.so.1"])
    build_wheel(top, files={"user/core.so": user, "user/__init__.py": b""}, name="user")
    return top


def entry(shelf: Path, name: str, **more: object) -> Entry:
    (path,) = shelf.glob(f"{name}-*")
    return Entry(path, **more)  # type: ignore[arg-type]


def plan(
    path: Path, *links: Path, dialect: Dialect = Dialect.NIXOS, groups: tuple[str, ...] | None = None
) -> LockPlan:
    scan = ScanOptions(index=open_table(), cache=find_cache().readings)
    return plan_lock(
        path, LockOptions(scan=scan, dialect=dialect, find_links=links, asked=Asked(groups=groups))
    )


def tell(found: LockPlan) -> list[tuple[Level, str, str]]:
    return [(one.level, one.subject, one.message) for one in found.findings]


@pytest.fixture
def prefix(tmp_path: Path, shelf: Path) -> Path:
    """A lock of everything, with packages of a channel that nobody serves."""
    wheel = tmp_path / next(shelf.glob("user-*.whl")).name
    wheel.write_bytes((shelf / wheel.name).read_bytes())
    weak = entry(shelf, "libdemo", depends=["zlib >=1.3"], weak=True)
    pure = entry(shelf, "pure", subdir="noarch", depends=["python >=3.9"])
    return write_pixi(
        tmp_path / "pixi.lock",
        [entry(shelf, "zlib"), weak, entry(shelf, "python"), pure],
        wheels=[wheel],
        environments=["default", "other"],
    )


def test_packages_are_at_hand_of_each_other_and_of_wheels(prefix: Path, shelf: Path) -> None:
    found = plan(prefix, shelf)
    assert found.python == "3.12"
    assert [one.name for one in found.conda] == ["libdemo", "pure", "python", "zlib"]
    assert [one.name for one in found.conda_scans] == ["libdemo", "pure", "python", "zlib"]
    libdemo = {need.soname: need for need in found.conda_scans[0].needs}
    assert (libdemo["libz.so.1"].need_class, libdemo["libz.so.1"].distribution) == (NeedClass.SIBLING, "zlib")
    assert libdemo["libGL.so.1"].need_class is NeedClass.PROVIDED
    (user,) = found.scans
    needs = {need.soname: (need.need_class, need.distribution) for need in user.needs}
    assert needs["libdemo.so.3"] == (NeedClass.SIBLING, "libdemo")
    assert needs["libz.so.1"] == (NeedClass.SIBLING, "zlib"), "by the run path of conda's Python"


def test_what_a_prefix_leaves_open_is_told(prefix: Path, shelf: Path) -> None:
    digest = hashlib.sha256(entry(shelf, "libdemo").path.read_bytes()).hexdigest()
    found = plan(prefix, shelf)
    assert tell(found) == [
        (
            Level.ERROR,
            "libdemo 3.0",
            "libzzq.so.7, wanted by ../../libdemo.so.3: nobody in this index has it",
        ),
        (Level.WARNING, "libdemo 3.0", "has a script that conda runs when it links it: it is not run"),
        (
            Level.WARNING,
            "libdemo 3.0",
            f"has an md5 alone in the lock, which is weak: the file that was read has sha256 {digest}",
        ),
    ]
    assert not found.answered
    assert found.conda[0].sha256 == digest, "for those who write code"


def test_weak_hashes_of_a_whole_channel_are_told_once(tmp_path: Path, shelf: Path) -> None:
    weak = [entry(shelf, name, weak=True) for name in ("libdemo", "python", "zlib")]
    found = plan(write_pixi(tmp_path / "pixi.lock", weak), shelf, dialect=Dialect.CONDA)
    said = [(subject, message) for level, subject, message in tell(found) if "md5" in message.lower()]
    weak_as = "has an md5 alone in the lock, which is weak, as 2 more"
    assert said == [
        (
            "libdemo 3.0",
            f"{weak_as}: the files that were read are taken for the right ones",
        )
    ]
    assert all(one.sha256 for one in found.conda)


def test_a_list_of_libraries_has_what_the_prefix_has_not(prefix: Path, shelf: Path) -> None:
    text = render_lock(plan(prefix, shelf))
    assert "pkgs.libGL" in text
    assert "pkgs.zlib" not in text, "the prefix has it"
    assert "# libdemo: libGL.so.1 for ../../libdemo.so.3" in text
    assert "For zlib" not in text


def test_package_sets_have_the_wheels_and_say_where_the_rest_is(prefix: Path) -> None:
    found = plan(prefix, dialect=Dialect.UV2NIX)  # nothing of conda is fetched for it
    (note,) = [one for one in found.findings if one.level is Level.NOTE]
    assert (
        note.message == "has 4 packages of conda, which uv2nix has no place for: `--dialect conda` makes them"
    )
    assert [one.name for one in found.conda] == ["libdemo", "pure", "python", "zlib"]
    assert found.conda_scans == ()
    assert "user = prev.user.overrideAttrs" in render_lock(found)


def test_scan_reads_the_same(prefix: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    scans = scan_targets(find_targets([str(prefix)], "scan"), ScanOptions(index=open_table()))
    assert sorted(one.name for one in scans.scans) == ["libdemo", "pure", "python", "user", "zlib"]
    assert [one.message for one in scans.findings if "script" in one.message]


def test_json_has_the_packages(prefix: Path, shelf: Path) -> None:
    document = document_lock(plan(prefix, shelf))
    libdemo = document.conda[0]
    assert (libdemo.name, libdemo.version, libdemo.build, libdemo.subdir) == (
        "libdemo",
        "3.0",
        "0",
        "linux-64",
    )
    assert libdemo.build_inputs == ("libGL",)
    assert libdemo.url == "https://conda.example.org/demo/linux-64/libdemo-3.0-0.tar.bz2"
    assert [one.name for one in document.packages] == ["user"]


def test_readings_are_stored_by_the_hash(prefix: Path, shelf: Path) -> None:
    assert plan(prefix, shelf).read == ("libdemo", "pure", "python", "user", "zlib")
    assert plan(prefix, shelf).read == ("libdemo",), "the lock has no sha256 of it"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


@pytest.mark.parametrize("weak", [False, True])
def test_packages_are_fetched_once(tmp_path: Path, shelf: Path, server: Server, weak: bool) -> None:
    zlib = entry(shelf, "zlib")
    server.asked.clear()
    server.add(zlib.path)
    place = f"{server.url}/files/{zlib.path.name}"
    path = write_pixi(tmp_path / "pixi.lock", [Entry(zlib.path, place=place, weak=weak)])
    for _ in range(2):
        assert [one.name for one in plan(path).conda_scans] == ["zlib"]
    assert server.list_downloads() == [zlib.path.name]


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_file_with_another_hash_is_refused_in_one_line(
    tmp_path: Path, shelf: Path, server: Server, kind: str
) -> None:
    zlib = entry(shelf, "zlib")
    server.add(zlib.path)
    wrong = {kind: "0" * (64 if kind == "sha256" else 32)}
    for place in (f"{server.url}/files/{zlib.path.name}", f"file://{zlib.path}", str(zlib.path)):
        one = Entry(zlib.path, place=place, weak=kind == "md5", wrong=wrong)
        with pytest.raises(InputError) as caught:
            plan(write_pixi(tmp_path / "pixi.lock", [one]))
        assert wrong[kind] in caught.value.problem
        assert "\n" not in f"{caught.value}{caught.value.hint}"


def test_files_beside_the_lock_are_read(tmp_path: Path, shelf: Path) -> None:
    zlib = entry(shelf, "zlib")
    (tmp_path / "own").mkdir()
    copy = tmp_path / "own" / zlib.path.name
    copy.write_bytes(zlib.path.read_bytes())
    for place in (f"./own/{copy.name}", f"file://{copy}", str(copy)):
        path = write_pixi(tmp_path / "pixi.lock", [Entry(copy, place=place)])
        assert [one.name for one in plan(path).conda_scans] == ["zlib"]
    path = write_pixi(tmp_path / "pixi.lock", [Entry(copy, place=f"./gone/{copy.name}", weak=True)])
    with pytest.raises(InputError, match="is not where the lock says"):
        plan(path)


def test_another_package_under_the_name_is_refused(tmp_path: Path, shelf: Path) -> None:
    zlib = entry(shelf, "zlib")
    other = tmp_path / "zlib-1.3.1-9.conda"
    other.write_bytes(zlib.path.read_bytes())
    path = write_pixi(tmp_path / "pixi.lock", [Entry(other, place=f"./{other.name}")])
    with pytest.raises(InputError) as caught:
        plan(path)
    assert caught.value.problem == "is zlib 1.3.1 0, and not zlib 1.3.1 9 as the lock says"


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ("s3://bucket/linux-64/zlib-1.3.1-0.conda", "has an address that is none of the web"),
        ("https://conda.example.org/t/${TOKEN}/x/linux-64/zlib-1.3.1-0.conda", "has the variable ${TOKEN}"),
    ],
)
def test_addresses_that_cannot_be_fetched_are_told(
    tmp_path: Path, shelf: Path, place: str, problem: str
) -> None:
    path = write_conda_lock(tmp_path / "conda-lock.yml", [(entry(shelf, "zlib", place=place), "main")])
    with pytest.raises(InputError) as caught:
        plan(path)
    assert problem in caught.value.problem
    assert caught.value.hint == "give the file: --find-links DIR"
    assert [one.name for one in plan(path, shelf).conda_scans] == ["zlib"]


def test_categories_of_conda_lock_choose_packages(tmp_path: Path, shelf: Path) -> None:
    packages = [(entry(shelf, "zlib"), "main"), (entry(shelf, "libdemo", depends=["zlib >=1.3"]), "dev")]
    path = write_conda_lock(tmp_path / "conda-lock.yml", packages)
    assert [one.name for one in plan(path, shelf).conda] == ["libdemo", "zlib"]
    assert [one.name for one in plan(path, shelf, groups=("main",)).conda] == ["zlib"]


def test_what_is_for_another_python_or_for_none_is_told(tmp_path: Path, shelf: Path) -> None:
    pure = entry(shelf, "pure", subdir="noarch")
    path = write_pixi(tmp_path / "pixi.lock", [pure])
    assert (Level.ERROR, "pure 1.0", "is for any Python, and the environment has none") in tell(
        plan(path, shelf)
    )
    other = build_conda(tmp_path, "other", {"lib/x": b""}, depends=["python_abi 3.11.* *_cp311"])
    path = write_pixi(tmp_path / "pixi.lock", [entry(shelf, "python"), Entry(other)])
    told = (Level.ERROR, "other 1.0", "is for Python 3.11, and the environment has 3.12")
    assert told in tell(plan(path, shelf, tmp_path))


def test_a_package_that_pixi_builds_has_no_file(tmp_path: Path, shelf: Path) -> None:
    built = "- conda: ../app\n  name: app\n  version: '0.1'\n  build: h0_0\n  subdir: linux-64\n"
    path = write_pixi(tmp_path / "pixi.lock", [entry(shelf, "zlib")], more=built)
    path.write_text(
        path.read_text().replace("      - conda: https", "      - conda: ../app\n      - conda: https", 1)
    )
    found = plan(path, shelf)
    assert tell(found) == [
        (
            Level.ERROR,
            "app 0.1",
            "is built by pixi from ../app: the lock has no file of it, so it is left out",
        )
    ]
    assert [one.name for one in found.conda_scans] == ["zlib"]
    assert document_lock(found).conda[0].source == "../app"


def test_a_page_has_wheels_and_packages(prefix: Path, shelf: Path) -> None:
    sources = find_package_sources(None, [str(shelf)])
    written = write_report(str(prefix), ScanOptions(index=open_table(), sources=sources))
    assert [scan.name for scan in written.plan.scans] == ["libdemo", "pure", "python", "user", "zlib"]
    assert not written.answered
    assert "pkgs.libGL" in written.text
