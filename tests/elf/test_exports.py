from __future__ import annotations

import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.elf.exports import read_symbols
from wheelfix.elf.stream import ForwardReader
from wheelfix.errors import ElfError
from wheelfix.model.elf import Symbols

IDENT = b"\x7fELF\2\1\1"
SCRIPT = "V_1 { global: one; two; local: *; };\nV_2 { global: two_new; } V_1;\n"
SOURCE = """
int one(void) { return 1; }
int two_old(void) { return 2; }
int two_newer(void) { return 22; }
int two_new(void) { return 3; }
int hidden(void) { return 4; }
__asm__(".symver two_old, two@V_1");
__asm__(".symver two_newer, two@@V_2");
"""


def read(data: bytes, *, step: int = 4096) -> Symbols:
    def chunks() -> Iterator[bytes]:
        return iter([data[at : at + step] for at in range(0, len(data), step)])

    return read_symbols("demo.so", ForwardReader(chunks, size=len(data)))


def link(directory: Path, name: str, source: str, *flags: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    code = directory / f"{name}.c"
    code.write_text(source)
    path = directory / name
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", str(path), str(code), *flags], check=True, capture_output=True
    )
    return path


def build_provider(directory: Path, *flags: str, script: str = SCRIPT, source: str = SOURCE) -> Path:
    (directory / "script").write_text(script)
    return link(
        directory,
        "libv.so.1",
        source,
        "-nostdlib",
        f"-Wl,--version-script={directory / 'script'}",
        "-Wl,-soname,libv.so.1",
        *flags,
    )


def find_library(name: str) -> Path:
    """A library of the compiler or the C library on this machine."""
    command = ["gcc", f"-print-file-name={name}"]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_provider(tmp_path_factory.mktemp("provider"))


@pytest.mark.parametrize("hash_style", ["gnu", "sysv", "both"])
def test_versions_and_symbols_of_a_version_script(tmp_path: Path, hash_style: str) -> None:
    symbols = read(build_provider(tmp_path, f"-Wl,--hash-style={hash_style}").read_bytes())
    assert (symbols.soname, symbols.machine) == ("libv.so.1", "x86_64")
    assert symbols.versions == {"V_1", "V_2"}
    functions = {pair for pair in symbols.exports if not pair[0].startswith("V_")}
    assert functions == {("one", "V_1"), ("two", "V_1"), ("two", "V_2"), ("two_new", "V_2")}
    assert symbols.wants == ()


def test_library_without_versions(tmp_path: Path) -> None:
    symbols = read(link(tmp_path, "libp.so", "int one(void) { return 1; }", "-nostdlib").read_bytes())
    assert symbols.versions == frozenset()
    assert symbols.exports == {("one", None)}


def test_wants_name_the_soname_and_the_version(tmp_path: Path, provider: Path) -> None:
    user = link(
        tmp_path,
        "user.so",
        "int one(void); int two_new(void); extern int maybe(void) __attribute__((weak));\n"
        "#include <stdio.h>\n"
        'int use(void) { return one() + two_new() + (maybe ? maybe() : 0) + printf("x"); }',
        str(provider),
    )
    wants = {w.soname: w for w in read(user.read_bytes()).wants}
    assert wants["libv.so.1"].versions == ("V_1", "V_2")
    assert wants["libv.so.1"].symbols == (("one", "V_1"), ("two_new", "V_2"))
    assert wants["libc.so.6"].symbols == (("printf", "GLIBC_2.2.5"),)  # weak __cxa_finalize left out


def test_library_that_exports_nothing_still_tells_its_wants(tmp_path: Path, provider: Path) -> None:
    # With nothing hashed, DT_GNU_HASH does not say how many symbols there are.
    (tmp_path / "none").write_text("{ local: *; };")
    user = link(
        tmp_path,
        "user.so",
        "int one(void); static int use(void) { return one(); } int (*volatile keep)(void) = use;",
        str(provider),
        "-nostdlib",
        "-Wl,--hash-style=gnu",
        f"-Wl,--version-script={tmp_path / 'none'}",
    )
    (wants,) = read(user.read_bytes()).wants
    assert wants.symbols == (("one", "V_1"),)


@pytest.mark.parametrize("library", ["libc.so.6", "libstdc++.so.6", "libm.so.6"])
def test_same_symbols_as_readelf(library: str) -> None:
    path = find_library(library)
    shown = subprocess.run(
        ["readelf", "-W", "--dyn-syms", str(path)], check=True, capture_output=True, text=True
    ).stdout
    exports, wants = set(), set()
    for line in shown.splitlines():
        fields = line.split()
        if len(fields) < 8 or fields[4] not in {"GLOBAL", "WEAK", "UNIQUE"} or fields[6] == "ABS":
            continue
        name, _, version = fields[7].replace("@@", "@").partition("@")
        if fields[6] != "UND":
            exports.add((name, version or None))
        elif version and fields[4] != "WEAK":
            wants.add((name, version))
    symbols = read(path.read_bytes(), step=1 << 20)
    assert {pair for pair in symbols.exports if pair[0] not in symbols.versions} == exports
    assert {pair for want in symbols.wants for pair in want.symbols} == wants


def test_file_without_section_headers(provider: Path) -> None:
    data = bytearray(provider.read_bytes())
    before = read(bytes(data))
    struct.pack_into("<Q", data, 40, 0)
    struct.pack_into("<HHH", data, 58, 0, 0, 0)
    assert read(bytes(data)) == before


def test_static_file_has_no_symbols(tmp_path: Path) -> None:
    source = tmp_path / "a.c"
    source.write_text("int x;")
    subprocess.run(["gcc", "-c", str(source), "-o", str(tmp_path / "a.o")], check=True)
    symbols = read((tmp_path / "a.o").read_bytes())
    assert (symbols.exports, symbols.wants) == (frozenset(), ())


def test_debug_file_has_no_symbols(tmp_path: Path, provider: Path) -> None:
    subprocess.run(["objcopy", "--only-keep-debug", str(provider), str(tmp_path / "d")], check=True)
    assert read((tmp_path / "d").read_bytes()).exports == frozenset()


def test_hash_table_of_s390x_has_wide_entries() -> None:
    names = b"\0first\0second\0"
    symtab, strtab, hashes = 0x200, 0x300, 0x180
    data = bytearray(strtab) + names
    ident = b"\x7fELF\2\2\1"
    struct.pack_into(">16sHHIQQQIHHHHHH", data, 0, ident, 3, 22, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    struct.pack_into(">IIQQQQQQ", data, 64, 1, 4, 0, 0, 0, len(data), len(data), 4096)
    struct.pack_into(">IIQQQQQQ", data, 120, 2, 4, 0x120, 0x120, 0, 80, 80, 8)
    struct.pack_into(">10Q", data, 0x120, 4, hashes, 6, symtab, 5, strtab, 10, len(names), 0, 0)
    struct.pack_into(">QQ", data, hashes, 1, 3)
    for slot, name in ((1, 1), (2, 7)):
        struct.pack_into(">IBBHQQ", data, symtab + slot * 24, name, 0x12, 0, 1, 0, 0)
    symbols = read(bytes(data))
    assert symbols.machine == "s390x"
    assert symbols.exports == {("first", None), ("second", None)}


def test_cut_file_is_refused(provider: Path) -> None:
    data = provider.read_bytes()
    with pytest.raises(ElfError, match="runs past the end"):
        read(data[:600])


@given(changes=st.lists(st.tuples(st.integers(0, 2**20), st.integers(0, 255)), min_size=1, max_size=30))
def test_damage_is_an_error_or_another_answer(provider: Path, changes: list[tuple[int, int]]) -> None:
    data = bytearray(provider.read_bytes())
    for at, value in changes:
        data[at % len(data)] = value
    try:
        read(bytes(data))
    except ElfError as error:
        assert error.subject == "demo.so"  # noqa: PT017 - either outcome is right


@given(
    tags=st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from([0, 1, 0x100, 0x7FFFFFFF, 2**63, 2**64 - 1])),
        min_size=1,
    )
)
def test_dynamic_section_of_a_liar(provider: Path, tags: list[tuple[int, int]]) -> None:
    data = bytearray(provider.read_bytes())
    start = _find_dynamic(data)
    for slot, value in tags:
        struct.pack_into("<Q", data, start + slot * 16 + 8, value)
    try:
        read(bytes(data))
    except ElfError as error:
        assert error.subject == "demo.so"  # noqa: PT017


def test_names_that_overlap_without_end_are_refused() -> None:
    # 60 000 symbols, each named by another tail of the same megabyte.
    count, size = 60_000, 1 << 20
    symtab, strtab, hashes = 0x1000, 0x1000 + count * 24, 0x800
    tags = [(4, hashes), (6, symtab), (5, strtab), (10, size), (0, 0)]
    data = bytearray(strtab + size)
    struct.pack_into(
        "<16sHHIQQQIHHHHHH", data, 0, b"\x7fELF\2\1\1", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0
    )
    struct.pack_into("<IIQQQQQQ", data, 64, 1, 4, 0, 0, 0, len(data), len(data), 4096)
    struct.pack_into("<IIQQQQQQ", data, 120, 2, 4, 0x400, 0x400, 0, 80, 80, 8)
    struct.pack_into("<10Q", data, 0x400, *[word for tag in tags for word in tag])
    struct.pack_into("<II", data, hashes, 1, count)
    for at in range(count):
        struct.pack_into("<IBBHQQ", data, symtab + at * 24, at + 1, 0x12, 0, 1, 0, 0)
    data[strtab:] = b"\0" + b"x" * (size - 2) + b"\0"
    with pytest.raises(ElfError, match="overlap"):
        read(bytes(data), step=1 << 20)


def _find_dynamic(data: bytes | bytearray) -> int:
    for at in range(64, 64 + 56 * 12, 56):
        kind, _, offset = struct.unpack_from("<IIQ", data, at)
        if kind == 2:
            return int(offset)
    raise AssertionError
