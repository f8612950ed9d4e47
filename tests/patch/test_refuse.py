"""What cannot be edited exactly is refused, with a reason, and stays as it was."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.elf import build_elf
from tests.support.patch import LONG
from wheelfix.errors import ApplyError, EditRefused, WheelfixError
from wheelfix.patch.edit.apply import apply_edit, plan_file
from wheelfix.patch.model import ElfEdit
from wheelfix.patch.verify import verify

EDIT = ElfEdit(run_path=LONG)


def link(tmp_path: Path, *flags: str) -> Path:
    source, target = tmp_path / "a.c", tmp_path / "a.out"
    source.write_text("int main(void) { return 0; }\n")
    subprocess.run(["gcc", str(source), "-o", str(target), *flags], check=True)
    return target


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["-static-pie"], "static program that relocates itself"),
        (["-static"], "linked statically"),
        (["-c"], "neither a program nor a shared library"),
    ],
)
def test_kinds_that_load_no_libraries(tmp_path: Path, flags: list[str], problem: str) -> None:
    path = link(tmp_path, *flags)
    before = path.read_bytes()
    with pytest.raises(EditRefused, match=problem) as caught:
        apply_edit(path, EDIT)
    assert caught.value.hint
    assert path.read_bytes() == before


def test_the_loader_itself() -> None:
    loader = next(Path("/lib64").glob("ld-linux-*.so.*"))
    with pytest.raises(EditRefused, match="the dynamic loader itself"):
        plan_file(loader, EDIT)


def test_archive_behind_the_end(tmp_path: Path) -> None:
    """A program that finds a zip archive at its own end would no longer find it."""
    path = tmp_path / "libx.so"
    path.write_bytes(build_elf(tmp_path, "libx.so", runpath=["/abc"]))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a", "b")
    before = path.read_bytes()
    with pytest.raises(EditRefused, match="carries an archive behind its end"):
        apply_edit(path, EDIT)
    assert path.read_bytes() == before
    assert apply_edit(path, ElfEdit(run_path=("/a",))).method == "overwrite"
    with zipfile.ZipFile(path) as archive:
        assert archive.read("a") == b"b"


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (ElfEdit(run_path=("/a:b",)), "holds a colon"),
        (ElfEdit(run_path=("",)), "cannot be written"),
        (ElfEdit(run_path=("/a\0b",)), "cannot be written"),
        (ElfEdit(run_path=("/\ud800x",)), "cannot be written"),
        (ElfEdit(run_path=("/" + "x" * 70000,)), "longer than 64 KiB"),
        (ElfEdit(remove_needed=("libnone.so",)), "does not need libnone.so"),
        (ElfEdit(replace_needed=(("libnone.so", "b"),)), "does not need libnone.so"),
        (ElfEdit(replace_needed=(("liba.so.1", "libc.so.6"),)), "needs libc.so.6 already"),
        (ElfEdit(remove_needed=("libc.so.6",)), "asks for symbol versions of libc.so.6"),
    ],
)
def test_edits_that_make_no_sense(tmp_path: Path, edit: ElfEdit, problem: str) -> None:
    path = tmp_path / "libx.so"
    path.write_bytes(build_elf(tmp_path, "libx.so", needed=["liba.so.1"]))
    before = path.read_bytes()
    with pytest.raises(EditRefused, match=problem):
        apply_edit(path, edit)
    assert path.read_bytes() == before


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, problem in [("pipe", "no regular file"), (".", "no regular file"), ("none", "no such file")]:
        with pytest.raises(ApplyError, match=problem):
            apply_edit(tmp_path / name, EDIT)


def test_running_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "sleeper"
    path.write_bytes(Path("/bin/sleep").read_bytes())
    path.chmod(0o755)
    before = path.read_bytes()
    with subprocess.Popen([path, "60"]) as process:
        try:
            with pytest.raises(ApplyError, match="text file busy"):
                apply_edit(path, EDIT)
        finally:
            process.kill()
    assert path.read_bytes() == before


def test_notes_of_strangers_stay_where_code_finds_them(tmp_path: Path) -> None:
    """Qt reads .note.qt.metadata by its address: what stands in front of it moves, or nothing."""
    source = tmp_path / "note.s"
    note = '.section .note.gnu.property,"a"\n.section .note.qt.metadata,"a",@note\n.balign 4\n'
    source.write_text(note + '.long 4, 4, 0x74510001\n.asciz "qt-"\n.long 42\n.section .note.GNU-stack,""\n')
    path = tmp_path / "libq.so"
    flags = ["-Wl,--build-id=none", str(source)]
    path.write_bytes(build_elf(tmp_path, "libq.so", flags=flags))
    at = path.read_bytes().index(b"qt-\0")
    with suppress(EditRefused):
        apply_edit(path, EDIT)
    assert path.read_bytes()[at : at + 8] == b"qt-\0" + struct.pack("<I", 42)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    directory = tmp_path_factory.mktemp("library")
    return build_elf(directory, "libx.so", soname="libx.so.1", needed=["liba.so.1"], runpath=["/some/where"])


@pytest.mark.parametrize("edit", [EDIT, ElfEdit(run_path=("/b",)), ElfEdit(add_needed=("libnew.so.1",))])
def test_truncated_files(tmp_path: Path, library: bytes, edit: ElfEdit) -> None:
    path = tmp_path / "cut.so"
    for size in range(0, len(library), 61):
        path.write_bytes(library[:size])
        with pytest.raises(EditRefused):
            apply_edit(path, edit)
        assert path.read_bytes() == library[:size]


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_mutated_files_are_edited_or_refused(
    tmp_path_factory: pytest.TempPathFactory, library: bytes, data: st.DataObject
) -> None:
    """Headers and tables with wild values: an edit, or a refusal that leaves the file alone."""
    path = tmp_path_factory.getbasetemp() / "mutated.so"
    image = bytearray(library)
    shoff = struct.unpack_from("<Q", image, 40)[0]
    dynamic = next(
        struct.unpack_from("<Q", image, at + 8)[0]
        for at in range(64, 64 + 56 * struct.unpack_from("<H", image, 56)[0], 56)
        if struct.unpack_from("<I", image, at)[0] == 2
    )
    places = st.one_of(
        st.integers(4, 700), st.integers(dynamic, dynamic + 400), st.integers(shoff, len(image) - 8)
    )
    values = st.sampled_from([0, 1, 2, 7, 64, 0x7FFF, 0xFFFF, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 64) - 1])
    for _ in range(data.draw(st.integers(1, 3))):
        at, width = data.draw(places), data.draw(st.sampled_from(["<B", "<H", "<I", "<Q"]))
        mask = (1 << 8 * struct.calcsize(width)) - 1
        struct.pack_into(width, image, min(at, len(image) - 8), data.draw(values) & mask)
    path.write_bytes(image)
    before = path.with_suffix(".before")
    before.write_bytes(image)
    try:
        apply_edit(path, EDIT)
    except WheelfixError:
        assert path.read_bytes() == bytes(image)
        return
    with suppress(WheelfixError):  # what wheelfix edits it may still not be able to read as a whole
        assert [p for p in verify(before, path, EDIT) if p.check in {"load", "run-path", "header"}] == []


def test_full_disk_leaves_the_file_as_it_was(tmp_path: Path, library: bytes) -> None:
    """A limit on file sizes stands for the full disk: the write that makes the file longer fails half way."""
    path = tmp_path / "libx.so"
    path.write_bytes(library)
    code = f"""if True:
        import resource, signal, sys
        from pathlib import Path
        from wheelfix.errors import ApplyError
        from wheelfix.patch.model import ElfEdit
        from wheelfix.patch.edit.apply import apply_edit
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({len(library) + 100},) * 2)
        try:
            apply_edit(Path(sys.argv[1]), ElfEdit(run_path=("/" + "x" * 600,)))
        except ApplyError as error:
            print(error.problem)
    """
    result = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("file too large\n", "")
    assert path.read_bytes() == library


def test_program_headers_that_a_section_holds_stay(tmp_path: Path, library: bytes) -> None:
    data, path = bytearray(library), tmp_path / "a.so"
    shoff, phnum, shnum = (
        struct.unpack_from(c, data, at)[0] for c, at in (("<Q", 40), ("<H", 56), ("<H", 60))
    )
    note = next(at for at in range(shoff, shoff + 64 * shnum, 64) if data[at + 4 : at + 8] == b"\7\0\0\0")
    struct.pack_into("<IQQQQ", data, note + 4, 1, 2, 64, 64, 56 * phnum)
    path.write_bytes(data)
    with pytest.raises(EditRefused, match="program header table lies inside a section"):
        apply_edit(path, EDIT)
    assert path.read_bytes() == data


def test_an_interpreter_that_no_kernel_takes_is_refused(tmp_path: Path) -> None:
    path = link(tmp_path)
    before = path.read_bytes()
    with pytest.raises(EditRefused, match="the path of the interpreter has 4096 bytes"):
        apply_edit(path, ElfEdit(interpreter="/" * 4096))
    assert path.read_bytes() == before


def test_the_longest_interpreter_is_verified(tmp_path: Path) -> None:
    path, before = link(tmp_path), tmp_path / "before"
    before.write_bytes(path.read_bytes())
    edit = ElfEdit(interpreter="/" * (4095 - 26) + "lib64/ld-linux-x86-64.so.2")
    apply_edit(path, edit)
    assert verify(before, path, edit) == ()
    subprocess.run([path], check=True)
