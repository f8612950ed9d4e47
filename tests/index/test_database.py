from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.frcode import encode_frcode, make_entries, make_package, write_database
from wheelfix.errors import IndexProblem
from wheelfix.index import database as module
from wheelfix.index.database import MAGIC, iter_blocks, iter_packages
from wheelfix.index.frcode import Entry, Package
from wheelfix.wheel.zstd import compress

HEADER = MAGIC + (1).to_bytes(8, "little")


def make_pairs(count: int = 3) -> list[tuple[Package, list[Entry]]]:
    return [
        (make_package(f"p{n}", n), make_entries([f"/lib/lib{n}.so.{k}" for k in range(20)]))
        for n in range(count)
    ]


def read_all(path: Path) -> list[tuple[Package, list[Entry]]]:
    return [(package, list(entries)) for package, entries in iter_packages(path)]


def test_round_trip(tmp_path: Path) -> None:
    pairs = make_pairs()
    path = write_database(tmp_path / "files", pairs)
    assert read_all(path) == pairs


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 64])
def test_chunks_may_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Footers, their long differentials and their JSON are cut in every place."""
    long = "/" + "x" * 300
    pairs = [*make_pairs(2), (make_package("q", 9), make_entries([long, long + "y"]))]
    path = write_database(tmp_path / "files", pairs)
    monkeypatch.setattr(module, "_CHUNK", chunk)
    assert read_all(path) == pairs


def test_packages_without_entries(tmp_path: Path) -> None:
    pairs: list[tuple[Package, list[Entry]]] = [(make_package(f"p{n}", n), []) for n in range(3)]
    assert read_all(write_database(tmp_path / "files", pairs)) == pairs


def test_empty_database(tmp_path: Path) -> None:
    assert read_all(write_database(tmp_path / "files", [])) == []


def test_several_zstd_frames(tmp_path: Path) -> None:
    body = encode_frcode(make_pairs())
    path = tmp_path / "files"
    path.write_bytes(HEADER + compress(body[:100], level=1) + compress(body[100:], level=1))
    assert read_all(path) == make_pairs()


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    path = write_database(tmp_path / "files", make_pairs())
    told: list[tuple[int, int]] = []
    list(iter_blocks(path, progress=lambda done, total: told.append((done, total))))
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no nix-index database"),
        (b"NIX", "no nix-index database"),
        (b"GIF89a..........", "at byte 0"),
        (MAGIC + (2).to_bytes(8, "little") + b"x", "version 2"),
        (MAGIC + b"\1", "version 1"),
        (HEADER, "byte 0 of the decompressed stream"),
        (HEADER + b"no zstd at all", "byte 0 of the decompressed stream"),
    ],
)
def test_no_database(tmp_path: Path, data: bytes, problem: str) -> None:
    path = tmp_path / "files"
    path.write_bytes(data)
    with pytest.raises(IndexProblem) as caught:
        list(iter_blocks(path))
    assert caught.value.subject == str(path)
    assert problem in caught.value.problem
    assert caught.value.hint


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(IndexProblem, match=r"(?i)no such file"):
        list(iter_blocks(tmp_path / "files"))


def test_truncated_stream_names_an_offset(tmp_path: Path) -> None:
    path = write_database(tmp_path / "files", make_pairs(200))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(IndexProblem, match=r"byte \d+ of the decompressed stream"):
        read_all(path)


def test_rubbish_behind_the_stream(tmp_path: Path) -> None:
    path = write_database(tmp_path / "files", make_pairs())
    path.write_bytes(path.read_bytes() + b"rubbish")
    size = len(encode_frcode(make_pairs()))
    with pytest.raises(IndexProblem, match=f"byte {size} of the decompressed stream"):
        read_all(path)


def test_entries_without_a_footer(tmp_path: Path) -> None:
    body = encode_frcode(make_pairs(2))
    end = encode_frcode(make_pairs(1))
    path = tmp_path / "files"
    path.write_bytes(HEADER + compress(body[:-1], level=1))
    with pytest.raises(IndexProblem, match=f"from byte {len(end)}"):
        read_all(path)


def test_footer_that_leaves_a_shared_prefix(tmp_path: Path) -> None:
    body = b'1d\0\0\n2r\0\0/a\n2r\0\x01b\np\0\0{"store_dir":"/nix/store"}\n'
    path = tmp_path / "files"
    path.write_bytes(HEADER + compress(body, level=1))
    (block,) = iter_blocks(path)
    with pytest.raises(IndexProblem, match="footer at byte 18 leaves a shared prefix of 1 bytes"):
        block.decode()


def test_a_package_without_end_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_MAX", 1000)
    monkeypatch.setattr(module, "_CHUNK", 100)
    path = tmp_path / "files"
    path.write_bytes(HEADER + compress(b"1r\0\0/a\n" * 1000, level=1))
    with pytest.raises(IndexProblem, match="no package footer"):
        list(iter_blocks(path))
