from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.nixindex import package
from wheelfix.errors import IndexProblem
from wheelfix.index.database import encode_database, iter_blocks, iter_packages
from wheelfix.index.frcode import Entry, decode_block, encode_differential, encode_package, parse_footer
from wheelfix.index.harvest import LIBRARY, may_hold_library

EXAMPLE = [
    Entry(kind="d", path=b"", size=1),
    Entry(kind="d", path=b"/lib", size=2),
    Entry(kind="r", path=b"/lib/libz.spec", size=9),
    Entry(kind="x", path=b"/lib/libz.so", size=7),
]


def test_worked_example_of_the_documentation() -> None:
    encoded = encode_package(package("zlib"), EXAMPLE)
    raw, _, _ = encoded.partition(b"p\0")
    assert raw == b"1d\0\x00\n2d\0\x00/lib\n9r\0\x04/libz.spec\n7x\0\x07o\n"
    pairs, shared = decode_block(raw, subject="x", offset=0)
    assert pairs == [(b"1d", b""), (b"2d", b"/lib"), (b"9r", b"/lib/libz.spec"), (b"7x", b"/lib/libz.so")]
    assert shared == 11
    assert may_hold_library(raw)  # though no ".so" is among its bytes
    assert b".so" not in raw


@pytest.mark.parametrize(
    ("step", "encoded"),
    [
        (0, b"\0"),
        (10, b"\n"),
        (-1, b"\xff"),
        (126, b"\x7e"),
        (-126, b"\x82"),
        (127, b"\x80\0\x7f"),
        (-300, b"\x80\xfe\xd4"),
        (266, b"\x80\x01\n"),
    ],
)
def test_differentials(step: int, encoded: bytes) -> None:
    assert encode_differential(step) == encoded


names = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=8)
tricky = st.sampled_from(
    [
        "lib.so",
        "lib.so.1",
        "lib.spec",
        "libx.s",
        "libx.so-gdb.py",
        "o",
        "so",
        ".so",
        "libx.so",
        "a.svg",
        "a.so\n",
        "x\n",
    ]
)
part = st.one_of(tricky, names)
paths = st.lists(st.lists(part, min_size=1, max_size=4), max_size=25).map(
    lambda found: sorted({("/" + "/".join(p)).encode() for p in found})
)
long_paths = st.lists(st.integers(0, 600), max_size=6).map(lambda ns: [b"/" + b"a" * n for n in ns])
sizes = st.integers(0, 10**12)


def to_entries(found: list[bytes], size: int) -> list[Entry]:
    return [
        Entry(kind="s", path=path, target=b"/nix/store/x/" + path.strip(b"/").replace(b"\n", b""))
        if number % 5 == 4
        else Entry(kind="rx"[number % 2], path=path, size=size)
        for number, path in enumerate(found)
    ]


@given(found=st.one_of(paths, long_paths), size=sizes)
def test_round_trip(found: list[bytes], size: int) -> None:
    entries = to_entries(found, size)
    raw = encode_package(package("x"), entries).rpartition(b"p\0")[0]
    pairs, _ = decode_block(raw, subject="x", offset=0)
    assert [path for _, path in pairs] == found


@given(found=st.lists(st.one_of(paths, long_paths), max_size=4))
def test_round_trip_of_whole_databases(
    tmp_path_factory: pytest.TempPathFactory, found: list[list[bytes]]
) -> None:
    packages = [(package(f"p{i}"), to_entries(names, i)) for i, names in enumerate(found)]
    path = tmp_path_factory.mktemp("db") / "files"
    path.write_bytes(encode_database(packages))
    assert [(p, list(e)) for p, e in iter_packages(path)] == packages


@given(found=paths)
def test_hints_never_lose_a_library(found: list[bytes]) -> None:
    raw = encode_package(package("x"), to_entries(found, 1)).rpartition(b"p\0")[0]
    if any(LIBRARY.search(path) for path in found):
        assert may_hold_library(raw)


def make(tmp_path: Path) -> tuple[Path, bytes]:
    path = tmp_path / "files"
    path.write_bytes(encode_database([(package("zlib"), EXAMPLE), (package("glib"), EXAMPLE)]))
    return path, path.read_bytes()


def read(path: Path) -> int:
    return sum(len(list(entries)) for _, entries in iter_packages(path))


def test_truncated_databases_are_errors(tmp_path: Path) -> None:
    path, data = make(tmp_path)
    assert read(path) == 8
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(IndexProblem) as caught:
            read(path)
        assert caught.value.hint


def test_wrong_magic_and_version(tmp_path: Path) -> None:
    path, data = make(tmp_path)
    path.write_bytes(b"XXXX" + data[4:])
    with pytest.raises(IndexProblem, match="no nix-index database"):
        read(path)
    path.write_bytes(data[:4] + (2).to_bytes(8, "little") + data[12:])
    with pytest.raises(IndexProblem, match="version 2"):
        read(path)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"1d\0\x00/a\n5r\0\x7fb\n", "shared prefix of 127"),
        (b"1d\0\x00/a\n5r", "missing NUL"),
        (b"1d\0\x00/a", "missing newline"),
        (b"1d\0\x00/a\n5r\0", "missing differential"),
        (b"1d\0\xffa\n", "shared prefix of -1"),
    ],
)
def test_corrupt_entries_name_the_offset(raw: bytes, problem: str) -> None:
    with pytest.raises(IndexProblem, match=problem) as caught:
        decode_block(raw, subject="files", offset=1000)
    assert "at byte 10" in caught.value.problem


@pytest.mark.parametrize("footer", [b"", b"{}", b"[1]", b'{"store_dir":1}', b"\xff"])
def test_footers_that_are_none(footer: bytes) -> None:
    with pytest.raises(IndexProblem, match="at byte 7"):
        parse_footer(footer, subject="files", offset=7)


def test_blocks_stream_in_order(tmp_path: Path) -> None:
    path, _ = make(tmp_path)
    seen: list[tuple[int, int]] = []
    blocks = list(iter_blocks(path, progress=lambda done, total: seen.append((done, total))))
    assert [b.read_package().attr for b in blocks] == ["zlib", "glib"]
    assert blocks[1].offset > blocks[0].offset
    assert seen[-1][0] == seen[-1][1]
