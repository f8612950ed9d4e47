from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from wheelfix.elf.disk import read_elf_at, read_elf_paths
from wheelfix.elf.file import WINDOW, FileReader, open_file
from wheelfix.elf.reader import read_elf
from wheelfix.elf.stream import OutOfRange
from wheelfix.elf.watch import Watch
from wheelfix.errors import ElfError, InputError
from wheelfix.model.base import replace


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.write_bytes(os.urandom(5 * WINDOW))
    return path


@pytest.mark.parametrize(
    ("offset", "size"),
    [
        (0, 4),
        (WINDOW - 1, 2),
        (3 * WINDOW, 2 * WINDOW),
        (5 * WINDOW - 1, 1),
        (5 * WINDOW, 0),
        (0, 5 * WINDOW),
        (7, 9),
    ],
)
def test_ranges_come_back_byte_for_byte(file: Path, offset: int, size: int) -> None:
    data = file.read_bytes()
    with open_file("data", file) as reader:
        for _ in range(2):
            assert reader.read(offset, size) == data[offset : offset + size]
            assert reader.read(WINDOW, 3) == data[WINDOW : WINDOW + 3]


@pytest.mark.parametrize(
    ("offset", "size"), [(-1, 1), (0, -1), (0, 5 * WINDOW + 1), (5 * WINDOW, 1), (1 << 70, 1)]
)
def test_ranges_outside_are_refused(file: Path, offset: int, size: int) -> None:
    with open_file("data", file) as reader, pytest.raises(OutOfRange):
        reader.read(offset, size)


def test_file_that_shrinks_meanwhile_is_out_of_range(file: Path) -> None:
    with open_file("data", file) as reader:
        os.truncate(file, 10)
        with pytest.raises(OutOfRange):
            reader.read(WINDOW, 4)


def test_file_on_disk_gives_what_the_stream_gives(tmp_path: Path) -> None:
    needed = [f"lib{'x' * 60}{i}.so.{i}" for i in range(40)]
    data = build_elf(tmp_path, "libx.so", soname="libx.so.1", needed=needed, runpath=["$ORIGIN/../l"])
    (tmp_path / "libx.so").write_bytes(data)
    expected = read_elf("a/libx.so", lambda: iter([data]), size=len(data))
    assert read_elf_at("a/libx.so", tmp_path / "libx.so")[0] == expected
    assert expected.needed[:40] == tuple(needed)


def test_every_truncation_is_an_elf_error_or_harmless(tmp_path: Path) -> None:
    data = build_elf(tmp_path, "libx.so", needed=["liba.so.1"])
    path = tmp_path / "cut.so"
    refused = 0
    for size in range(0, len(data), 97):
        path.write_bytes(data[:size])
        with suppress(ElfError):
            read_elf_at("cut.so", path)
            continue
        refused += 1
    assert refused > len(data) // 97 // 2


def test_objects_are_sorted_and_counted(tmp_path: Path) -> None:
    data = build_elf(tmp_path, "libx.so")
    (tmp_path / "x").write_bytes(data)
    seen: list[int] = []
    pairs = read_elf_paths([(name, tmp_path / "x") for name in ("b", "c", "a")], on_file=seen.append)
    assert [(obj.path, hints.path) for obj, hints in pairs] == [("a", "a"), ("b", "b"), ("c", "c")]
    assert seen == [1, 1, 1]


def test_what_is_no_file_is_an_input_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, problem in [("pipe", "no regular file"), ("none", "no such file"), (".", "no regular file")]:
        with pytest.raises(InputError, match=rf"^lib\.so: .*{problem}"):
            read_elf_at("lib.so", tmp_path / name)


def test_descriptor_stays_open(file: Path) -> None:
    fd = os.open(file, os.O_RDONLY)
    FileReader(fd, size=10).drain()
    os.close(fd)


def test_large_file_is_not_read_whole(tmp_path: Path) -> None:
    """A sparse file of 8 GiB behind a library: reading it would take seconds and memory."""
    data = build_elf(tmp_path, "libx.so", soname="libx.so.1")
    path = tmp_path / "large.so"
    path.write_bytes(data)
    os.truncate(path, 8 << 30)
    assert read_elf_at("large.so", path)[0].soname == "libx.so.1"


def test_hints_of_a_file_on_disk_are_those_of_the_stream_without_strings(tmp_path: Path) -> None:
    data = build_elf(tmp_path, "libx.so", needed=["liba.so.1"])
    (tmp_path / "libx.so").write_bytes(data)
    watch = Watch()
    read_elf("libx.so", watch.tee(lambda: iter([data])), size=len(data))
    _, hints = read_elf_at("libx.so", tmp_path / "libx.so")
    assert hints == replace(watch.result("libx.so"), strings=())
    assert hints.traits.page_size
