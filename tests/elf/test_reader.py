from __future__ import annotations

import struct
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile

from tests.support.elf import build_elf
from wheelfix.elf.reader import read_elf
from wheelfix.errors import ElfError
from wheelfix.model.elf import ElfObject


def read(data: bytes, *, step: int = 4096) -> ElfObject:
    return read_elf(
        "demo.so", lambda: iter([data[i : i + step] for i in range(0, len(data), step)]), size=len(data)
    )


def test_library_with_runpath(tmp_path: Path) -> None:
    data = build_elf(
        tmp_path,
        "libx.so.1.2",
        soname="libx.so.1",
        needed=["libb.so.2", "liba.so.1"],
        runpath=["$ORIGIN/../l", "/y"],
    )
    obj = read(data)
    assert obj.machine == "x86_64"
    assert obj.bits == 64
    assert obj.soname == "libx.so.1"
    assert obj.needed[:2] == ("libb.so.2", "liba.so.1")  # file order, as the loader walks it
    assert obj.runpath == ("$ORIGIN/../l", "/y")
    assert obj.rpath == ()
    assert not obj.executable
    assert obj.interpreter is None


def test_rpath_and_runpath_are_told_apart(tmp_path: Path) -> None:
    obj = read(build_elf(tmp_path, "libx.so", rpath=["$ORIGIN"]))
    assert (obj.rpath, obj.runpath) == (("$ORIGIN",), ())


def test_program_has_an_interpreter(tmp_path: Path) -> None:
    obj = read(build_elf(tmp_path, "prog", executable=True))
    assert obj.executable
    assert obj.interpreter == "/lib64/ld-linux-x86-64.so.2"
    assert [v.soname for v in obj.versions] == ["libc.so.6"]
    assert "GLIBC_2.34" in obj.versions[0].versions


def test_private_symbols_that_are_required(tmp_path: Path) -> None:
    code = """
    extern int fill_window(void), inflate(void);
    extern int longest_match(void) __attribute__((weak));
    int z_errmsg(void) { return fill_window() + inflate() + (longest_match ? longest_match() : 0); }
    """
    obj = read(build_elf(tmp_path, "z.so", needed=["libz.so.1"], code=code))
    assert obj.private == ("fill_window",)  # one is weak, one is its own, one is public
    assert read(build_elf(tmp_path, "y.so", needed=["liby.so.1"], code=code)).private == ()


def test_symbols_that_cannot_be_read_are_no_symbols(tmp_path: Path) -> None:
    data = bytearray(build_elf(tmp_path, "z.so", needed=["libz.so.1"]))
    elf = ELFFile(BytesIO(bytes(data)))
    dynamic = next(s for s in elf.iter_segments() if isinstance(s, DynamicSegment))
    number = next(n for n, tag in enumerate(dynamic.iter_tags()) if tag.entry.d_tag == "DT_SYMTAB")
    struct.pack_into("<Q", data, dynamic["p_offset"] + 16 * number + 8, 1 << 40)
    obj = read(bytes(data))
    assert obj.private is None
    assert "libz.so.1" in obj.needed


def test_private_symbols_of_glibc(tmp_path: Path) -> None:
    code = """
    extern int __cxa_thread_atexit_impl(void);
    int use(void) { return __cxa_thread_atexit_impl(); }
    """
    obj = read(build_elf(tmp_path, "s.so", code=code))
    assert obj.private == ("__cxa_thread_atexit_impl",)
    # As Rust has it: the version is asked for, and the symbol is not required.
    weak = code.replace("(void);\n", "(void) __attribute__((weak));\n", 1)
    obj = read(build_elf(tmp_path, "w.so", code=weak))
    assert obj.private == ()
    assert "GLIBC_2.18" in obj.versions[0].versions


def test_versions_that_a_library_may_lack(tmp_path: Path) -> None:
    data = bytearray(
        build_elf(tmp_path, "w.so", code='#include <stdio.h>\nint use(void) { return puts(""); }')
    )
    assert read(bytes(data)).versions[0].weak == ()
    start = ELFFile(BytesIO(bytes(data))).get_section_by_name(".gnu.version_r")["sh_offset"]
    (aux,) = struct.unpack_from("<I", data, start + 8)
    struct.pack_into("<H", data, start + aux + 4, 2)  # VER_FLG_WEAK in vna_flags of the first
    (need,) = read(bytes(data)).versions
    assert need.weak == need.versions == ("GLIBC_2.2.5",)


def test_static_program_has_no_needs(tmp_path: Path) -> None:
    obj = read(build_elf(tmp_path, "prog", executable=True, flags=["-static"]))
    assert (obj.dynamic, obj.needed, obj.executable) == (False, (), True)


def test_relocatable_object_is_read_and_has_no_needs(tmp_path: Path) -> None:
    source = tmp_path / "a.c"
    source.write_text("int x;")
    subprocess.run(["gcc", "-c", str(source), "-o", str(tmp_path / "a.o")], check=True)
    assert read((tmp_path / "a.o").read_bytes()).dynamic is False


def test_file_without_section_headers_is_read_all_the_same(tmp_path: Path) -> None:
    data = bytearray(build_elf(tmp_path, "libx.so", soname="libx.so.1", needed=["liba.so.1"]))
    struct.pack_into("<Q", data, 40, 0)  # e_shoff
    struct.pack_into("<HHH", data, 58, 0, 0, 0)  # e_shentsize, e_shnum, e_shstrndx
    assert read(bytes(data)).needed[0] == "liba.so.1"


def test_debug_file_has_no_needs(tmp_path: Path) -> None:
    build_elf(tmp_path, "libx.so", needed=["liba.so.1"], flags=["-g"])
    built = tmp_path / "libx.so.build" / "libx.so"
    subprocess.run(["objcopy", "--only-keep-debug", str(built), str(tmp_path / "d")], check=True)
    assert read((tmp_path / "d").read_bytes()).needed == ()


def test_string_table_moved_to_the_end_by_patchelf(tmp_path: Path) -> None:
    build_elf(tmp_path, "libx.so", soname="libx.so.1", needed=["liba.so.1"])
    built = tmp_path / "libx.so.build" / "libx.so"
    long_path = ":".join(f"$ORIGIN/{'d' * 50}{i}" for i in range(40))
    subprocess.run(["patchelf", "--set-rpath", long_path, str(built)], check=True)
    obj = read(built.read_bytes())
    assert obj.soname == "libx.so.1"
    assert len(obj.runpath) == 40


@pytest.mark.parametrize("step", [1, 7, 64, 1 << 20])
def test_chunk_size_makes_no_difference(tmp_path: Path, step: int) -> None:
    data = build_elf(tmp_path, "prog", executable=True, needed=["liba.so.1"], runpath=["$ORIGIN"])
    assert read(data, step=step) == read(data)


def test_agrees_with_pyelftools_on_this_machine() -> None:
    """A second opinion on whatever libraries the machine has."""
    files = sorted(Path("/usr/lib/x86_64-linux-gnu").glob("lib*.so*"))[:150]
    checked = 0
    for file in files:
        data = file.read_bytes()
        if data[:4] != b"\x7fELF":
            continue
        checked += 1
        elf = ELFFile(BytesIO(data))
        tags = [t for s in elf.iter_segments() if isinstance(s, DynamicSegment) for t in s.iter_tags()]
        obj = read(data, step=1 << 20)
        assert obj.needed == tuple(t.needed for t in tags if t.entry.d_tag == "DT_NEEDED")
        assert obj.soname == next((t.soname for t in tags if t.entry.d_tag == "DT_SONAME"), None)
        section = elf.get_section_by_name(".gnu.version_r")
        wanted = (
            sorted((n.name, a.name) for n, aux in section.iter_versions() for a in aux) if section else []
        )
        assert sorted((v.soname, name) for v in obj.versions for name in v.versions) == wanted
    assert checked > 20


def test_wild_program_header_offset_names_the_file(tmp_path: Path) -> None:
    data = bytearray(build_elf(tmp_path, "libx.so"))
    struct.pack_into("<Q", data, 32, 1 << 60)
    with pytest.raises(ElfError, match=r"demo\.so: program header table at offset 0x1000000000000000"):
        read(bytes(data))


def test_wild_dynamic_offset(tmp_path: Path) -> None:
    data = bytearray(build_elf(tmp_path, "libx.so"))
    phoff, phnum = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
    for at in range(phoff, phoff + 56 * phnum, 56):
        if struct.unpack_from("<I", data, at)[0] == 2:
            struct.pack_into("<Q", data, at + 8, 1 << 40)
    with pytest.raises(ElfError, match="dynamic section at offset"):
        read(bytes(data))


def test_version_needs_that_overlap_end_with_an_error(tmp_path: Path) -> None:
    data = bytearray(build_elf(tmp_path, "prog", executable=True))
    elf = ELFFile(BytesIO(bytes(data)))
    section = elf.get_section_by_name(".gnu.version_r")
    at = section["sh_offset"]
    struct.pack_into("<HHIII", data, at, 1, 65535, 0, 16, 1)
    struct.pack_into("<IHHII", data, at + 16, 0, 0, 0, 0, 1)
    with pytest.raises(ElfError):
        read(bytes(data))


@pytest.mark.parametrize("size", [4, 15, 16, 40, 63])
def test_truncated_header(tmp_path: Path, size: int) -> None:
    with pytest.raises(ElfError):
        read(build_elf(tmp_path, "libx.so")[:size])


def test_truncated_anywhere_is_an_error_or_a_result(tmp_path: Path) -> None:
    data = build_elf(tmp_path, "prog", executable=True, needed=["liba.so.1"])
    for size in range(4, len(data), 97):
        try:
            read(data[:size])
        except ElfError:
            continue
