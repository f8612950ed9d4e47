from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from tests.support.sdist import CARGO, build_sdist, make_member
from wheelfix.errors import InputError
from wheelfix.wheel import sdist
from wheelfix.wheel.sdist import is_wanted, read_sdist


def test_archive_and_directory_read_the_same(tmp_path: Path) -> None:
    files = {**CARGO, "src/rust/Cargo.toml": "x", ".cargo/config.toml": "y", "src/demo/code.py": "no"}
    archive = build_sdist(tmp_path, files)
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "out")
    from_archive, from_directory = read_sdist(archive), read_sdist(tmp_path / "out" / "demo-1.0")
    assert from_archive.files == from_directory.files
    assert set(from_archive.files) == {*CARGO, "src/rust/Cargo.toml", ".cargo/config.toml", "PKG-INFO"}
    assert from_archive.directories == from_directory.directories == {".cargo", "src", "src/rust", "src/demo"}
    assert from_archive.sha256 is not None
    assert from_directory.sha256 is None


@pytest.mark.parametrize(
    ("path", "wanted"),
    [("Cargo.lock", True), ("a/b/Cargo.toml", True), ("a/pyproject.toml", False), ("config.toml", False)],
)
def test_what_is_wanted(path: str, wanted: bool) -> None:
    assert is_wanted(path) is wanted


def test_wanted_file_may_be_a_link_inside(tmp_path: Path) -> None:
    member = make_member("demo-1.0/py/Cargo.lock", tarfile.SYMTYPE, "../Cargo.lock")
    tree = read_sdist(build_sdist(tmp_path, CARGO, members=[member]))
    assert tree.files["py/Cargo.lock"] == tree.files["Cargo.lock"]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    members = [
        make_member("demo-1.0/a/Cargo.lock", tarfile.SYMTYPE, "../b/Cargo.lock"),
        make_member("demo-1.0/b/Cargo.lock", tarfile.SYMTYPE, "../a/Cargo.lock"),
    ]
    tree = read_sdist(build_sdist(tmp_path, CARGO, members=members))
    assert set(tree.files) == {*CARGO, "PKG-INFO"}


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        (make_member("demo-1.0/../../etc/Cargo.toml"), "leaves the archive"),
        (make_member("/etc/Cargo.toml"), "leaves the archive"),
        (make_member("demo-1.0\\..\\x"), "leaves the archive"),
        (make_member("demo-1.0/Cargo.lock", tarfile.SYMTYPE, "/etc/passwd"), "outside of it"),
        (make_member("demo-1.0/Cargo.lock", tarfile.SYMTYPE, "../other/Cargo.lock"), "outside of it"),
        (make_member("demo-1.0/d", tarfile.SYMTYPE, "../../.."), "outside of it"),
        (make_member("demo-1.0/Cargo.lock", tarfile.LNKTYPE, "etc/passwd"), "outside of it"),
        (make_member("demo-1.0/x", tarfile.FIFOTYPE), "neither file nor directory"),
        (make_member("demo-1.0/x", tarfile.BLKTYPE), "neither file nor directory"),
        (make_member("other-1.0/x"), "2 top directories"),
        (make_member("demo-1.0/" + "a/" * 3000 + "Cargo.toml"), "a path of"),
        (make_member("demo-1.0/x/Cargo.toml", size=sdist.MAX_FILE + 1), "wheelfix reads up to"),
        (make_member("demo-1.0/x/Cargo.toml", size=4096), "damaged|cut short"),
        (make_member("demo-1.0/x", size=1 << 40), "damaged"),
    ],
)
def test_hostile_members_are_refused(tmp_path: Path, member: tarfile.TarInfo, problem: str) -> None:
    path = build_sdist(tmp_path, CARGO, members=[member])
    if member.size:  # tarfile closes an archive properly, whatever its headers say
        plain = gzip.decompress(path.read_bytes()).rstrip(b"\0")
        path.write_bytes(gzip.compress(plain + bytes(-len(plain) % 512)))
    with pytest.raises(InputError, match=problem) as caught:
        read_sdist(path)
    assert caught.value.hint


def test_bomb_is_not_inflated_to_its_end(tmp_path: Path) -> None:
    header = make_member("demo-1.0/zeros", size=8 << 30).tobuf(tarfile.GNU_FORMAT)
    once = gzip.compress(bytes(64 << 20), 9)
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(gzip.compress(header) + once * 128)
    with pytest.raises(InputError, match="a bomb"):
        read_sdist(path)


def test_header_that_asks_for_gigabytes_is_refused(tmp_path: Path) -> None:
    header = make_member("demo-1.0/pax", tarfile.XHDTYPE, size=6 << 30).tobuf(tarfile.GNU_FORMAT)
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(gzip.compress(header + bytes(1 << 20)))
    with pytest.raises(InputError, match="header of"):
        read_sdist(path)


def test_negative_size_is_refused(tmp_path: Path) -> None:
    buffer = bytearray(make_member("demo-1.0/x").tobuf(tarfile.GNU_FORMAT))
    buffer[124:136] = b"\xff" * 8 + (-2048).to_bytes(4, "big", signed=True)
    buffer[148:156] = b"        "
    buffer[148:156] = b"%06o\0 " % sum(buffer)
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(gzip.compress(bytes(buffer) + bytes(1024)))
    with pytest.raises(InputError):
        read_sdist(path)


def test_headers_nested_without_end_are_refused(tmp_path: Path) -> None:
    one = make_member("x", tarfile.XGLTYPE, size=0).tobuf(tarfile.GNU_FORMAT)
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(gzip.compress(one * 20_000))
    with pytest.raises(InputError):
        read_sdist(path)


@pytest.mark.parametrize(
    "data",
    [b"", b"no gzip", gzip.compress(b"no tar" * 200, mtime=0), gzip.compress(bytes(1024), mtime=0)],
)
def test_what_is_no_archive_is_said_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"no gzipped tar archive|is empty"):
        read_sdist(path)


def test_every_cut_is_noticed_or_harmless(tmp_path: Path) -> None:
    path = build_sdist(tmp_path, CARGO)
    data, whole = path.read_bytes(), read_sdist(path).files
    for end in range(0, len(data) - 1, 7):
        path.write_bytes(data[:end])
        with pytest.raises(InputError):
            read_sdist(path)
    assert whole


def test_other_formats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is no \.tar\.gz"):
        read_sdist(tmp_path / "demo-1.0.zip")
    with pytest.raises(InputError, match="cannot be read"):
        read_sdist(tmp_path / "absent-1.0.tar.gz")


def test_link_out_of_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "secret").write_text("s")
    (tmp_path / "project" / "Cargo.lock").symlink_to(tmp_path / "secret")
    with pytest.raises(InputError, match="outside of the project"):
        read_sdist(tmp_path / "project")


def test_directories_of_tools_are_passed_over(tmp_path: Path) -> None:
    for name in (".git", "target", "src"):
        (tmp_path / "project" / name).mkdir(parents=True)
        (tmp_path / "project" / name / "Cargo.toml").write_text("")
    assert set(read_sdist(tmp_path / "project").files) == {"src/Cargo.toml"}


def test_pax_names_are_read(tmp_path: Path) -> None:
    buffer, long = io.BytesIO(), "d" * 150
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo(f"demo-1.0/{long}/Cargo.toml")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"x"))
    path = tmp_path / "demo-1.0.tar.gz"
    path.write_bytes(gzip.compress(buffer.getvalue()))
    assert read_sdist(path).files == {f"{long}/Cargo.toml": b"x"}
