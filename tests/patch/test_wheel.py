"""Patched copies of wheels."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import pytest

from tests.support.elf import build_elf
from tests.support.patch import read
from tests.support.patched import build_members, build_wheel, find_lies
from wheelfix.errors import ApplyError, WheelError
from wheelfix.patch.model import ElfEdit
from wheelfix.patch.wheel import PatchedWheel, patch_wheel

EDIT = ElfEdit(add_run_path=("/nix/store/" + "a" * 32 + "-outer/lib",))


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return build_wheel(tmp_path, files=build_members(tmp_path / "work"))


def patch(
    wheel: Path, out: Path, edits: dict[str, ElfEdit] | None = None, tag: str | None = None
) -> PatchedWheel:
    edits = {"demo/x0.so": EDIT, "demo/x2.so": EDIT} if edits is None else edits
    return patch_wheel(wheel, edits, out, version="1.0", tag=tag)


def raw(path: Path, member: str) -> bytes:
    """A member as it is compressed."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(member)
    data = path.read_bytes()
    start = info.header_offset + 30 + int.from_bytes(data[info.header_offset + 26 :][:2], "little")
    start += int.from_bytes(data[info.header_offset + 28 :][:2], "little")
    return data[start : start + info.compress_size]


def test_edited_members_change_and_the_others_keep_their_compressed_bytes(
    wheel: Path, tmp_path: Path
) -> None:
    done = patch(wheel, tmp_path / "out")
    assert [(r.path, r.problem) for r in done.results] == [("demo/x0.so", None), ("demo/x2.so", None)]
    assert find_lies(done.path) == []
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(done.path) as new:
        assert new.namelist() == old.namelist()
        for before, after in zip(old.infolist(), new.infolist(), strict=True):
            assert (after.date_time, after.external_attr) == (before.date_time, before.external_attr)
        changed = [n for n in old.namelist() if old.read(n) != new.read(n)]
        assert changed == ["demo/x0.so", "demo/x2.so", "demo-1.0.dist-info/RECORD"]
        for name in set(old.namelist()) - set(changed):
            assert raw(wheel, name) == raw(done.path, name)
        (tmp_path / "x0.so").write_bytes(new.read("demo/x0.so"))
    assert read(tmp_path / "x0.so").runpath == ("$ORIGIN/../demo.libs", *EDIT.add_run_path)
    assert [p.name for p in (tmp_path / "out").iterdir()] == [wheel.name]


def test_two_runs_write_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    one, two = (patch(wheel, tmp_path / name).path.read_bytes() for name in ("one", "two"))
    assert one == two


def test_without_edits_the_copy_is_the_wheel(wheel: Path, tmp_path: Path) -> None:
    assert patch(wheel, tmp_path / "out", {}).path.read_bytes() == wheel.read_bytes()


def test_an_edit_that_changes_nothing_copies_the_member(wheel: Path, tmp_path: Path) -> None:
    done = patch(wheel, tmp_path / "out", {"demo/x0.so": ElfEdit(add_run_path=("$ORIGIN/../demo.libs",))})
    assert [r.method for r in done.results] == ["none"]
    assert raw(done.path, "demo/x0.so") == raw(wheel, "demo/x0.so")


def test_a_refused_member_stays_and_says_why(tmp_path: Path) -> None:
    files = build_members(tmp_path / "work") | {"demo/static": build_static(tmp_path)}
    wheel = build_wheel(tmp_path, files=files)
    done = patch(wheel, tmp_path / "out", {"demo/static": EDIT, "demo/x0.so": EDIT})
    assert {r.path: r.problem is None for r in done.results} == {"demo/static": False, "demo/x0.so": True}
    assert raw(done.path, "demo/static") == raw(wheel, "demo/static")
    assert find_lies(done.path) == []


def build_static(tmp_path: Path) -> bytes:
    return build_elf(tmp_path / "work", "static", executable=True, flags=["-static"])


def test_source_date_epoch_dates_what_is_written_anew(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    with zipfile.ZipFile(patch(wheel, tmp_path / "out").path) as new:
        assert new.getinfo("demo/x0.so").date_time == (2023, 11, 14, 22, 13, 20)
        assert new.getinfo("demo/x1.so").date_time == (2020, 2, 2, 0, 0, 0)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    with zipfile.ZipFile(patch(wheel, tmp_path / "nix").path) as new:
        assert new.getinfo("demo/x0.so").date_time == (1980, 1, 1, 0, 0, 0)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(ApplyError, match="is no time"):
        patch(wheel, tmp_path / "bad")


def test_a_build_tag_is_in_the_name_and_in_wheel(wheel: Path, tmp_path: Path) -> None:
    done = patch(wheel, tmp_path, tag="1nix")
    assert done.path.name == "demo-1.0-1nix-cp312-cp312-manylinux_2_28_x86_64.whl"
    assert find_lies(done.path) == []
    with zipfile.ZipFile(done.path) as new:
        assert b"\nBuild: 1nix\n" in new.read("demo-1.0.dist-info/WHEEL")


def test_a_local_version_renames_dist_info_and_data(tmp_path: Path) -> None:
    files = build_members(tmp_path / "work") | {"demo-1.0.data/scripts/tool": b"#!python\n"}
    wheel = build_wheel(tmp_path, files=files)
    done = patch(wheel, tmp_path, tag="+nix.1")
    assert done.path.name == "demo-1.0+nix.1-cp312-cp312-manylinux_2_28_x86_64.whl"
    assert find_lies(done.path) == []
    with zipfile.ZipFile(done.path) as new:
        assert "demo-1.0+nix.1.data/scripts/tool" in new.namelist()
        assert b"\nVersion: 1.0+nix.1\n" in new.read("demo-1.0+nix.1.dist-info/METADATA")
        assert b"Metadata-Version: 2.1\n" in new.read("demo-1.0+nix.1.dist-info/METADATA")


@pytest.mark.parametrize("tag", ["nix", "+", "+Nix", "1-2", "", "../1"])
def test_other_tags_are_refused(wheel: Path, tmp_path: Path, tag: str) -> None:
    with pytest.raises(ApplyError, match="neither a build tag nor a local version"):
        patch(wheel, tmp_path, tag=tag)


def test_the_wheel_itself_is_never_written_to(wheel: Path) -> None:
    before = wheel.read_bytes()
    with pytest.raises(ApplyError, match="is the wheel itself"):
        patch(wheel, wheel.parent)
    assert wheel.read_bytes() == before


def test_signatures_of_the_old_record_are_left_out(tmp_path: Path) -> None:
    signed = {"demo-1.0.dist-info/RECORD.jws": b"{}", "demo-1.0.dist-info/RECORD.p7s": b"x"}
    wheel = build_wheel(tmp_path, files=build_members(tmp_path / "work") | signed)
    done = patch(wheel, tmp_path / "out")
    assert [f.subject for f in done.findings] == sorted(signed)
    assert find_lies(done.path) == []
    with zipfile.ZipFile(done.path) as new:
        assert not [n for n in new.namelist() if n.startswith("demo-1.0.dist-info/RECORD.")]


def reorder(wheel: Path, *, first: str, streamed: bool = False) -> None:
    """Write a wheel again with one member first, as a stream with data descriptors if wanted."""
    with zipfile.ZipFile(wheel) as old:
        members = [(i, old.read(i)) for i in old.infolist()]
    members.sort(key=lambda pair: pair[0].filename != first)
    if not streamed:
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as new:
            for info, data in members:
                new.writestr(info, data)
        return
    with wheel.open("wb") as file:
        stream = cast("IO[bytes]", _Unseekable(file))
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
            for info, data in members:
                new.writestr(info, data)


class _Unseekable:
    """A file that zipfile cannot go back in."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes, /) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("streamed", [False, True])
def test_record_may_come_first_and_members_may_be_streamed(
    wheel: Path, tmp_path: Path, *, streamed: bool
) -> None:
    reorder(wheel, first="demo-1.0.dist-info/RECORD", streamed=streamed)
    done = patch(wheel, tmp_path / "out", {f"demo/x{n}.so": EDIT for n in range(3)})
    assert find_lies(done.path) == []
    with zipfile.ZipFile(done.path) as new:
        assert new.namelist()[0] == "demo-1.0.dist-info/RECORD"
        assert not any(info.flag_bits & 8 for info in new.infolist())


def test_a_stored_member_stays_stored(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, files=build_members(tmp_path / "work"), compression=zipfile.ZIP_STORED)
    done = patch(wheel, tmp_path / "out")
    assert find_lies(done.path) == []
    with zipfile.ZipFile(done.path) as new:
        assert {i.compress_type for i in new.infolist()} == {zipfile.ZIP_STORED}


def test_comments_modes_and_extra_fields_stay(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel, "a") as old:
        info = zipfile.ZipInfo("demo/ünusual", (2001, 2, 3, 4, 5, 6))
        info.external_attr, info.comment = 0o100755 << 16, b"of a member"
        info.extra = b"\xfe\xca\x02\x00hi"
        old.writestr(info, b"data")
        old.mkdir("demo/empty")
        old.comment = b"of the archive"
    done = patch(wheel, tmp_path / "out")
    with zipfile.ZipFile(done.path) as new:
        info = new.getinfo("demo/ünusual")
        assert (info.external_attr, info.comment, info.extra) == (
            0o100755 << 16,
            b"of a member",
            b"\xfe\xca\x02\x00hi",
        )
        assert new.comment == b"of the archive"
        assert "demo/empty/" in new.namelist()


def test_a_member_that_is_not_what_record_says_is_not_made_official(tmp_path: Path, wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as old:
        members = {i.filename: old.read(i) for i in old.infolist()}
    members["demo/x0.so"], members["demo/x1.so"] = members["demo/x1.so"], members["demo/x0.so"] + b"more"
    with zipfile.ZipFile(wheel, "w") as new:
        for name, data in members.items():
            new.writestr(name, data)
    with pytest.raises(WheelError, match="RECORD says"):
        patch(wheel, tmp_path / "out", {"demo/x1.so": EDIT})
    assert list((tmp_path / "out").iterdir()) == []


def test_a_member_twice_is_refused(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel, "a") as old, pytest.warns(UserWarning, match="Duplicate name"):
        old.writestr("demo/x0.so", b"again")
    with pytest.raises(WheelError, match="twice"):
        patch(wheel, tmp_path / "out")


def test_what_a_killed_run_left_is_written_over(wheel: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / f".{wheel.name}.partial").write_bytes(b"x" * (1 << 20))
    assert find_lies(patch(wheel, out).path) == []
    assert [p.name for p in out.iterdir()] == [wheel.name]


def make_fifo(path: Path, _outside: Path) -> None:
    os.mkfifo(path)


def make_link(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def make_hard_link(path: Path, outside: Path) -> None:
    path.hardlink_to(outside)


def make_directory(path: Path, _outside: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [make_fifo, make_link, make_directory])
@pytest.mark.parametrize("edits", [{}, None])
def test_what_is_no_regular_file_is_not_replaced(
    wheel: Path, tmp_path: Path, make: Callable[[Path, Path], None], edits: dict[str, ElfEdit] | None
) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.write_bytes(b"thesis")
    make(out / wheel.name, outside)
    kind = (out / wheel.name).lstat().st_mode
    with pytest.raises(ApplyError, match="no regular file"):
        patch(wheel, out, edits)
    assert (out / wheel.name).lstat().st_mode == kind
    assert [p.name for p in out.iterdir()] == [wheel.name]
    assert outside.read_bytes() == b"thesis"


@pytest.mark.parametrize("make", [make_fifo, make_link, make_hard_link, make_directory])
def test_nothing_is_written_where_somebody_waits_for_it(
    wheel: Path, tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    out.mkdir()
    outside.write_bytes(b"thesis")
    make(out / f".{wheel.name}.partial", outside)
    with pytest.raises(ApplyError):
        patch(wheel, out)
    assert outside.read_bytes() == b"thesis"
    assert not (out / wheel.name).exists()


def test_a_device_is_no_directory(wheel: Path) -> None:
    with pytest.raises(ApplyError, match="is no directory"):
        patch(wheel, Path("/dev/null"))
    assert Path("/dev/null").is_char_device()


def forge(wheel: Path, change: Callable[[bytearray, zipfile.ZipInfo], None], member: str) -> Path:
    """A copy of a wheel with other bytes in the local header of one member."""
    data = bytearray(wheel.read_bytes())
    with zipfile.ZipFile(wheel) as archive:
        change(data, archive.getinfo(member))
    path = wheel.with_name("forged") / wheel.name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path


def rename_locally(data: bytearray, info: zipfile.ZipInfo) -> None:
    at = info.header_offset + 30
    data[at : at + len(info.filename)] = b"../../x.so".ljust(len(info.filename), b"x")


def set_flag(bit: int) -> Callable[[bytearray, zipfile.ZipInfo], None]:
    def change(data: bytearray, info: zipfile.ZipInfo) -> None:
        data[info.header_offset + 6 + bit // 8] |= 1 << bit % 8

    return change


def set_method(data: bytearray, info: zipfile.ZipInfo) -> None:
    data[info.header_offset + 8] = 0


@pytest.mark.parametrize(
    "change", [rename_locally, set_flag(0), set_flag(5), set_flag(6), set_flag(13), set_method]
)
def test_a_member_that_is_two_things_is_not_made_one(
    wheel: Path, tmp_path: Path, change: Callable[[bytearray, zipfile.ZipInfo], None]
) -> None:
    forged = forge(wheel, change, "demo/x1.so")  # one that does not change
    with pytest.raises(WheelError):
        patch(forged, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["../", "/etc/", "demo/../../", "..\\"])
def test_a_directory_that_leaves_the_wheel_is_not_copied(wheel: Path, tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name if name.endswith("/") else f"{name}/"), b"")
    with pytest.raises(WheelError, match="leaves the wheel"):
        patch(wheel, tmp_path / "out")
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []
