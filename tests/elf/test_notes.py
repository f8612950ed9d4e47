from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.elf import build_elf
from wheelfix.elf.header import read_header
from wheelfix.elf.notes import NT_GNU_PROPERTY, Note, find_traits, parse_notes
from wheelfix.elf.stream import ForwardReader
from wheelfix.elf.watch import Watch
from wheelfix.model.elf import ElfTraits


def traits(data: bytes) -> ElfTraits:
    watch = Watch()
    watch.feed(data)
    return watch.result("demo.so").traits


def test_plain_library_has_nothing_special(tmp_path: Path) -> None:
    assert traits(build_elf(tmp_path, "libx.so")) == ElfTraits(
        path="demo.so", machine="x86_64", page_size=4096
    )


@pytest.mark.parametrize("flag", ["x86-64-v2", "x86-64-v3", "x86-64-v4"])
def test_isa_level_the_linker_records(tmp_path: Path, flag: str) -> None:
    data = build_elf(tmp_path, "libx.so", flags=[f"-Wl,-z,{flag}"])
    assert traits(data).isa == flag
    shown = subprocess.run(
        ["readelf", "-n", str(tmp_path / "libx.so.build" / "libx.so")],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert flag in shown


@pytest.mark.parametrize(
    ("bits", "level"),
    [(0, None), (1, "x86-64-baseline"), (3, "x86-64-v2"), (8, "x86-64-v4"), (1 << 8, None)],
)
def test_isa_bits_of_the_property(bits: int, level: str | None) -> None:
    other = struct.pack("<IIII", 0xC0000002, 4, 3, 0)  # IBT and SHSTK, padded to 8
    note = Note(b"GNU", NT_GNU_PROPERTY, other + struct.pack("<IIII", 0xC0008002, 4, bits, 0))
    assert find_traits("x", read_header("x", make_reader()), [note], b"").isa == level


def make_reader() -> ForwardReader:
    """An x86-64 library without program headers."""
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0, 64, 0, 0, 64, 56, 0, 64, 0, 0)
    return ForwardReader(lambda: iter([head]), size=len(head))


def test_executable_stack(tmp_path: Path) -> None:
    assert traits(build_elf(tmp_path, "libx.so", flags=["-Wl,-z,execstack"])).executable_stack
    assert not traits(build_elf(tmp_path, "liby.so", flags=["-Wl,-z,noexecstack"])).executable_stack


@pytest.mark.parametrize("dtags", ["--enable-new-dtags", "--disable-new-dtags"])
def test_text_relocations(tmp_path: Path, dtags: str) -> None:
    source = tmp_path / "abs.s"
    source.write_text(".text\n.globl f\nf: movabs $outside, %rax\nret\n.section .note.GNU-stack\n")
    data = build_elf(tmp_path, "libx.so", flags=[str(source), "-Wl,-z,notext", f"-Wl,{dtags}"])
    assert traits(data).text_relocations


@pytest.mark.parametrize("size", [4096, 16384, 65536])
def test_page_size(tmp_path: Path, size: int) -> None:
    assert traits(build_elf(tmp_path, "libx.so", flags=[f"-Wl,-z,max-page-size={size}"])).page_size == size


def test_facts_of_a_file_without_section_headers(tmp_path: Path) -> None:
    data = bytearray(build_elf(tmp_path, "libx.so", flags=["-Wl,-z,execstack", "-Wl,-z,x86-64-v3"]))
    struct.pack_into("<Q", data, 40, 0)
    struct.pack_into("<HHH", data, 58, 0, 0, 0)
    found = traits(bytes(data))
    assert (found.isa, found.executable_stack) == ("x86-64-v3", True)


def make_note(owner: bytes, kind: int, description: bytes, *, order: str = "<", align: int = 4) -> bytes:
    head = struct.pack(f"{order}III", len(owner) + 1, len(description), kind) + owner + b"\0"
    head += bytes(-len(head) % align)
    return head + description + bytes(-len(description) % align)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("align", [4, 8])
def test_notes_are_split_at_their_padding(order: str, align: int) -> None:
    notes = [
        Note(b"GNU", 3, b"12345"),
        Note(b"Linux", 1, b""),
        Note(b"A", 7, b"123456789"),
        Note(b"FDO", 7, b"x"),
    ]
    data = b"".join(make_note(n.owner, n.type, n.description, order=order, align=align) for n in notes)
    assert list(parse_notes(data, order=order, align=align)) == notes
    # Whatever the table says besides 8 means 4, as binutils and glibc read it.
    if align == 4:
        assert list(parse_notes(data, order=order, align=1)) == notes


def test_note_that_runs_past_the_end_ends_the_list() -> None:
    good = make_note(b"GNU", 3, b"1234")
    bad = struct.pack("<III", 4, 1 << 30, 5) + b"GNU\0"
    assert list(parse_notes(good + bad, order="<", align=4)) == [Note(b"GNU", 3, b"1234")]


@given(st.binary(max_size=200), st.sampled_from([0, 1, 4, 8, 1 << 40]))
def test_any_bytes_are_survived_as_notes(data: bytes, align: int) -> None:
    list(parse_notes(data, order="<", align=align))


@given(description=st.binary(max_size=60), dynamic=st.binary(max_size=60))
def test_any_bytes_are_survived_as_properties(description: bytes, dynamic: bytes) -> None:
    header = read_header("x", make_reader())
    find_traits("x", header, [Note(b"GNU", NT_GNU_PROPERTY, description)], dynamic)
