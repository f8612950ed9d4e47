"""The entrance of the spine: errors of single targets, and who is at hand of whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.facts import open_table
from tests.support.wheel import build_wheel
from wheelfix.errors import InputError, WheelfixError
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.scan.read import read_wheel
from wheelfix.scan.scan import ScanOptions, read_targets, scan_readings, scan_targets
from wheelfix.scan.target import find_targets


@pytest.fixture
def options() -> ScanOptions:
    return ScanOptions(index=open_table(), cache=None)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """Two wheels, of which one has what the other wants."""
    directory = tmp_path / "shelf"
    directory.mkdir()
    library = build_elf(tmp_path, "libown-thing.so.1", soname="libown-thing.so.1")
    build_wheel(directory, name="carrier", files={"carrier/libown-thing.so.1": library})
    user = build_elf(tmp_path, "core.so", needed=["libown-thing.so.1"])
    build_wheel(directory, name="user", files={"user/core.so": user}, requires=["carrier"])
    return directory


def test_errors_are_told_in_the_order_of_the_targets_and_the_others_are_scanned(
    shelf: Path, tmp_path: Path, options: ScanOptions
) -> None:
    (tmp_path / "broken-1.0-py3-none-any.whl").write_bytes(b"PK\x03\x04cut")
    (tmp_path / "text.log").write_text("text\n")
    names = [tmp_path / "broken-1.0-py3-none-any.whl", tmp_path / "gone.whl", shelf, tmp_path / "text.log"]
    told: list[WheelfixError] = []
    targets = find_targets(map(str, names), "scan", on_error=told.append)
    found = scan_targets(targets, options, on_error=told.append)
    assert [Path(error.subject).name for error in told] == [
        "broken-1.0-py3-none-any.whl",
        "gone.whl",
        "text.log",
    ]
    assert [scan.name for scan in found.scans] == ["carrier", "user"]


def test_one_damaged_wheel_does_not_silence_its_directory(shelf: Path, options: ScanOptions) -> None:
    (shelf / "damaged-1.0-py3-none-any.whl").write_bytes(b"PK\x03\x04cut")
    told: list[WheelfixError] = []
    found = scan_targets(find_targets([str(shelf)], "scan"), options, on_error=told.append)
    assert [scan.name for scan in found.scans] == ["carrier", "user"]
    assert [Path(error.subject).name for error in told] == ["damaged-1.0-py3-none-any.whl"]
    with pytest.raises(InputError, match=r"damaged-1\.0"):
        scan_targets(find_targets([str(shelf)], "scan"), options)


def test_what_is_to_be_at_hand_is_read_before_any_target_is_looked_at(
    shelf: Path, options: ScanOptions
) -> None:
    told: list[WheelfixError] = []
    targets = find_targets([str(shelf / "absent")], "scan", on_error=told.append)
    beside = replace(options, beside=(str(shelf / "gone"),))
    with pytest.raises(InputError, match="gone: no such file or directory"):
        read_targets(targets, beside, on_error=told.append)
    assert told == []


def test_readings_of_one_environment_are_scanned_as_targets_that_were_named_together(
    shelf: Path, options: ScanOptions
) -> None:
    readings = [read_wheel(path) for path in sorted(shelf.iterdir())]
    scans = scan_readings(readings, options)
    assert scans == scan_targets(find_targets([str(shelf)], "scan"), options).scans
    (need,) = [need for need in scans[1].needs if need.soname == "libown-thing.so.1"]
    assert (need.need_class, need.distribution) == (NeedClass.SIBLING, "carrier")
    (alone,) = scan_readings(readings[1:], options)
    assert {n.need_class for n in alone.needs if n.soname == "libown-thing.so.1"} == {NeedClass.UNKNOWN}
