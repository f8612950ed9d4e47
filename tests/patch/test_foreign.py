"""A big-endian machine of 32 bits, whose dynamic section is read-only and knows its own address."""

from __future__ import annotations

import io
import shutil
import struct
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from tests.support.patch import LONG, edit_checked, read
from tests.support.real import FIXTURES
from wheelfix.patch.edit.apply import revert_edit
from wheelfix.patch.model import ElfEdit
from wheelfix.patch.verify import verify


def find_debug_map(path: Path) -> int:
    """The address that DT_MIPS_RLD_MAP_REL leads to, from the address of the entry itself."""
    elf = ELFFile(io.BytesIO(path.read_bytes()))
    dynamic = next(s for s in elf.iter_segments() if s["p_type"] == "PT_DYNAMIC")
    for index, tag in enumerate(dynamic.iter_tags()):
        if tag.entry.d_tag == "DT_MIPS_RLD_MAP_REL":
            return int(dynamic["p_vaddr"] + 8 * index + tag.entry.d_val) % (1 << 32)
    raise AssertionError(path)


@pytest.mark.parametrize("name", ["mips-program", "mips-library.so"])
def test_edits_of_a_foreign_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    shutil.copyfile(FIXTURES / "elf" / name, path)
    plain = path.read_bytes()
    edits = [ElfEdit(run_path=entries) for entries in (("/a",), LONG, (*LONG, "/b"), ("/c",), ())]
    edits += [ElfEdit(add_needed=(f"lib{n}.so.1",), run_path=LONG) for n in range(6)]
    done = [edit_checked(path, edit) for edit in edits]
    assert (read(path).bits, read(path).machine) == (32, "mips")
    assert read(path).rpath + read(path).runpath == LONG
    assert read(path).needed == tuple(f"lib{n}.so.1" for n in range(6))
    for applied in reversed(done):
        revert_edit(path, applied)
    assert path.read_bytes() == plain


def test_dynamic_section_that_moves_still_leads_the_debugger_home(tmp_path: Path) -> None:
    path, old = tmp_path / "program", FIXTURES / "elf" / "mips-program"
    shutil.copyfile(old, path)
    home = find_debug_map(path)
    applied = edit_checked(path, ElfEdit(run_path=LONG, add_needed=("liba.so.1", "libb.so.1")))
    assert applied.method == "spare"  # the linker leaves a PT_NULL on this machine
    assert find_debug_map(path) == home
    edit_checked(path, ElfEdit(run_path=()))
    edit_checked(path, ElfEdit(remove_needed=("liba.so.1",)))
    assert find_debug_map(path) == home


def test_verifier_sees_where_the_debugger_is_led(tmp_path: Path) -> None:
    path, old = tmp_path / "program", FIXTURES / "elf" / "mips-program"
    data = bytearray(old.read_bytes())
    at = data.index(struct.pack(">I", 0x70000035))
    struct.pack_into(">I", data, at + 4, struct.unpack_from(">I", data, at + 4)[0] + 8)
    path.write_bytes(data)
    assert [p.message for p in verify(old, path)] == ["DT_MIPS_RLD_MAP_REL leads somewhere else"]
