from __future__ import annotations

import io
import os
import struct
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.elf import build_elf
from tests.support.wheel import build_wheel
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.errors import InputError, WheelError
from wheelfix.wheel.archive import Archive, Member, iter_chunks, iter_heads, open_archive, read_distribution


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build_elf(tmp_path_factory.mktemp("elf"), "libx.so", needed=["liba.so.1"])


def find_elf_members(archive: Archive) -> list[Member]:
    return [member for member, head in iter_heads(archive, ELF_MAGIC) if head.startswith(ELF_MAGIC)]


def test_elf_members_are_found_by_magic_whatever_their_names(tmp_path: Path, library: bytes) -> None:
    files = {
        "demo/data.bin": library,
        "demo/x.so": b"INPUT(libx.so.1)",
        "demo/empty.so": b"",
        "bin/tool": library,
    }
    with open_archive(build_wheel(tmp_path, files=files)) as archive:
        found = find_elf_members(archive)
        assert [m.path for m in found] == ["bin/tool", "demo/data.bin"]
        assert b"".join(iter_chunks(archive, found[0])) == library


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_come_back_byte_for_byte(tmp_path: Path, compression: int) -> None:
    data = os.urandom(3 << 20) + bytes(15 << 20)
    with open_archive(build_wheel(tmp_path, files={"demo/blob": data}, compression=compression)) as archive:
        member = next(m for m in archive.members if m.path == "demo/blob")
        chunks = list(iter_chunks(archive, member))
    assert b"".join(chunks) == data
    assert max(map(len, chunks)) <= 1 << 20


def test_distribution_comes_from_file_name_and_metadata(tmp_path: Path) -> None:
    path = build_wheel(
        tmp_path,
        files={},
        name="Demo.Pkg",
        requires=[
            'numpy>=2; python_version < "4"',
            'winonly; sys_platform == "win32"',
            'x; extra == "y"',
            "not ok!!",
        ],
    )
    with open_archive(path) as archive:
        wheel = read_distribution(archive)
    assert (wheel.name, wheel.version) == ("demo-pkg", "1.0")
    assert wheel.tags == ("cp312-cp312-manylinux_2_28_x86_64",)
    assert [(r.name, r.active) for r in wheel.requires] == [("numpy", True), ("winonly", False), ("x", False)]


def test_renamed_wheel_takes_its_tags_from_the_wheel_file(tmp_path: Path) -> None:
    with open_archive(
        build_wheel(tmp_path, files={}, filename="demo.whl", tag="cp311-abi3-linux_x86_64")
    ) as archive:
        assert read_distribution(archive).tags == ("cp311-abi3-linux_x86_64",)


def test_vendored_dist_info_does_not_confuse(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, files={"other-2.dist-info/METADATA": b"Name: other\nVersion: 2\n"})
    with open_archive(path) as archive:
        assert read_distribution(archive).name == "demo"


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"), open_archive(tmp_path / "none.whl"):
        pass


def test_directory_in_place_of_a_wheel(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a directory"), open_archive(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", b"PK", b"#!/bin/sh\n", b"PK\5\6" + bytes(18)[:10]])
def test_not_a_zip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.whl"
    path.write_bytes(content)
    with pytest.raises(WheelError, match="not a complete zip archive"), open_archive(path):
        pass


def test_every_truncation_is_an_error(tmp_path: Path, library: bytes) -> None:
    whole = build_wheel(tmp_path, files={"demo/x.so": library}).read_bytes()
    path = tmp_path / "cut.whl"
    for size in range(0, len(whole), 101):
        path.write_bytes(whole[:size])
        with pytest.raises(WheelError), open_archive(path):
            pass


def test_zip_without_metadata_is_no_wheel(tmp_path: Path) -> None:
    path = tmp_path / "x.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.py", "")
    with open_archive(path) as opened, pytest.raises(WheelError, match="not a wheel"):
        read_distribution(opened)


def test_metadata_without_a_name(tmp_path: Path) -> None:
    with open_archive(build_wheel(tmp_path, files={}, metadata=b"\n")) as archive, pytest.raises(WheelError):
        read_distribution(archive)


def test_damaged_data_names_the_member(tmp_path: Path, library: bytes) -> None:
    path = build_wheel(tmp_path, files={"demo/x.so": library}, compression=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    data[data.index(library) + 2000] ^= 0xFF
    path.write_bytes(data)
    with open_archive(path) as archive:
        member = next(m for m in archive.members if m.path == "demo/x.so")
        with pytest.raises(WheelError, match=r"demo/x\.so: has not the checksum"):
            list(iter_chunks(archive, member))


def test_damaged_deflate_stream_names_the_member(tmp_path: Path, library: bytes) -> None:
    path = build_wheel(tmp_path, files={"demo/x.so": library})
    with open_archive(path) as archive:
        member = next(m for m in archive.members if m.path == "demo/x.so")
        data = bytearray(path.read_bytes())
        at = member.header_offset + 30 + len(member.path)
        data[at : at + 40] = b"\xff" * 40
        path.write_bytes(data)
        with pytest.raises(WheelError, match=r"demo/x\.so: cannot be inflated"):
            list(iter_chunks(archive, member))


@pytest.mark.parametrize("name", ["../evil.so", "/etc/evil.so", "a/../../evil.so", "a\\..\\b"])
def test_paths_that_leave_the_wheel_are_refused(tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(WheelError, match="leaves the wheel"),
        open_archive(build_wheel(tmp_path, files={name: b"x"})),
    ):
        pass


def test_overlapping_members_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(1000))
        archive.filelist.append(archive.filelist[0])
    with pytest.raises(WheelError, match="shares bytes"), open_archive(path):
        pass


def test_member_longer_than_recorded_is_cut_off(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, files={"demo/zeros": bytes(50 << 20)})
    with open_archive(path) as archive:
        member = next(m for m in archive.members if m.path == "demo/zeros")
    data = bytearray(path.read_bytes())
    for at in (member.header_offset + 22, data.index(b"PK\1\2", member.end - 50) + 24):
        struct.pack_into("<L", data, at, 1000)
    path.write_bytes(data)
    with open_archive(path) as archive:
        lying = next(m for m in archive.members if m.path == "demo/zeros")
        assert lying.size == 1000
        with pytest.raises(WheelError, match="has not the length"):
            list(iter_chunks(archive, lying))


def test_unknown_compression_says_what_to_do(tmp_path: Path) -> None:
    path = build_wheel(tmp_path, files={"a": b"x"}, compression=zipfile.ZIP_LZMA)
    with pytest.raises(WheelError, match="compression method 14"), open_archive(path):
        pass


def test_archive_can_be_read_while_another_pass_is_open(tmp_path: Path, library: bytes) -> None:
    with open_archive(build_wheel(tmp_path, files={"a.so": library})) as archive:
        member = next(m for m in archive.members if m.path == "a.so")
        again = partial(iter_chunks, archive, member)
        first, second = again(), again()
        assert next(first) == next(second)


class Unseekable(io.RawIOBase):
    """A pipe: sizes then follow the data, in a descriptor."""

    def __init__(self, file: io.BytesIO) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._file.write(data)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("zip64", [False, True])
def test_descriptors_and_zip64(tmp_path: Path, library: bytes, compression: int, zip64: bool) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(Unseekable(out), "w", compression) as archive:
        metadata = b"Name: demo\nVersion: 1\n"
        for name, data in (("demo/x.so", library), ("demo-1.0.dist-info/METADATA", metadata)):
            with archive.open(name, "w", force_zip64=zip64) as member:
                member.write(data)
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    path.write_bytes(out.getvalue())
    with zipfile.ZipFile(path) as check:
        assert check.infolist()[0].flag_bits & 8, "no data descriptor"
    with open_archive(path) as archive_:
        (found,) = find_elf_members(archive_)
        assert b"".join(iter_chunks(archive_, found)) == library
        assert read_distribution(archive_).name == "demo"


def test_more_members_than_a_plain_zip_can_count(tmp_path: Path, library: bytes) -> None:
    path = tmp_path / "many-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(1 << 16):
            archive.writestr(f"demo/{number}", b"")
        archive.writestr("demo/x.so", library)
    with open_archive(path) as archive_:
        assert [m.path for m in find_elf_members(archive_)] == ["demo/x.so"]


def test_data_beyond_four_gigabytes(tmp_path: Path, library: bytes) -> None:
    """Offsets of 64 bits, in a sparse file: a stored member of zeros takes no room."""
    path = tmp_path / "large-1.0-py3-none-any.whl"
    size = 4 << 30
    with path.open("wb") as file, zipfile.ZipFile(file, "w") as archive:
        zeros = zipfile.ZipInfo("demo/a")
        with archive.open(zeros, "w", force_zip64=True):
            pass
        file.seek(archive.start_dir + size)
        archive.start_dir = file.tell()
        zeros.file_size = zeros.compress_size = size
        archive.writestr("demo/x.so", library)
    with open_archive(path) as archive_:
        found = next(m for m in archive_.members if m.path == "demo/x.so")
        assert found.header_offset > size
        assert b"".join(iter_chunks(archive_, found)) == library
