"""What is too large for the fields of a zip archive that have 32 and 16 bits."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

from wheelfix.patch.zipwriter import Entry, ZipWriter, read_entries
from wheelfix.wheel.archive import open_archive
from wheelfix.wheel.inflate import deflate

ZEROS = bytes(64 << 20)


def entry(path: str, size: int = 0, method: int = zipfile.ZIP_DEFLATED) -> Entry:
    return Entry(
        path=path,
        name=path.encode(),
        made=3 << 8 | 20,
        needed=20,
        flags=0,
        method=method,
        time=(0, 33),
        crc=0,
        compressed_size=0,
        size=size,
        internal=0,
        external=0o644 << 16,
        local_extra=b"",
        extra=b"",
        comment=b"",
        start=0,
    )


def copy(source: Path, target: Path) -> None:
    with open_archive(source) as archive, target.open("xb") as file:
        entries, comment = read_entries(archive)
        writer = ZipWriter(file.fileno())
        for member in entries:
            for _ in writer.copy(archive, member):
                pass
        writer.finish(comment)


def test_members_of_more_than_four_gigabytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one.whl", tmp_path / "two.whl"
    first = deflate(ZEROS, before=b"", last=False)
    piece, last = deflate(ZEROS, before=ZEROS[: 32 << 10], last=False), deflate(b"end", before=b"", last=True)
    size = 80 * len(ZEROS) + 3
    with one.open("xb") as file:
        writer = ZipWriter(file.fileno())
        for _ in writer.write(entry("large", size), [first, *[piece] * 79, last]):
            pass
        writer.write_small(entry("small"), b"data")
        writer.finish(b"")
    copy(one, two)
    assert one.read_bytes() == two.read_bytes()
    with zipfile.ZipFile(two) as archive:
        assert archive.getinfo("large").file_size == size
        assert archive.read("small") == b"data"
        with archive.open("large") as member:
            assert member.read(len(ZEROS)) == ZEROS


def test_members_behind_four_gigabytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one.whl", tmp_path / "two.whl"
    with one.open("xb") as file:
        writer = ZipWriter(file.fileno())
        large = entry("large", (1 << 32) + 5, zipfile.ZIP_STORED)
        for _ in writer.write(large, (ZEROS if n < 64 else b"12345" for n in range(65))):
            pass
        writer.write_small(entry("small"), b"data")
        writer.finish(b"")
    copy(one, two)
    one.unlink()
    with zipfile.ZipFile(two) as archive:
        assert archive.getinfo("small").header_offset > 1 << 32
        assert archive.read("small") == b"data"
    two.unlink()


def test_more_members_than_sixteen_bits_can_count(tmp_path: Path) -> None:
    one, two = tmp_path / "one.whl", tmp_path / "two.whl"
    with one.open("xb") as file:
        writer = ZipWriter(file.fileno())
        for n in range(70_000):
            for _ in writer.write(entry(f"f{n}", 0, zipfile.ZIP_STORED), []):
                pass
        writer.finish(b"comment")
    copy(one, two)
    with zipfile.ZipFile(two) as archive:
        assert len(archive.infolist()) == 70_000
        assert archive.comment == b"comment"
    assert os.path.getsize(one) == os.path.getsize(two)  # noqa: PTH202
