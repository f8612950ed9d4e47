"""Which file is recognised, and which is not."""

from __future__ import annotations

import hashlib
import os
import threading
import time
import zipfile
from pathlib import Path

import pytest

from tests.support.wheel import build_wheel
from wheelfix.model.base import replace
from wheelfix.scan.store import find_digest, find_known_digest, store_digest, was_seen
from wheelfix.wheel.identity import Identity, hash_beside, hash_file, read_identity

ONE = Identity(device=1, inode=2, size=3, modified=4, changed=5, tail="6" * 64)
DIGEST = "7" * 64


def identify(path: Path) -> Identity:
    with path.open("rb") as file:
        fd = file.fileno()
        return read_identity(fd, lambda offset, size: os.pread(fd, size, offset))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("other", "seen"),
    [
        (replace(ONE, device=9), True),
        (replace(ONE, inode=9), True),
        (replace(ONE, size=9), False),
        (replace(ONE, modified=9), True),
        (replace(ONE, changed=9), True),
        (replace(ONE, tail="9" * 64), False),
    ],
)
def test_all_of_an_identity_has_to_be_the_same(tmp_path: Path, other: Identity, seen: bool) -> None:
    store_digest(ONE, DIGEST, tmp_path)
    assert find_known_digest(ONE, tmp_path) == DIGEST
    assert find_known_digest(other, tmp_path) is None
    assert was_seen(other, tmp_path) == seen


def test_a_digest_that_is_none_is_not_believed(tmp_path: Path) -> None:
    store_digest(ONE, "../" * 22, tmp_path)
    assert find_known_digest(ONE, tmp_path) is None


def test_the_whole_central_directory_is_part_of_an_identity(tmp_path: Path) -> None:
    """However long it is, and wherever in it something else stands."""
    wheel = build_wheel(tmp_path, files={f"{n:04}" * 50: b"" for n in range(600)})
    with zipfile.ZipFile(wheel) as archive:
        start = archive.start_dir
    assert wheel.stat().st_size - start > 1 << 17
    before = identify(wheel)
    with wheel.open("r+b") as file:
        file.seek(start + 8)
        file.write(b"\xff")
    assert identify(wheel).tail != before.tail


@pytest.mark.parametrize("content", [b"", b"x", b"PK\5\6", b"PK\5\6" + b"\xff" * 18, bytes(1 << 17)])
def test_files_that_are_no_archives_have_one_too(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert identify(path).tail == hashlib.sha256(content[-(1 << 16) :]).hexdigest()


@pytest.mark.parametrize(
    ("changed", "modified", "at", "settled"),
    [
        (1_000_000_001, 5, 1_019_000_000, False),
        (1_000_000_001, 5, 1_020_000_001, True),
        (1_000_000_000, 5, 1_020_000_001, True),
        (1_000_000_000, 2_000_000_000, 2_900_000_000, False),
        (1_000_000_000, 2_000_000_000, 3_000_000_000, True),
        (9_000_000_000, 0, 1_000_000_000, False),
    ],
)
def test_who_writes_later_gives_other_times(changed: int, modified: int, at: int, settled: bool) -> None:
    assert replace(ONE, changed=changed, modified=modified).is_settled(at) == settled


def test_a_young_file_is_kept_when_its_times_can_no_longer_repeat(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for number in range(20):
        path.write_bytes(b"%4d" % number)
        assert find_digest(path, tmp_path / "cache") == digest(path)
        assert find_known_digest(identify(path), tmp_path / "cache") == digest(path)


def test_a_file_from_the_future_is_hashed_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"data")
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now - 3_600_000_000_000)
    assert find_digest(path, tmp_path / "cache") == digest(path)
    assert find_known_digest(identify(path), tmp_path / "cache") is None


def test_another_content_of_the_same_size_and_time_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for content in (b"first" * 50_000, b"other" * 50_000):
        path.write_bytes(content + bytes(1 << 17))
        os.utime(path, (1000, 1000))
        assert find_digest(path, tmp_path / "cache") == digest(path)


def test_a_file_written_to_while_it_is_hashed_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(3 << 20))
    pread = os.pread
    reads = []

    def read(fd: int, size: int, offset: int) -> bytes:
        reads.append(offset)
        if len(reads) == 3:
            with path.open("r+b") as file:
                file.write(b"changed")
        return pread(fd, size, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", read)
        find_digest(path, tmp_path / "cache")
    assert len(reads) > 3
    assert find_digest(path, tmp_path / "cache") == digest(path)


@pytest.mark.parametrize("kind", ["fifo", "device", "directory", "nothing"])
def test_what_is_no_file_has_no_digest_and_does_not_hang(tmp_path: Path, kind: str) -> None:
    path = {"device": Path("/dev/zero"), "directory": tmp_path}.get(kind, tmp_path / "place")
    if kind == "fifo":
        os.mkfifo(path)
    with pytest.raises(OSError, match=r"regular file|No such file"):
        find_digest(path, tmp_path / "cache")


def test_hashing_beside_ends_with_the_block() -> None:
    """Also where the block ends by an error, and the file would have no end."""

    def run() -> None:
        with hash_beside(lambda _, size: bytes(size)):
            raise InterruptedError

    before = threading.active_count()
    with pytest.raises(InterruptedError):
        run()
    assert threading.active_count() == before


def test_hashing_gives_the_digest_of_all_bytes(tmp_path: Path) -> None:
    data = os.urandom((3 << 20) + 1)

    def read(offset: int, size: int) -> bytes:
        return data[offset : offset + size]

    assert hash_file(read) == hashlib.sha256(data).hexdigest()
    with hash_beside(read) as pending:
        assert pending() == hashlib.sha256(data).hexdigest()
    with hash_beside(read, DIGEST) as pending:
        assert pending() == DIGEST
