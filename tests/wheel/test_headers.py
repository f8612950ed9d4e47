"""Archives that say one thing in front of a member and another in the directory."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.forgery import fit_crc
from tests.support.elf import build_elf
from tests.support.wheel import build_wheel
from wheelfix.errors import WheelError
from wheelfix.scan.read import read_wheel

MEMBER = "demo/data1.so"
Edit = Callable[[bytearray], bytes | None]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    library = build_elf(directory, "libx.so", needed=["libc.so.6"])
    return build_wheel(directory, files={"demo/__init__.py": b"", MEMBER: library, "demo/tail": b"x" * 9999})


def find_local(data: bytes | bytearray, path: str = MEMBER) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.getinfo(path).header_offset


def find_central(data: bytes | bytearray, path: str = MEMBER) -> int:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return data.index(path.encode(), archive.start_dir) - 46


def local(offset: int, form: str, change: Callable[[int], int]) -> Edit:
    def edit(data: bytearray) -> None:
        at = find_local(data) + offset
        struct.pack_into(form, data, at, change(struct.unpack_from(form, data, at)[0]))

    return edit


def central(offset: int, form: str, change: Callable[[int], int]) -> Edit:
    def edit(data: bytearray) -> None:
        at = find_central(data) + offset
        struct.pack_into(form, data, at, change(struct.unpack_from(form, data, at)[0]))

    return edit


def rename(data: bytearray) -> None:
    at = find_local(data) + 30
    data[at : at + len(MEMBER)] = b"../../../x.so"


def rename_early(data: bytearray) -> None:
    at = find_central(data) + 46
    data[at + 4 : at + 5] = b"\0"


def end(offset: int, form: str, more: int) -> Edit:
    def edit(data: bytearray) -> None:
        at = data.rindex(b"PK\5\6") + offset
        struct.pack_into(form, data, at, struct.unpack_from(form, data, at)[0] + more)

    return edit


def put_between(data: bytearray, at: int, more: bytes) -> bytes:
    """More bytes at a place; all offsets behind it are made to fit."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        places = {i.filename: i.header_offset for i in archive.infolist()}
        start = archive.start_dir
    for path, offset in places.items():
        if offset >= at:
            struct.pack_into("<L", data, find_central(data, path) + 42, offset + len(more))
    struct.pack_into("<L", data, data.rindex(b"PK\5\6") + 16, start + len(more))
    return bytes(data[:at] + more + data[at:])


def hide_between(data: bytearray) -> bytes:
    return put_between(data, find_local(data), b"hidden")


def hide_before_directory(data: bytearray) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.start_dir
    return put_between(data, start, b"PK\3\4hidden")


def hide_behind_data(data: bytearray) -> bytes:
    """Bytes that the deflate stream of a member does not reach."""
    at = find_local(data)
    for place, offset in ((at, 18), (find_central(data), 20)):
        size = struct.unpack_from("<L", data, place + offset)[0]
        struct.pack_into("<L", data, place + offset, size + 6)
    return put_between(data, at + 30 + len(MEMBER) + size, b"hidden")


FRONT, BEHIND = "has another size or checksum in front", "has another size or checksum behind"
REFUSED: dict[str, tuple[Edit, str]] = {
    "another name": (rename, r"data1.so: is called '../../../x.so'"),
    "a name cut by NUL": (rename_early, "has a second name"),
    "encrypted in front": (local(6, "<H", lambda f: f | 1), f"{MEMBER}: is encrypted"),
    "strongly encrypted in front": (local(6, "<H", lambda f: f | 1 << 6), f"{MEMBER}: is encrypted"),
    "masked": (central(8, "<H", lambda f: f | 1 << 13), f"{MEMBER}: is encrypted"),
    "strongly encrypted": (central(8, "<H", lambda f: f | 1 << 6), f"{MEMBER}: is encrypted"),
    "patched data": (central(8, "<H", lambda f: f | 1 << 5), f"{MEMBER}: is a patch"),
    "patched data in front": (local(6, "<H", lambda f: f | 1 << 5), f"{MEMBER}: is a patch"),
    "other method": (local(8, "<H", lambda _: 0), f"{MEMBER}: is compressed by method 0"),
    "other checksum": (local(14, "<L", lambda c: c ^ 1), f"{MEMBER}: {FRONT}"),
    "checksum of the directory": (central(16, "<L", lambda c: c ^ 1), f"{MEMBER}: {FRONT}"),
    "other size": (local(22, "<L", lambda s: s - 1), f"{MEMBER}: {FRONT}"),
    "other room": (local(18, "<L", lambda s: s - 1), f"{MEMBER}: {FRONT}"),
    "less room": (central(20, "<L", lambda s: s - 1), f"{MEMBER}: {FRONT}"),
    "streamed without an end": (local(6, "<H", lambda f: f | 8), f"{MEMBER}: {BEHIND}"),
    "longer extra field": (local(28, "<H", lambda n: n + 2), f"{MEMBER}: runs past what comes after it"),
    "no header": (local(0, "<L", lambda s: s ^ 1), f"{MEMBER}: has no local header"),
    "bytes between members": (hide_between, "demo/__init__.py: is followed by 6 bytes"),
    "bytes before the directory": (hide_before_directory, "RECORD: is followed by 10 bytes"),
    "bytes behind the data": (hide_behind_data, f"{MEMBER}: cannot be inflated .*before its recorded size"),
    "bytes in front": (lambda data: b"#!/bin/sh\n" + data, "10 bytes belong to no part"),
    "bytes behind": (lambda data: bytes(data) + b"\0", "bytes follow the end"),
    "two archives": (lambda data: bytes(data) * 2, "belong to no part"),
    "fewer members": (end(10, "<H", -1), "does not say what its directory holds"),
    "archive in a comment": (
        lambda data: bytes(data[:-2]) + struct.pack("<H", 12) + b"PK\3\4" + bytes(8),
        "comment of the archive holds headers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_installers_disagree_about_is_refused(tmp_path: Path, wheel: Path, case: str) -> None:
    edit, problem = REFUSED[case]
    data = bytearray(wheel.read_bytes())
    path = tmp_path / wheel.name
    path.write_bytes(edit(data) or data)
    with pytest.raises(WheelError, match=problem) as refused:
        read_wheel(path, cache=tmp_path / "cache")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "cache").exists(), "nothing is kept of it"


def write(path: Path, members: list[tuple[str | zipfile.ZipInfo, bytes]], comment: bytes = b"") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
        archive.comment = comment
    return path


METADATA: tuple[str | zipfile.ZipInfo, bytes] = ("demo-1.0.dist-info/METADATA", b"Name: demo\nVersion: 1.0\n")


@pytest.mark.parametrize("name", ["../", "a/../../b/", "/etc/", "demo\\..\\"])
def test_a_directory_that_leaves_the_wheel_is_refused(tmp_path: Path, name: str) -> None:
    info = zipfile.ZipInfo(name)
    info.filename = name
    path = write(tmp_path / "demo-1.0-py3-none-any.whl", [METADATA, (info, b"")])
    with pytest.raises(WheelError, match="leaves the wheel"):
        read_wheel(path)


def test_a_directory_with_contents_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "demo-1.0-py3-none-any.whl", [METADATA, ("demo/", b"hidden")])
    with pytest.raises(WheelError, match="demo/: is a directory of 6 bytes"):
        read_wheel(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_path_are_compared_by_their_bytes(tmp_path: Path) -> None:
    first = b"the first of two members"
    forged = fit_crc(b"another one, and longer!"[: len(first)], zlib.crc32(first))
    assert forged != first
    assert zlib.crc32(forged) == zlib.crc32(first)
    for second, refused in ((first, False), (forged, True)):
        path = write(
            tmp_path / "demo-1.0-py3-none-any.whl", [METADATA, ("demo/a.py", first), ("demo/a.py", second)]
        )
        if refused:
            with pytest.raises(WheelError, match=r"a\.py: is in the archive twice, with different contents"):
                read_wheel(path)
        else:
            assert read_wheel(path).distribution.name == "demo"


@pytest.mark.parametrize("other", ["demo//a.py", "demo/./a.py", "./demo/a.py"])
def test_two_spellings_of_one_path_are_one_file(tmp_path: Path, other: str) -> None:
    path = write(tmp_path / "demo-1.0-py3-none-any.whl", [METADATA, ("demo/a.py", b"a"), (other, b"a")])
    with pytest.raises(WheelError, match="is in the archive twice"):
        read_wheel(path)


class Unseekable(io.RawIOBase):
    """A pipe: sizes then follow the data, in a descriptor."""

    def __init__(self, file: io.BytesIO) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        return self._file.write(data)


@pytest.mark.parametrize("zip64", [False, True])
@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("right", [True, False])
def test_what_follows_streamed_data_has_to_agree(
    tmp_path: Path, zip64: bool, marked: bool, right: bool
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(Unseekable(out), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (METADATA, ("demo/a.py", b"pass\n" * 100)):
            with archive.open(name, "w", force_zip64=zip64) as member:
                member.write(content)
    data = bytearray(out.getvalue())
    at = data.rindex(b"PK\7\x08")
    if not right:
        data[at + 4] ^= 1
    if not marked:  # the signature may be missing
        start = data.index(b"PK\1\2") - 4
        del data[at : at + 4]
        struct.pack_into("<L", data, data.rindex(b"PK\5\6") + 16, start)
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    path.write_bytes(data)
    if right:
        assert read_wheel(path).distribution.name == "demo"
    else:
        with pytest.raises(WheelError, match=r"demo/a\.py: has another size or checksum behind its data"):
            read_wheel(path)


def test_what_honest_archives_have_is_no_harm(tmp_path: Path) -> None:
    extra = zipfile.ZipInfo("demo/é.py")
    extra.extra = struct.pack("<HHBL", 0x5455, 5, 1, 0)
    members = [METADATA, ("demo/", b""), ("demo/empty.py", b""), (extra, b"pass")]
    path = write(tmp_path / "demo-1.0-py3-none-any.whl", members, comment=b"made by hand")
    assert read_wheel(path).distribution.files == {
        "demo-1.0.dist-info/METADATA",
        "demo/empty.py",
        "demo/é.py",
    }


def test_the_two_ends_of_a_large_archive_have_to_agree(tmp_path: Path) -> None:
    path = tmp_path / "demo-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(1 << 16):
            archive.writestr(str(number), b"")
    data = bytearray(path.read_bytes())
    struct.pack_into("<H", data, data.rindex(b"PK\5\6") + 10, 5)
    path.write_bytes(data)
    with pytest.raises(WheelError, match="its two ends say different things"):
        read_wheel(path)
