from __future__ import annotations

import json
import os
import time
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.objects import elf
from tests.support.wheel import build_wheel
from wheelfix.model.elf import ElfObject, VersionNeed
from wheelfix.model.scan import Finding, Level
from wheelfix.wheel.archive import Archive, open_archive
from wheelfix.wheel.directory import Member
from wheelfix.wheel.results import find_entry_name, read_cached, store_cached

OBJECTS = (
    elf(
        "demo/x.so",
        soname="libx.so.1",
        needed=["liba.so.1", "lib\u2028é.so"],
        rpath=["$ORIGIN"],
        versions=[VersionNeed(soname="libc.so.6", versions=("GLIBC_2.34",))],
    ),
    elf("prog", interpreter="/lib64/ld-linux-x86-64.so.2"),
)


def archive(*, crc: int = 1, size: int = 1000, path: str = "demo/x.so", count: int = 1) -> Archive:
    """The central directory is all that counts: no file is behind it."""
    members = tuple(
        Member(path=f"{path}{i or ''}", size=5, compressed_size=4, header_offset=0, method=8, crc=crc)
        for i in range(count)
    )
    return Archive("demo-1.0-py3-none-any.whl", -1, size, members)


def the_entry(directory: Path) -> Path:
    (entry,) = directory.iterdir()
    return entry


def test_what_was_stored_comes_back(tmp_path: Path) -> None:
    cache = tmp_path / "a" / "cache"
    assert read_cached(archive(), cache, ElfObject) is None
    store_cached(archive(), cache, ElfObject, OBJECTS)
    assert read_cached(archive(), cache, ElfObject) == OBJECTS
    assert the_entry(cache).name == find_entry_name(archive(), ElfObject)


def test_nothing_found_is_a_result_too(tmp_path: Path) -> None:
    store_cached(archive(), tmp_path, ElfObject, ())
    assert read_cached(archive(), tmp_path, ElfObject) == ()


def test_other_facts_have_their_own_entry(tmp_path: Path) -> None:
    findings = (Finding(level=Level.NOTE, subject="a", message="b"),)
    store_cached(archive(), tmp_path, Finding, findings)
    assert read_cached(archive(), tmp_path, ElfObject) is None
    assert read_cached(archive(), tmp_path, Finding) == findings


@pytest.mark.parametrize(
    "other",
    [archive(crc=2), archive(size=1001), archive(path="demo/y.so"), archive(count=2), archive(count=0)],
)
def test_another_wheel_has_another_entry(tmp_path: Path, other: Archive) -> None:
    store_cached(archive(), tmp_path, ElfObject, OBJECTS)
    assert read_cached(other, tmp_path, ElfObject) is None


def test_changed_byte_in_a_real_wheel_is_another_wheel(tmp_path: Path) -> None:
    names = []
    for i, data in enumerate((b"same length 1", b"same length 2")):
        directory = tmp_path / str(i)
        directory.mkdir()
        with open_archive(
            build_wheel(directory, files={"x": data}, compression=zipfile.ZIP_STORED)
        ) as opened:
            names.append(find_entry_name(opened, ElfObject))
    assert len(set(names)) == 2


def test_renamed_wheel_is_the_same_wheel() -> None:
    renamed = Archive("torch.whl", -1, 1000, archive().members)
    assert find_entry_name(renamed, ElfObject) == find_entry_name(archive(), ElfObject)


def test_facts_that_gained_a_field_have_another_entry() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Fact:
        name: str

    first = find_entry_name(archive(), Fact)

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Changed:
        name: str
        more: int = 0

    Changed.__name__ = "Fact"
    assert find_entry_name(archive(), Changed) != first


def change(entry: Path, key: str, value: Any) -> None:
    document = json.loads(entry.read_text())
    document["facts"][0][key] = value
    entry.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("path", 1),
        ("path", None),
        ("bits", "64"),
        ("bits", True),
        ("needed", "liba.so"),
        ("needed", [1]),
        ("needed", [["a"]]),
        ("soname", []),
        ("executable", 1),
        ("versions", [{"soname": "x"}]),
        ("versions", [{"soname": "x", "versions": ["a"], "more": 1}]),
        ("surplus", 1),
    ],
)
def test_facts_of_the_wrong_shape_are_no_entry(tmp_path: Path, key: str, value: Any) -> None:
    store_cached(archive(), tmp_path, ElfObject, OBJECTS)
    change(the_entry(tmp_path), key, value)
    assert read_cached(archive(), tmp_path, ElfObject) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"entry": 1}', b"[" * 100_000, b"1" * 5000, b'{"facts": []}'],
)
def test_corrupt_entry_is_ignored_and_replaced(tmp_path: Path, content: bytes) -> None:
    store_cached(archive(), tmp_path, ElfObject, OBJECTS)
    the_entry(tmp_path).write_bytes(content)
    assert read_cached(archive(), tmp_path, ElfObject) is None
    store_cached(archive(), tmp_path, ElfObject, OBJECTS)
    assert read_cached(archive(), tmp_path, ElfObject) == OBJECTS


def test_every_truncation_is_no_entry(tmp_path: Path) -> None:
    store_cached(archive(), tmp_path, ElfObject, OBJECTS)
    entry = the_entry(tmp_path)
    data = entry.read_bytes()
    for size in range(len(data)):
        entry.write_bytes(data[:size])
        assert read_cached(archive(), tmp_path, ElfObject) is None


def test_entry_under_a_foreign_name_is_no_entry(tmp_path: Path) -> None:
    store_cached(archive(), tmp_path, ElfObject, OBJECTS)
    the_entry(tmp_path).rename(tmp_path / find_entry_name(archive(crc=2), ElfObject))
    assert read_cached(archive(crc=2), tmp_path, ElfObject) is None


def test_pipe_in_place_of_an_entry_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / find_entry_name(archive(), ElfObject))
    assert read_cached(archive(), tmp_path, ElfObject) is None


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/none"])
def test_unusable_directory_is_silently_no_cache(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    store_cached(archive(), tmp_path / place, ElfObject, OBJECTS)
    assert read_cached(archive(), tmp_path / place, ElfObject) is None
    assert (tmp_path / "file").read_text() == ""


def test_directory_in_place_of_an_entry_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / find_entry_name(archive(), ElfObject)).mkdir()
    store_cached(archive(), tmp_path, ElfObject, OBJECTS)
    assert the_entry(tmp_path).is_dir()


def test_the_longest_unused_entries_are_pruned(tmp_path: Path) -> None:
    for crc in range(4):
        store_cached(archive(crc=crc), tmp_path, ElfObject, OBJECTS)
        os.utime(tmp_path / find_entry_name(archive(crc=crc), ElfObject), (1000 + crc, 1000 + crc))
    assert read_cached(archive(crc=0), tmp_path, ElfObject)  # used again: the youngest now
    (tmp_path / "notes.txt").write_text("x" * 100_000)
    size = (tmp_path / find_entry_name(archive(), ElfObject)).stat().st_size
    store_cached(archive(crc=9), tmp_path, ElfObject, OBJECTS, limit=3 * size)
    kept = [crc for crc in range(10) if read_cached(archive(crc=crc), tmp_path, ElfObject)]
    assert kept == [0, 3, 9]
    assert (tmp_path / "notes.txt").exists()


def test_leftovers_of_killed_processes_are_pruned(tmp_path: Path) -> None:
    old, young = tmp_path / ".partial-abc_1", tmp_path / ".partial-xyz"
    for path in (old, young):
        path.write_text("")
    os.utime(old, (1000, 1000))
    store_cached(archive(), tmp_path, ElfObject, OBJECTS)
    assert (old.exists(), young.exists()) == (False, True)


@given(
    path=st.text(),
    soname=st.none() | st.text(),
    needed=st.lists(st.text(), max_size=3),
    flag=st.booleans(),
    bits=st.integers(),
)
def test_any_object_survives(
    tmp_path_factory: pytest.TempPathFactory,
    path: str,
    soname: str | None,
    needed: list[str],
    flag: bool,
    bits: int,
) -> None:
    directory = tmp_path_factory.getbasetemp() / "survives"
    obj = replace(elf(path, soname=soname, needed=needed), nodeflib=flag, bits=bits)
    store_cached(archive(), directory, ElfObject, (obj,))
    assert read_cached(archive(), directory, ElfObject) == (obj,)


def test_key_of_15000_members_takes_milliseconds() -> None:
    large = archive(count=15_000)
    started = time.perf_counter()
    find_entry_name(large, ElfObject)
    assert time.perf_counter() - started < 0.25
