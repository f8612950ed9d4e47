"""The date of an index is the one of its nixpkgs; where nobody knows it, nobody makes it up."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from tests.support.frcode import make_entries, make_package, write_database
from wheelfix.errors import IndexProblem
from wheelfix.index.build import build_table
from wheelfix.index.choice import open_bundled, open_index
from wheelfix.index.dates import find_known_date, find_written, parse_url_date, parse_version_date
from wheelfix.index.table import open_file
from wheelfix.model.base import replace
from wheelfix.model.index import find_age, say_age, say_date


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return write_database(tmp_path / "files", [(make_package("zlib", 1), make_entries(["/lib/libz.so.1"]))])


def test_the_bundled_database_is_known_wherever_it_comes_from() -> None:
    info = open_bundled().info
    assert find_known_date(info.digest) == info.date
    assert find_known_date("0" * 64) is None


def test_the_time_of_a_file_is_no_date(database: Path, tmp_path: Path) -> None:
    os.utime(database, (1_790_000_000, 1_790_000_000))
    build_table(database, tmp_path / "table")
    info = open_file(tmp_path / "table", source="nix-index").info
    assert (info.date, info.written) == (None, "2026-09-21")
    assert say_date(info) == "of unknown date, written 2026-09-21"


def test_files_of_a_nix_store_have_no_time(database: Path, tmp_path: Path) -> None:
    os.utime(database, (1, 1))
    assert find_written(database) is None
    build_table(database, tmp_path / "table")
    info = open_file(tmp_path / "table", source="nix-index").info
    assert (info.date, info.written, say_date(info)) == (None, None, "of unknown date")
    assert say_age(info, date(2030, 1, 1)) is None


def test_a_table_kept_by_digest_is_of_that_database(database: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexProblem, match="replaced while it was read"):
        build_table(database, tmp_path / "table", digest="0" * 64)
    assert not (tmp_path / "table").exists()


@pytest.mark.parametrize(
    ("url", "day"),
    [
        ("https://h.example/releases/download/2026-05-03-031122/index-x86_64-linux", "2026-05-03"),
        ("https://h.example/2025-01-01/2026-05-03/index", "2026-05-03"),
        ("https://h.example/2026-13-40/index", None),
        ("https://h.example/releases/latest/download/index-x86_64-linux", None),
        ("https://h.example/index?2026-05-03", None),
    ],
)
def test_days_in_urls(url: str, day: str | None) -> None:
    assert parse_url_date(url) == day


@pytest.mark.parametrize(
    ("version", "day"), [("2026.5.3", "2026-05-03"), ("2026.5.3.1", "2026-05-03"), ("1.0", None)]
)
def test_versions_that_are_days(version: str, day: str | None) -> None:
    assert parse_version_date(version) == day


@pytest.mark.parametrize(
    ("today", "age", "old"),
    [
        (date(2026, 5, 3), 0, False),
        (date(2026, 8, 1), 90, False),
        (date(2026, 8, 2), 91, True),
        (date(2025, 1, 1), None, False),
    ],
)
def test_age(today: date, age: int | None, old: bool) -> None:
    info = replace(open_index().info, source="bundled", date="2026-05-03")
    assert find_age(info.date or info.written, today) == age
    assert (say_age(info, today) is not None) is old
