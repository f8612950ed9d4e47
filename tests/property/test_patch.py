"""Any sequence of edits: each does what it says, nothing else changes, and all can be taken back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.elf import build_elf
from tests.support.patch import edit_checked, load, read
from wheelfix.patch.edit.apply import apply_edit, revert_edit
from wheelfix.patch.model import ElfEdit

# Names that the string table holds already are the interesting ones: whole, as a tail, and as a head.
TEXT = st.text("abR/.$é-", min_size=1, max_size=12) | st.sampled_from(
    ["$ORIGIN", "answer", "swer", "libx.so.1", "so.1", "GLIBC_2.2.5", "__cxa_finalize", "/" + "x" * 300]
)
PATHS = st.lists(TEXT, max_size=5, unique=True).map(tuple)
EDITS = st.one_of(
    PATHS.map(lambda path: ElfEdit(run_path=path)),
    PATHS.map(lambda path: ElfEdit(add_run_path=path)),
    PATHS.map(lambda path: ElfEdit(drop_run_path=path)),
    st.lists(TEXT, min_size=1, max_size=2, unique=True).map(lambda names: ElfEdit(add_needed=tuple(names))),
)


@pytest.fixture(scope="module", params=["bfd", "lld", "mold", "gold"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp(request.param)
    options = {"bfd": {"runpath": ["/some/where"]}, "mold": {"rpath": ["/a"]}}.get(request.param, {})
    data = build_elf(
        directory,
        "libx.so",
        soname="libx.so.1",
        flags=[f"-fuse-ld={request.param}"],
        **options,  # type: ignore[arg-type]
    )
    path = directory / "pristine"
    path.write_bytes(data)
    return path


@settings(max_examples=60, deadline=None)
@given(edits=st.lists(EDITS, min_size=1, max_size=6))
def test_sequences_of_edits(library: Path, edits: list[ElfEdit]) -> None:
    path = library.with_name("edited.so")
    path.write_bytes(library.read_bytes())
    done = []
    for edit in edits:
        before = read(path)
        done.append(edit_checked(path, edit))  # compares with the wanted run path and needs
        after = read(path)
        assert after.soname == "libx.so.1"
        assert not (before.rpath and after.runpath)
        assert not (before.runpath and after.rpath)
        shown = subprocess.run(["readelf", "-dW", path], capture_output=True, text=True, check=True).stdout
        for entry in (":".join(after.rpath), ":".join(after.runpath), *after.needed):
            assert f"[{entry}]" in shown or not entry
    for applied in reversed(done):
        revert_edit(path, applied)
    assert path.read_bytes() == library.read_bytes()


@settings(max_examples=25, deadline=None)
@given(paths=st.lists(PATHS, min_size=1, max_size=4))
def test_edited_libraries_load(library: Path, paths: list[tuple[str, ...]]) -> None:
    path = library.with_name("loaded.so")
    path.unlink(missing_ok=True)  # the loader knows files by inode
    path.write_bytes(library.read_bytes())
    for entries in paths:
        apply_edit(path, ElfEdit(run_path=entries))
    assert load(path) == 42
