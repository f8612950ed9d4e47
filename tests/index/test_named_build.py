"""No package with such files is passed over, whatever its front coding; hypothesis makes the packages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.frcode import make_entries, make_package
from wheelfix.index.database import Block
from wheelfix.index.frcode import encode_package
from wheelfix.index.named_build import decode_names, may_hold_names
from wheelfix.model.names import NameKind

PART = st.sampled_from(
    [
        "bin",
        "bin-x",
        "bi",
        "b",
        "include",
        "in",
        "inc",
        "lib",
        "share",
        "pkgconfig",
        "pkg",
        "cmake",
        "cmake3",
        "x",
    ]
)
FILE = st.sampled_from(["a", "x.pc", "xConfig.cmake", "x-config.cmake", "x.h", "y.hpp", "z.txt", ".hidden"])
PATH = st.builds(lambda parts, file: "/" + "/".join([*parts, file]), st.lists(PART, max_size=4), FILE)


def make_block(paths: set[str]) -> Block:
    files = [p for p in sorted(paths) if not any(other.startswith(f"{p}/") for other in paths)]
    raw = encode_package(make_package("x", 1), make_entries(files))
    mark = raw.rindex(b"\np\0")
    body = mark + (6 if raw[mark + 3 : mark + 4] == b"\x80" else 4)
    step = int.from_bytes(raw[body - (2 if body - mark == 6 else 1) : body], "big", signed=True)
    return Block(subject="x", offset=0, raw=raw[: mark + 1], step=step, footer=raw[body:-1])


@given(st.sets(PATH, min_size=1, max_size=12))
def test_what_the_hint_passes_over_holds_nothing(paths: set[str]) -> None:
    block = make_block(paths)
    if not may_hold_names(block.raw):
        assert decode_names([block]) == []


@given(st.sets(PATH, min_size=1, max_size=12))
def test_files_are_what_their_directories_say(paths: set[str]) -> None:
    block = make_block(paths)
    found = {
        (folder.kind, f"{folder.path}/{name}")
        for _, folders in decode_names([block])
        for folder in folders
        for name in folder.names.split("\n")
    }
    kept = [p for p in paths if not any(other.startswith(f"{p}/") for other in paths)]
    programs = {p for p in kept if p.startswith("/bin/") and p.count("/") == 2 and not p.startswith("/bin/.")}
    modules = {
        p
        for p in kept
        if p.rpartition("/")[0] in {"/lib/pkgconfig", "/share/pkgconfig"} and p.endswith(".pc")
    }
    headers = {p for p in kept if p.startswith("/include/") and p.endswith((".h", ".hpp", "/a"))}
    assert {p for kind, p in found if kind is NameKind.PROGRAM} == programs
    assert {p for kind, p in found if kind is NameKind.PKG_CONFIG} == modules
    assert {p for kind, p in found if kind is NameKind.HEADER} == headers
