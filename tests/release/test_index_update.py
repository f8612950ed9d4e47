"""The command that refreshes the index inside the package, run on small databases."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.nixindex import package, write_database
from wheelfix.index.named_table import open_names_bytes
from wheelfix.index.table import SonameTable, open_bytes
from wheelfix.model.names import NameKind

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "update_index.py"


def run_script(database: Path, data: Path, *, date: str) -> subprocess.CompletedProcess[str]:
    data.mkdir(exist_ok=True)
    command = [sys.executable, str(SCRIPT), "--from", str(database), "--date", date, "--origin", "a test"]
    return subprocess.run([*command, "--data", str(data)], capture_output=True, text=True, check=False)


def update(directory: Path, libraries: Mapping[str, str], *, date: str) -> subprocess.CompletedProcess[str]:
    """Run the script on a database of these attributes and their sonames."""
    files = {package(attr): {f"/lib/{soname}": 1000} for attr, soname in libraries.items()}
    return run_script(write_database(directory / "database", files), directory / "data", date=date)


def read_data(data: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in data.iterdir()}


def open_table(data: Path) -> SonameTable:
    packed = (data / "sonames.sqlite.z").read_bytes()
    return open_bytes(zlib.decompress(packed), subject="the table", source="bundled")


def test_report_names_what_moved_went_and_came(tmp_path: Path) -> None:
    first = {"zlib": "libz.so.1", "foo": "libfoo.so.1", "bar_old": "libbar.so.2"}
    second = {"zlib": "libz.so.1", "bar": "libbar.so.2", "quux": "libquux.so.4"}
    result = update(tmp_path, first, date="2026-01-02")
    assert result.returncode == 0, result.stderr
    assert "| sonames | None | 3 |" in result.stdout

    result = update(tmp_path, second, date="2026-02-03")
    assert result.returncode == 0, result.stderr
    report = result.stdout
    assert "| date | 2026-01-02 | 2026-02-03 |" in report
    assert "Of 3 answers 1 are the same; 1 moved, 1 gone, 1 new." in report
    assert "## Moved, by attribute\n\n- bar_old -> bar: 1\n" in report
    assert "## Moved, surest first\n\n- `libbar.so.2`: bar_old -> bar\n" in report
    assert "## Gone\n\n- `libfoo.so.1`: foo\n" in report
    assert "## New\n\n- `libquux.so.4`: quux\n" in report

    assert tomllib.loads((tmp_path / "data" / "provenance.toml").read_text())["date"] == "2026-02-03"
    assert open_table(tmp_path / "data").info.date == "2026-02-03"


def test_same_database_gives_the_same_bytes(tmp_path: Path) -> None:
    libraries = {"zlib": "libz.so.1", "foo": "libfoo.so.1"}
    update(tmp_path, libraries, date="2026-01-02")
    before = read_data(tmp_path / "data")
    result = update(tmp_path, libraries, date="2026-01-02")
    assert "Of 2 answers 2 are the same; 0 moved, 0 gone, 0 new." in result.stdout
    assert read_data(tmp_path / "data") == before


def test_names_are_refreshed_with_the_sonames(tmp_path: Path) -> None:
    files = {package("cairo", output="dev"): {"/lib/pkgconfig/cairo.pc": 1, "/include/cairo/cairo.h": 1}}
    database = write_database(tmp_path / "database", files)
    result = run_script(database, tmp_path / "data", date="2026-01-02")
    assert result.returncode == 0, result.stderr
    assert "| bytes of headers.sqlite.z | 0 |" in result.stdout
    for file, kind, name in (
        ("names.sqlite.z", NameKind.PKG_CONFIG, "cairo.pc"),
        ("headers.sqlite.z", NameKind.HEADER, "cairo.h"),
    ):
        packed = (tmp_path / "data" / file).read_bytes()
        table = open_names_bytes(zlib.decompress(packed), subject=file)
        assert table.list_names(kind, system="x86_64-linux") == (name,)
        assert table.meta["date"] == "2026-01-02"


@pytest.mark.parametrize("content", [b"", b"NIXI\1\0\0\0\0\0\0\0 not zstd"])
def test_a_broken_database_changes_nothing(tmp_path: Path, content: bytes) -> None:
    update(tmp_path, {"zlib": "libz.so.1"}, date="2026-01-02")
    before = read_data(tmp_path / "data")
    (tmp_path / "broken").write_bytes(content)
    assert run_script(tmp_path / "broken", tmp_path / "data", date="2026-02-03").returncode != 0
    assert read_data(tmp_path / "data") == before


def test_provenance_of_the_shipped_table_is_its_own() -> None:
    data = ROOT / "wheelfix" / "index" / "data"
    provenance = tomllib.loads((data / "provenance.toml").read_text())
    info = open_table(data).info
    assert info.date == provenance["date"]
    assert info.digest == provenance["digest"]
    assert (info.sonames, info.entries) == (provenance["sonames"], provenance["entries"])
