"""The verifier sees what engines are known to break, and is content with what they do well."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.elf import build_elf
from tests.support.patch import LONG
from wheelfix.errors import ElfError, InputError
from wheelfix.patch.edit.apply import apply_edit
from wheelfix.patch.model import ElfEdit
from wheelfix.patch.verify import verify
from wheelfix.patch.verify.opinions import find_opinions

EDIT = ElfEdit(run_path=LONG)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A library, and the same after a good edit."""
    old, new = tmp_path / "old.so", tmp_path / "new.so"
    old.write_bytes(
        build_elf(tmp_path, "libx.so", soname="libx.so.1", needed=["liba.so.1"], rpath=["/some/where"])
    )
    shutil.copyfile(old, new)
    apply_edit(new, EDIT)
    return old, new


def checks(old: Path, new: Path, edit: ElfEdit | None = None) -> set[str]:
    return {problem.check for problem in verify(old, new, edit)}


def find_section(path: Path, name: str) -> tuple[int, int]:
    """Offset and size."""
    with path.open("rb") as file:
        section = ELFFile(file).get_section_by_name(name)
        return section["sh_offset"], section["sh_size"]


def find_header(path: Path, kind: int, number: int = 0) -> int:
    """File offset of a program header."""
    data = path.read_bytes()
    start, count = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
    return [
        at for at in range(start, start + 56 * count, 56) if struct.unpack_from("<I", data, at)[0] == kind
    ][number]


def find_entry(path: Path, tag: int) -> int:
    """File offset of a dynamic entry."""
    start, size = find_section(path, ".dynamic")
    data = path.read_bytes()
    return next(at for at in range(start, start + size, 16) if struct.unpack_from("<Q", data, at)[0] == tag)


def write(path: Path, at: int, layout: str, *values: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(struct.pack("<" + layout, *values))


def test_good_edits_are_clean(pair: tuple[Path, Path]) -> None:
    old, new = pair
    assert verify(old, new, EDIT) == ()
    assert verify(old, new) == ()
    assert verify(old, old, ElfEdit()) == ()
    assert find_opinions(new) == ()


def flip(section: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        at, size = find_section(path, section)
        write(path, at + size // 2, "B", path.read_bytes()[at + size // 2] ^ 0xFF)

    return damage


def misalign(path: Path) -> None:
    write(path, find_header(path, 1, 3) + 48, "Q", 0x4000)


def shift_load(path: Path) -> None:
    at = find_header(path, 1, -1)
    write(path, at + 16, "Q", struct.unpack_from("<Q", path.read_bytes(), at + 16)[0] + 8)


def make_executable(path: Path) -> None:
    write(path, find_header(path, 1, 0) + 4, "I", 7)


def allow_stack(path: Path) -> None:
    write(path, find_header(path, 0x6474E551) + 4, "I", 7)


def move_note(path: Path) -> None:
    at = find_header(path, 4)
    write(path, at + 8, "Q", struct.unpack_from("<Q", path.read_bytes(), at + 8)[0] + 4)


def drop_sections(path: Path) -> None:
    write(path, 40, "Q", 0)
    write(path, 60, "HH", 0, 0)


def drop_needed(path: Path) -> None:
    write(path, find_entry(path, 1), "Q", 0x6FFFFEF7)


def retag(path: Path) -> None:
    write(path, find_entry(path, 15), "Q", 29)


def shorten_strings(path: Path) -> None:
    at = find_entry(path, 10)
    write(path, at + 8, "Q", struct.unpack_from("<Q", path.read_bytes(), at + 8)[0] - 40)


def move_init(path: Path) -> None:
    write(path, find_entry(path, 12) + 8, "Q", 0x1010)


def rename_symbol(path: Path) -> None:
    data = path.read_bytes()
    start, size = find_section(path, ".dynstr")
    write(path, data.index(b"answer\0", start, start + size), "B", ord("A"))


def rename_soname(path: Path) -> None:
    data = path.read_bytes()
    start, size = find_section(path, ".dynstr")
    write(path, data.index(b"libx.so.1", start, start + size), "B", ord("y"))


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (flip(".text"), "content"),
        (flip(".eh_frame"), "content"),
        (flip(".data"), "content"),
        (flip(".dynsym"), "symbols"),
        (flip(".rela.dyn"), "symbols"),
        (flip(".gnu.hash"), "symbols"),
        (flip(".note.gnu.build-id"), "segment"),
        (flip(".symtab"), "section"),
        (flip(".comment"), "section"),
        (flip(".init_array"), "content"),
        (misalign, "load"),
        (shift_load, "load"),
        (make_executable, "load"),
        (allow_stack, "segment"),
        (move_note, "segment"),
        (drop_sections, "section"),
        (drop_needed, "dynamic"),
        (retag, "tag"),
        (shorten_strings, "strings"),
        (move_init, "dynamic"),
        (rename_symbol, "symbols"),
        (rename_soname, "dynamic"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_damage_is_seen(pair: tuple[Path, Path], damage: Callable[[Path], None], check: str) -> None:
    old, new = pair
    damage(new)
    assert check in checks(old, new)
    assert check in checks(old, new, EDIT)


def test_other_run_path_than_expected(pair: tuple[Path, Path]) -> None:
    assert "run-path" in checks(*pair, ElfEdit(run_path=("/other",)))
    assert "run-path" in checks(*pair, ElfEdit(run_path=()))
    assert "run-path" in checks(*pair, ElfEdit())


def test_other_needs_than_expected(pair: tuple[Path, Path]) -> None:
    old, new = pair
    apply_edit(new, ElfEdit(add_needed=("libz.so.1",)))
    assert checks(old, new) == {"dynamic"}
    assert verify(old, new, ElfEdit(run_path=LONG, add_needed=("libz.so.1",))) == ()


def test_bytes_of_others_in_the_string_table(pair: tuple[Path, Path]) -> None:
    """A name for debuggers alone is no name of a symbol, and still none of an editor's business."""
    old, new = pair
    start, size = find_section(new, ".dynstr")
    at = new.read_bytes().index(b"GLIBC_", start, start + size) if b"GLIBC_" in new.read_bytes() else 0
    assert at
    write(new, at, "B", ord("X"))
    assert checks(old, new, EDIT) & {"symbols", "strings"}


def test_patchelf_changes_the_tag_and_nothing_else(pair: tuple[Path, Path]) -> None:
    old, new = pair
    shutil.copyfile(old, new)
    subprocess.run(["patchelf", "--set-rpath", "/short", new], check=True)
    assert checks(old, new) == {"tag"}
    shutil.copyfile(old, new)
    subprocess.run(["patchelf", "--force-rpath", "--set-rpath", "/short", new], check=True)
    assert checks(old, new) == set()


def test_strip_of_an_edited_file_is_what_strip_makes_of_the_original(pair: tuple[Path, Path]) -> None:
    old, new = pair
    for path in pair:
        subprocess.run(["strip", path], check=True)
    assert verify(old, new) == ()


def test_what_is_no_elf_file(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    text = tmp_path / "text"
    text.write_text("not one")
    with pytest.raises(ElfError):
        verify(pair[0], text)
    with pytest.raises(InputError, match="no such file"):
        verify(tmp_path / "none", pair[1])
    with pytest.raises(InputError, match="no regular file"):
        verify(tmp_path, pair[1])


def test_other_file_altogether(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    other = tmp_path / "other"
    other.write_bytes(Path("/bin/true").read_bytes())
    assert checks(pair[0], other) == {"header"}


def test_truncated_files_are_a_problem_or_an_error(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    old, new = pair
    data = new.read_bytes()
    for size in range(0, len(data) - 1, 211):
        new.write_bytes(data[:size])
        try:
            problems = verify(old, new, EDIT)
        except ElfError:
            continue
        assert problems


@given(places=st.lists(st.tuples(st.integers(0, 0x3FF), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_nothing_happened_to_a_damaged_file_that_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, places: list[tuple[int, int]]
) -> None:
    directory = tmp_path_factory.getbasetemp() / "same"
    if not directory.exists():
        directory.mkdir()
        build_elf(directory, "x.so", soname="x.so", needed=["libc.so.6"], runpath=["/x"])
    data = bytearray((directory / "x.so.build" / "x.so").read_bytes())
    for at, value in places:
        data[at] = value
    old, new = directory / "old.so", directory / "new.so"
    old.write_bytes(data)
    new.write_bytes(data)
    for path in (old, new):
        with suppress(ElfError):  # it is said to be damaged, and not to have been damaged by an edit
            assert verify(old, path) == ()
