from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.elf import build_elf
from wheelfix.elf.dlopen import FATBIN_MAGIC, NT_FDO_DLOPEN, StringScanner, parse_dlopen_notes
from wheelfix.elf.notes import Note
from wheelfix.elf.reader import read_elf
from wheelfix.elf.watch import Watch
from wheelfix.model.hints import DlopenNote, ElfHints


def scan(*chunks: bytes) -> tuple[str, ...]:
    scanner = StringScanner()
    for chunk in chunks:
        scanner.feed(chunk)
    return scanner.result()


def watch(data: bytes, *, step: int = 5000) -> ElfHints:
    seen = Watch()
    for at in range(0, len(data), step):
        seen.feed(data[at : at + step])
    return seen.result("demo.so")


USE = b"\0dlopen\0"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\0libx.so.1\0", ("libx.so.1",)),
        (b"libx.so\0", ("libx.so",)),
        (b"\0libx.so", ("libx.so",)),
        (b"\0libstdc++.so.6\0", ("libstdc++.so.6",)),
        (b"\0/usr/lib/libx.so.6\0", ("/usr/lib/libx.so.6",)),
        (b"\0libx-1.0.so.0.3\0liby.so\0", ("libx-1.0.so.0.3", "liby.so")),
        (b"\0cannot open libx.so.1\0", ()),
        (b"\0libx.so.%d\0", ()),
        (b"\0libx.so.1 failed\0", ()),
        (b"\0x.so\0", ()),
        (b"\0libx.sock\0", ()),
        (b"\0.so\0lib.so\0", ()),
        (b"\0lib" + b"x" * 5000 + b".so\0", ()),
        (b"\0lib\xc3\xa4.so\0", ()),
    ],
)
def test_strings_that_are_exactly_a_soname(data: bytes, found: tuple[str, ...]) -> None:
    assert scan(data + b"\0", USE) == found
    assert scan(USE, data) == found
    assert scan(data) == ()  # without dlopen no string means anything


def test_dlopen_as_the_tail_of_another_symbol() -> None:
    assert scan(b"\0my_dlopen\0\0liba.so\0") == ("liba.so",)
    assert scan(b"\0dlmopen\0liba.so\0") == ("liba.so",)
    assert scan(b"\0fdopen\0dlopened\0liba.so\0") == ()


@given(st.data())
def test_chunk_borders_do_not_matter(data: st.DataObject) -> None:
    pieces = st.sampled_from(
        [
            b"\0",
            b"lib",
            b"libx.so.1\0",
            b"\0dlopen\0",
            b".so",
            b".so.",
            b"/usr/lib/",
            b"y",
            b"\0liby.so\0",
            b"\xff" * 600,
        ]
    )
    stream = b"".join(data.draw(st.lists(pieces, max_size=30)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=30)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert scan(*chunks) == scan(stream)


@given(st.binary(max_size=2000), st.integers(1, 50))
def test_any_bytes_are_survived(data: bytes, step: int) -> None:
    scanner = StringScanner()
    scanner.restart(size=1 << 30)
    for at in range(0, len(data), step):
        scanner.feed((FATBIN_MAGIC + data)[at : at + step])
    scanner.result()


def fatbin(size: int, inside: bytes) -> bytes:
    return FATBIN_MAGIC + b"\1\0\x10\0" + size.to_bytes(8, "little") + inside.ljust(size, b"\xaa")


@pytest.mark.parametrize("step", [100, 4096, 1 << 20])
def test_gpu_code_is_stepped_over(step: int) -> None:
    stream = (
        b"\0liba.so\0" + fatbin(5000, b"\0libno.so\0") * 3 + b"\0libb.so\0" + fatbin(40, b"") + b"\0libc.so\0"
    )
    scanner = StringScanner()
    scanner.restart(size=1 << 30)
    scanner.feed(USE)
    for at in range(0, len(stream), step):
        scanner.feed(stream[at : at + step])
    assert {"liba.so", "libb.so", "libc.so"} <= set(scanner.result())
    assert "libno.so" not in scanner.result()


def test_container_that_claims_everything_ends_with_its_range() -> None:
    scanner = StringScanner()
    scanner.restart(size=1 << 30)
    scanner.feed(USE + fatbin(0, b"")[:8] + b"\xff" * 8)
    scanner.feed(b"\0libno.so\0")
    scanner.restart(size=100)
    scanner.feed(b"\0liba.so\0")
    assert scanner.result() == ("liba.so",)


def test_many_strings_take_bounded_time_and_memory() -> None:
    chunk = b"\0".join(b"lib%d.so" % i for i in range(20_000))
    assert len(scan(USE, *[chunk] * 40)) == 4096
    assert scan(USE, *[b".so" * 300_000] * 10) == ()


SOURCE = """
#include <dlfcn.h>
void *open_it(void) { return dlopen("libquux.so.3", RTLD_NOW); }
const char *names[] = {"libquux-extra.so", "/opt/lib/libabs.so.1", "opening libnot.so.1 failed"};
"""


def build_library(tmp_path: Path, source: str, *flags: str) -> bytes:
    extra = tmp_path / "extra.c"
    extra.write_text(source)
    return build_elf(tmp_path, "libdemo.so", needed=["libneeded.so.7"], flags=[str(extra), *flags])


@pytest.mark.parametrize(
    "flags", [(), ("-Wl,-z,noseparate-code",), ("-Wl,-z,separate-code",), ("-Wl,--gc-sections",)]
)
@pytest.mark.parametrize("step", [100, 5000, 1 << 20])
def test_strings_of_a_real_library(tmp_path: Path, flags: tuple[str, ...], step: int) -> None:
    found = watch(build_library(tmp_path, SOURCE, *flags), step=step).strings
    assert set(found) >= {"libquux.so.3", "libquux-extra.so", "/opt/lib/libabs.so.1", "libneeded.so.7"}
    assert not any("libnot" in name for name in found)


def test_library_that_does_not_use_dlopen_has_no_strings(tmp_path: Path) -> None:
    assert watch(build_library(tmp_path, 'const char *name = "libquux.so.3";')).strings == ()


DOCUMENT = [
    {
        "soname": ["libtss2-esys.so.0"],
        "feature": "tpm",
        "description": "TPM2 support",
        "priority": "suggested",
    }
]


GPU_CODE = """
__asm__(".pushsection .rodata\\n.asciz \\"\\"\\n.asciz \\"libbefore.so\\"\\n.balign 8\\n"
        ".long 0xba55ed50\\n.short 1, 16\\n.quad 3f-2f\\n2: .zero 33554432\\n"
        ".asciz \\"libinside.so\\"\\n3: .asciz \\"libbehind.so\\"\\n.popsection");
"""


def test_gpu_code_of_a_real_library_is_stepped_over(tmp_path: Path) -> None:
    found = watch(build_library(tmp_path, SOURCE + GPU_CODE), step=1 << 20).strings
    assert {"libbefore.so", "libbehind.so"} <= set(found)
    assert "libinside.so" not in found


def write_note(document: object) -> str:
    """C source of a note, as systemd's macros write it."""
    text = json.dumps(json.dumps(document))  # quoted for the assembler
    lines = [
        '.pushsection .note.dlopen, "a", %note',
        ".balign 4",
        ".long 4, 2f-1f, 0x407c0c0a",
        '.asciz "FDO"',
        f"1: .asciz {text}",
        "2: .balign 4",
        ".popsection",
    ]
    return "__asm__(" + "\n".join(json.dumps(line + "\n") for line in lines) + ");"


def test_dlopen_note_of_a_real_library(tmp_path: Path) -> None:
    expected = DlopenNote(
        sonames=("libtss2-esys.so.0",), feature="tpm", description="TPM2 support", priority="suggested"
    )
    assert watch(build_library(tmp_path, write_note(DOCUMENT))).notes == (expected,)


def note(document: object) -> Note:
    return Note(b"FDO", NT_FDO_DLOPEN, json.dumps(document).encode() + b"\0")


def test_note_defaults_to_recommended() -> None:
    (entry,) = parse_dlopen_notes([note([{"soname": ["liba.so.2", "liba.so.1"]}])])
    assert entry == DlopenNote(
        sonames=("liba.so.2", "liba.so.1"), feature=None, description=None, priority="recommended"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        Note(b"FDO", NT_FDO_DLOPEN, b"[" * 100_000),
        Note(b"FDO", NT_FDO_DLOPEN, b"\xff\xfe"),
        Note(b"FDO", NT_FDO_DLOPEN, b""),
        Note(b"GNU", NT_FDO_DLOPEN, b'[{"soname": ["liba.so"]}]'),
        Note(b"FDO", 1, b'[{"soname": ["liba.so"]}]'),
        note({"soname": ["liba.so"]}),
        note([{"soname": ["liba.so"], "feature": 3}, {"soname": ["liba.so"], "priority": None}]),
        Note(b"FDO", NT_FDO_DLOPEN, b'[{"soname": ["lib\\ud800.so"]}]'),
        Note(b"FDO", NT_FDO_DLOPEN, b'[{"soname": ["liba.so"], "later": NaN}]'),
        note([{"soname": []}, {"soname": "liba.so"}, {"soname": [1]}, "liba.so", None, {}]),
    ],
)
def test_note_that_is_none_is_left_out(wrong: Note) -> None:
    assert parse_dlopen_notes([wrong]) == ()


def test_an_entry_that_is_none_does_not_hide_the_others() -> None:
    found = parse_dlopen_notes(
        [note([{"soname": 3}, {"soname": ["liba.so"], "priority": "urgent", "later": [1]}, {"soname": []}])]
    )
    assert [(entry.sonames, entry.priority) for entry in found] == [(("liba.so",), "recommended")]


def test_watching_does_not_change_what_the_reader_sees(tmp_path: Path) -> None:
    data = build_library(tmp_path, SOURCE)
    passes = 0

    def chunks() -> object:
        nonlocal passes
        passes += 1
        return iter([data[i : i + 1000] for i in range(0, len(data), 1000)])

    seen = Watch()
    watched = read_elf("demo.so", seen.tee(chunks), size=len(data))  # type: ignore[arg-type]
    assert watched == read_elf("demo.so", lambda: iter([data]), size=len(data))
    assert seen.result("demo.so") == watch(data)


def test_second_pass_is_not_watched() -> None:
    seen = Watch()
    opened = seen.tee(lambda: iter([b"\x7fELF" + b"\0" * 100]))
    first, second = list(opened()), list(opened())
    assert first == second
    assert seen._position + len(seen._head or b"") == 104


@given(st.binary(max_size=300))
def test_bytes_that_are_no_elf_give_no_hints(data: bytes) -> None:
    hints = watch(b"\x7fELF" + data)
    assert hints.strings == ()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build_library(tmp_path_factory.mktemp("library"), SOURCE)


@given(changes=st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), max_size=20))
def test_damaged_headers_are_survived(library: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(library)
    for at, value in changes:
        data[at] = value
    assert watch(bytes(data)).path == "demo.so"
