from __future__ import annotations

import pytest

from tests.support.frcode import make_package
from wheelfix.index.frcode import Entry, encode_package
from wheelfix.index.harvest import LIBRARY, may_hold_library


def encode(*paths: str, kind: str = "r") -> bytes:
    entries = [Entry(kind=kind, path=path.encode()) for path in paths]
    encoded = encode_package(make_package("a", 1), entries)
    return encoded[: encoded.rindex(b"p\0")]


@pytest.mark.parametrize(
    "paths", [("/lib/libz.so",), ("/lib/libz.so.1",), ("/lib/libz.so.1", "/lib/libz.so")]
)
def test_libraries_in_plain_sight(paths: tuple[str, ...]) -> None:
    assert may_hold_library(encode(*paths))


@pytest.mark.parametrize(
    "paths",
    [
        ("/lib/libz.spec", "/lib/libz.so"),
        ("/lib/libgomp.spec", "/lib/libgomp.so.1.0.0"),
        ("/lib/libz.a", "/lib/libz.so"),
        ("/lib/libmoar.so-gdb.py", "/lib/libmoar.so"),
        ("/lib/libmoar.so-gdb.py", "/lib/libmoar.so.1"),
        ("/lib/libmoar.spec", "/lib/libmoar.so1", "/lib/libmoar.so"),
        ("/lib/libmoar.so-b/x", "/lib/libmoar.so-b/y", "/lib/libmoar.so"),
        ("/lib/a.s/x", "/lib/a.s/" + "y" * 300, "/lib/a.so"),
        ("/lib/a.s" + "y" * 300, "/lib/a.s" + "y" * 300 + "z", "/lib/a.so"),
        ("/lib/a.sx", "/lib/a.so" + "y" * 300, "/lib/a.so" + "y" * 300 + "z", "/lib/a.so"),
    ],
)
def test_libraries_that_hide(paths: tuple[str, ...]) -> None:
    raw = encode(*paths)
    assert b".so\n" not in raw
    assert b".so." not in raw
    assert may_hold_library(raw)


@pytest.mark.parametrize(
    "paths",
    [
        ("/bin/sh",),
        ("/src/main.c", "/src/main.o"),
        ("/src/old/a.c", "/src/old.c", "/src/o"),
        ("/share/com.sonos.svg", "/share/com.spotify.svg"),
        ("/share/com.sonos.svg", "/share/com.sonos2.svg"),
        ("/lib/systemd/a.socket", "/lib/systemd/b.socket"),
        ("/lib/a.sa", "/lib/a.sb"),
    ],
)
def test_most_packages_are_told_apart(paths: tuple[str, ...]) -> None:
    assert not may_hold_library(encode(*paths))


def test_targets_of_links_do_not_count() -> None:
    entry = Entry(kind="s", path=b"/share/a.svg", target=b"com.sonos.svg")
    encoded = encode_package(make_package("a", 1), [entry, Entry(kind="r", path=b"/share/a")])
    assert not may_hold_library(encoded[: encoded.rindex(b"p\0")])


def test_what_is_damaged_is_left_to_the_decoder() -> None:
    whole = encode("/lib/libz.spec", "/lib/libz.so")
    for end in range(len(whole)):
        may_hold_library(whole[:end])  # an answer, whichever, and no exception
    assert may_hold_library(b"1r\0\0/a.so")


@pytest.mark.parametrize(
    ("path", "is_library"),
    [
        (b"/lib/liba.so", True),
        (b"/lib/liba.so.1.2", True),
        (b"/lib/python3/x.cpython-313-x86_64-linux-gnu.so", True),
        (b"/lib/liba.so.d/readme", False),
        (b"/lib/liba.sock", False),
        (b"/lib/liba.so1", False),
        (b"/lib/.so", True),
    ],
)
def test_what_a_library_is(path: bytes, is_library: bool) -> None:
    assert bool(LIBRARY.search(path)) is is_library
