"""Environments: hard links, RECORD, the manifest, and the way back."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.patch import read
from tests.support.patched import build_members, build_wheel, find_installed_lies, install, snapshot
from wheelfix.errors import ApplyError
from wheelfix.model.scan import Level
from wheelfix.patch.environment import patch_environment
from wheelfix.patch.manifest import open_manifest
from wheelfix.patch.model import ElfEdit
from wheelfix.patch.undo import undo_environment

OUTER = "/nix/store/" + "a" * 32 + "-outer/lib"
EDIT = ElfEdit(add_run_path=(OUTER,))
OTHER = ElfEdit(add_run_path=("/nix/store/" + "b" * 32 + "-other/lib",))
EDITS = {f"demo/x{n}.so": EDIT for n in range(3)}


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """An environment whose files are hard links into a cache."""
    cached = install(build_wheel(tmp_path, files=build_members(tmp_path / "work")), tmp_path / "cache")
    shutil.copytree(tmp_path / "cache", tmp_path / "env", copy_function=os.link)
    assert (cached / "demo/x0.so").stat().st_nlink == 2
    return tmp_path / "env"


def site(environment: Path) -> Path:
    return environment / "lib" / "python3.12" / "site-packages"


def test_files_and_record_change_and_what_they_were_linked_to_does_not(environment: Path) -> None:
    cache = snapshot(environment.parent / "cache")
    results = patch_environment(environment, EDITS)
    assert [(r.path, r.problem) for r in results] == [(path, None) for path in EDITS]
    assert read(site(environment) / "demo/x0.so").runpath == ("$ORIGIN/../demo.libs", OUTER)
    assert find_installed_lies(site(environment)) == []
    assert snapshot(environment.parent / "cache") == cache
    assert not (environment / ".wheelfix" / "new").exists() or not any(
        (environment / ".wheelfix" / "new").iterdir()
    )


def test_undo_gives_back_every_byte_mode_and_time(environment: Path) -> None:
    before = snapshot(environment)
    patch_environment(environment, EDITS)
    assert snapshot(environment) != before
    (note,) = undo_environment(environment)
    assert (note.level, note.message) == (Level.NOTE, "4 files restored")
    assert snapshot(environment) == before
    assert not (environment / ".wheelfix").exists()


def test_undo_goes_back_through_several_runs(environment: Path) -> None:
    before = snapshot(environment)
    patch_environment(environment, {"demo/x0.so": EDIT})
    patch_environment(environment, {"demo/x0.so": OTHER, "demo/x1.so": EDIT})
    assert find_installed_lies(site(environment)) == []
    assert len(read(site(environment) / "demo/x0.so").runpath) == 3
    undo_environment(environment)
    assert snapshot(environment) == before


def test_a_second_run_changes_nothing(environment: Path) -> None:
    patch_environment(environment, EDITS)
    before = snapshot(environment)
    manifest = (environment / ".wheelfix" / "changes.jsonl").read_bytes()
    assert {r.method for r in patch_environment(environment, EDITS)} == {"none"}
    assert snapshot(environment) == before
    assert (environment / ".wheelfix" / "changes.jsonl").read_bytes() == manifest


def test_a_dry_undo_only_tells(environment: Path) -> None:
    patch_environment(environment, EDITS)
    before = snapshot(environment)
    (note,) = undo_environment(environment, dry_run=True)
    assert note.message == "4 files would be restored"
    assert snapshot(environment) == before
    assert (environment / ".wheelfix").exists()


def test_undo_leaves_what_was_reinstalled_and_says_so(environment: Path) -> None:
    patch_environment(environment, EDITS)
    (site(environment) / "demo/x0.so").write_bytes(b"\x7fELF of another version")
    (site(environment) / "demo/x1.so").unlink()
    findings = undo_environment(environment)
    assert {f.subject.rpartition("/")[2]: f.message for f in findings[:-1]} == {
        "x0.so": "was replaced since: left as it is",
        "x1.so": "is gone: nothing to restore",
    }
    assert (site(environment) / "demo/x0.so").read_bytes() == b"\x7fELF of another version"


def test_undo_without_anything_done(environment: Path) -> None:
    (note,) = undo_environment(environment)
    assert note.message == "0 files restored"


def test_a_refused_file_stays_and_the_others_change(environment: Path, tmp_path: Path) -> None:
    static = site(environment) / "demo" / "static"
    static.write_bytes(build_elf(tmp_path / "work", "static", executable=True, flags=["-static"]))
    before = static.read_bytes()
    results = patch_environment(environment, EDITS | {"demo/static": EDIT})
    assert {r.path: r.problem is None for r in results}["demo/static"] is False
    assert sum(r.problem is None for r in results) == 3
    assert static.read_bytes() == before


def test_one_file_under_two_names_is_edited_once(environment: Path) -> None:
    (site(environment) / "demo" / "link.so").symlink_to("x0.so")
    results = patch_environment(environment, {"demo/link.so": EDIT, "demo/x0.so": EDIT})
    assert [r.problem for r in results] == [None, None]
    assert (site(environment) / "demo" / "link.so").is_symlink()
    assert read(site(environment) / "demo/x0.so").runpath.count(OUTER) == 1


def test_record_of_a_killed_run_is_brought_up_to_date(environment: Path) -> None:
    record = site(environment) / "demo-1.0.dist-info" / "RECORD"
    old = record.read_bytes()
    patch_environment(environment, EDITS)
    new = record.read_bytes()
    record.write_bytes(old)  # as if the run had been killed before it came to it
    patch_environment(environment, {})
    assert record.read_bytes() == new


def test_a_torn_last_line_of_the_manifest_is_dropped(environment: Path) -> None:
    before = snapshot(environment)
    patch_environment(environment, {"demo/x0.so": EDIT})
    with (environment / ".wheelfix" / "changes.jsonl").open("ab") as file:
        file.write(b'{"path": "lib/python3.12/site-pack')
    patch_environment(environment, EDITS)
    undo_environment(environment)
    assert snapshot(environment) == before


def test_a_damaged_manifest_is_an_error_and_nothing_changes(environment: Path) -> None:
    patch_environment(environment, EDITS)
    manifest = environment / ".wheelfix" / "changes.jsonl"
    lines = manifest.read_text().splitlines()
    outside = json.dumps(json.loads(lines[0]) | {"path": "../../etc/passwd"})
    before = snapshot(environment)
    for damage in ("{}", "nonsense", outside):
        manifest.write_text("\n".join([damage, *lines[1:], ""]))
        with pytest.raises(ApplyError, match="is damaged"):
            undo_environment(environment)
        assert snapshot(environment) == before


def test_one_run_at_a_time(environment: Path) -> None:
    with open_manifest(environment, create=True), pytest.raises(ApplyError, match="by another wheelfix"):
        patch_environment(environment, EDITS)
    assert not (environment / ".wheelfix").exists()
