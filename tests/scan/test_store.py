from __future__ import annotations

import json
import os
import subprocess
import sys
import types
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.objects import elf
from wheelfix.model.base import Struct, encode_json, replace
from wheelfix.model.elf import ElfObject, VersionNeed
from wheelfix.model.scan import Finding, Level
from wheelfix.scan import store as results
from wheelfix.scan.store import find_hashed_name, read_entry, store_entry

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
KEY = "1" * 64


class Objects(Struct):
    """What an entry holds."""

    objects: tuple[ElfObject, ...]


def find(directory: Path, key: str = KEY) -> Path:
    return directory / find_hashed_name(key, Objects)


def store(directory: Path, key: str = KEY, *, limit: int = results.LIMIT) -> None:
    store_entry(directory, find_hashed_name(key, Objects), (Objects(objects=OBJECTS),), limit=limit)


def read(directory: Path, key: str = KEY) -> tuple[ElfObject, ...] | None:
    found = read_entry(find(directory, key), (Objects,))
    return found[0].objects if found else None


def test_what_was_stored_comes_back(tmp_path: Path) -> None:
    cache = tmp_path / "a" / "cache"
    assert read(cache) is None
    store(cache)
    assert read(cache) == OBJECTS
    assert read(cache, "2" * 64) is None


def test_nothing_found_is_a_result_too(tmp_path: Path) -> None:
    store_entry(tmp_path, find(tmp_path).name, (Objects(objects=()),))
    assert read(tmp_path) == ()


def test_other_facts_have_their_own_entry(tmp_path: Path) -> None:
    findings = (Finding(level=Level.NOTE, subject="a", message="b"),)
    name = find_hashed_name(KEY, Finding)
    store_entry(tmp_path, name, findings)
    assert read(tmp_path) is None
    assert read_entry(tmp_path / name, (Finding,)) == findings


def define(**fields: str) -> Any:
    """A model of a module of its own, by the annotations of its fields; ``Inner`` is one of another field."""
    lines = ["from __future__ import annotations", "from wheelfix.model.base import Struct"]
    lines += ["class Inner(Struct):", f"    a: {fields.pop('inner', 'int')}"]
    lines += [
        "class Outer(Struct):",
        "    name: str",
        *(f"    {name}: {kind}" for name, kind in fields.items()),
    ]
    module = types.ModuleType("defined")
    sys.modules["defined"] = module
    exec("\n".join(lines), module.__dict__)
    return module.__dict__["Outer"]


@pytest.mark.parametrize(
    "fields",
    [
        {"below": "tuple[Inner, ...]", "more": "int = 0"},
        {},
        {"under": "tuple[Inner, ...]"},
        {"below": "tuple[Inner, ...] | None"},
        {"below": "list[Inner]"},
        {"below": "tuple[Inner, ...]", "inner": "str"},
        {"below": "tuple[Inner, ...]", "inner": "int\n    b: int = 0"},
    ],
)
def test_readings_of_another_shape_have_another_entry(fields: dict[str, str]) -> None:
    """So a field that an old entry lacks never has its default."""
    shape = {"below": "tuple[Inner, ...]"}
    first = find_hashed_name(KEY, define(**shape))
    assert find_hashed_name(KEY, define(**shape)) == first
    assert find_hashed_name(KEY, define(**fields)) != first


def test_an_entry_of_another_shape_is_not_found(tmp_path: Path) -> None:
    old = define()
    store_entry(tmp_path, find_hashed_name(KEY, old), (old(name="a"),))
    assert read_entry(tmp_path / find_hashed_name(KEY, old), (old,)) == (old(name="a"),)
    new = define(more="int = 0")
    assert read_entry(tmp_path / find_hashed_name(KEY, new), (new,)) is None
    (tmp_path / find_hashed_name(KEY, old)).rename(tmp_path / find_hashed_name(KEY, new))
    assert read_entry(tmp_path / find_hashed_name(KEY, new), (new,)) is None


def test_sets_are_written_sorted(tmp_path: Path) -> None:
    """The same reading has the same bytes in every process, whatever its hashes are."""

    class Names(Struct):
        names: frozenset[str]

    code = "from wheelfix.model.base import *; print(encode_json({c * 9 for c in 'abcdefgh'}).decode())"
    for seed in "123":
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert json.loads(done.stdout) == [c * 9 for c in "abcdefgh"], done.stderr
    name = find_hashed_name(KEY, Names)
    store_entry(tmp_path, name, (Names(names=frozenset("ba")),))
    assert (tmp_path / name).read_bytes().endswith(b'\n{"names":["a","b"]}')
    assert read_entry(tmp_path / name, (Names,)) == (Names(names=frozenset("ab")),)


def test_readers_that_changed_never_see_what_others_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    now = find_hashed_name(KEY, ElfObject)
    monkeypatch.setattr(results, "SCHEMA", results.SCHEMA - 1)
    assert find_hashed_name(KEY, ElfObject) != now


def write(entry: Path, data: bytes) -> None:
    """Write an entry with one part, with the right length and checksum."""
    head = encode_json((entry.name, [(len(data), zlib.crc32(data))]))
    entry.write_bytes(head + b"\n" + data)


def change(entry: Path, field: str, value: Any) -> None:
    """Write another value of a field into the first object of an entry."""
    document = json.loads(entry.read_bytes().partition(b"\n")[2])
    document["objects"][0][field] = value
    write(entry, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("path", 1),
        ("path", None),
        ("path", "\ud800"),
        ("bits", "64"),
        ("bits", True),
        ("bits", 64.5),
        ("bits", float("nan")),
        ("needed", "liba.so"),
        ("needed", [1]),
        ("needed", [["a"]]),
        ("needed", {}),
        ("soname", []),
        ("executable", 1),
        ("versions", [["x"]]),
        ("versions", [{"soname": "x"}]),
        ("versions", [{"soname": "x", "versions": ["a", 1]}]),
    ],
)
def test_readings_of_the_wrong_shape_are_no_entry(tmp_path: Path, field: str, value: Any) -> None:
    store(tmp_path)
    change(find(tmp_path), "path", "demo/x.so")
    assert read(tmp_path) == OBJECTS, "so that the change is what is refused"
    change(find(tmp_path), field, value)
    assert read(tmp_path) is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"objects":null}',
        b'{"objects":' + b"[" * 1_000_000,
        b'{"later":' + b"[" * 1_000_000,
        b'{"later":' + b'{"a":' * 1_000_000,
        b'{"objects":[' + b'{"versions":[' * 100_000,
        b'{"objects":[],"later":NaN}',
        b'{"objects":[],"later":"\\ud800"}',
        b'{"objects":[]} ' + b"x",
        b"9" * 5000,
    ],
    ids=lambda data: repr(data[:30]),
)
def test_hostile_parts_are_no_entry(tmp_path: Path, data: bytes) -> None:
    write(find(tmp_path), data)
    assert read(tmp_path) is None


@pytest.mark.parametrize("name", [b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\\udcff", b"\0", b"\n"])
def test_a_text_that_is_none_is_no_entry(tmp_path: Path, name: bytes) -> None:
    store(tmp_path)
    data = find(tmp_path).read_bytes().partition(b"\n")[2]
    write(find(tmp_path), data.replace(b"demo/x.so", name))
    assert read(tmp_path) is None


@pytest.mark.parametrize("size", [-1, 1 << 40, 1 << 62, 10**30])
def test_a_part_longer_than_any_file_is_no_entry(tmp_path: Path, size: int) -> None:
    store(tmp_path)
    data = find(tmp_path).read_bytes().partition(b"\n")[2]
    head = encode_json((find(tmp_path).name, [(size, zlib.crc32(data))]))
    find(tmp_path).write_bytes(head + b"\n" + data)
    assert read(tmp_path) is None


def test_what_is_larger_than_any_entry_is_neither_read_nor_kept(tmp_path: Path) -> None:
    store(tmp_path)
    with find(tmp_path).open("ab") as file:
        file.truncate(32 << 20)
    assert read(tmp_path) == OBJECTS
    os.truncate(find(tmp_path), (32 << 20) + 1)
    assert read(tmp_path) is None
    find(tmp_path).unlink()
    large = replace(OBJECTS[0], path="x" * (32 << 20))
    store_entry(tmp_path, find(tmp_path).name, (Objects(objects=(large,)),))
    assert not find(tmp_path).exists()


def test_a_name_that_is_no_text_is_not_kept(tmp_path: Path) -> None:
    strange = replace(OBJECTS[0], path="lib\udcff.so")
    store_entry(tmp_path, find(tmp_path).name, (Objects(objects=(strange,)),))
    assert list(tmp_path.iterdir()) == []


def test_a_changed_bit_is_no_entry(tmp_path: Path) -> None:
    store(tmp_path)
    data = find(tmp_path).read_bytes()
    for at in range(len(data)):
        find(tmp_path).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert read(tmp_path) is None


def test_parts_that_nobody_asks_for_are_not_decoded(tmp_path: Path) -> None:
    name = find(tmp_path).name
    store_entry(tmp_path, name, (Objects(objects=OBJECTS), Objects(objects=())))
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1])
    assert read(tmp_path) == OBJECTS
    assert read_entry(tmp_path / name, (Objects, Objects)) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"entry": 1}',
        b"[" * 100_000,
        b"1" * 5000,
        b"[1, 2]",
        b"\n\n",
    ],
)
def test_corrupt_entry_is_ignored_and_replaced(tmp_path: Path, content: bytes) -> None:
    store(tmp_path)
    find(tmp_path).write_bytes(content)
    assert read(tmp_path) is None
    store(tmp_path)
    assert read(tmp_path) == OBJECTS


def test_every_truncation_is_no_entry(tmp_path: Path) -> None:
    store(tmp_path)
    data = find(tmp_path).read_bytes()
    for size in range(len(data)):
        find(tmp_path).write_bytes(data[:size])
        assert read(tmp_path) is None


def test_entry_under_a_foreign_name_is_no_entry(tmp_path: Path) -> None:
    store(tmp_path)
    find(tmp_path).rename(find(tmp_path, "2" * 64))
    assert read(tmp_path, "2" * 64) is None


def test_pipe_in_place_of_an_entry_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(find(tmp_path))
    assert read(tmp_path) is None


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/none"])
def test_unusable_directory_is_silently_no_cache(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    store(tmp_path / place)
    assert read(tmp_path / place) is None
    assert (tmp_path / "file").read_text() == ""


def test_directory_in_place_of_an_entry_leaves_nothing_behind(tmp_path: Path) -> None:
    find(tmp_path).mkdir()
    store(tmp_path)
    assert list(tmp_path.iterdir()) == [find(tmp_path)]


def test_the_longest_unused_entries_are_pruned(tmp_path: Path) -> None:
    for key in "0123":
        store(tmp_path, key)
        os.utime(find(tmp_path, key), (1000 + int(key), 1000 + int(key)))
    assert read(tmp_path, "0")  # used again: the youngest now
    (tmp_path / "notes.txt").write_text("x" * 100_000)
    store(tmp_path, "9", limit=3 * find(tmp_path, "0").stat().st_size)
    assert [key for key in "0123456789" if read(tmp_path, key)] == ["0", "3", "9"]
    assert (tmp_path / "notes.txt").exists()


def test_leftovers_of_killed_processes_are_pruned(tmp_path: Path) -> None:
    old, young = tmp_path / ".partial-abc_1", tmp_path / ".partial-xyz"
    for path in (old, young):
        path.write_text("")
    os.utime(old, (1000, 1000))
    store(tmp_path)
    assert (old.exists(), young.exists()) == (False, True)


def test_entries_of_a_process_are_not_looked_at_for_each_that_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    scandir = os.scandir

    def look(path: Path) -> Any:
        looks.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", look)
    for number in range(200):
        store(tmp_path, str(number))
    assert len(looks) == 1
    size = find(tmp_path, "0").stat().st_size
    for number in range(200, 400):
        store(tmp_path, str(number), limit=160 * size)
    assert 5 <= len(looks) <= 21, "once for each eighth of the limit"
    assert len(list(tmp_path.iterdir())) <= 160 + 20


def test_entries_that_another_process_deletes_are_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in "0123":
        store(tmp_path, key)
    unlink = os.unlink
    gone = find(tmp_path, "0")

    def race(path: str) -> None:
        unlink(path)  # by another process, just before
        unlink(path)

    monkeypatch.setattr(os, "unlink", race)
    os.utime(gone, (1000, 1000))
    store(tmp_path, "9", limit=2 * gone.stat().st_size)
    assert read(tmp_path, "9")
    assert len(list(tmp_path.iterdir())) == 2


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
    store_entry(directory, find(directory).name, (Objects(objects=(obj,)),))
    assert read(directory) == (obj,)
