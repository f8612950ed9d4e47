"""Whatever the paths, what is written is what is read, and the fast path loses no library."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.frcode import make_package, write_database
from wheelfix.errors import IndexProblem
from wheelfix.index.database import iter_packages
from wheelfix.index.frcode import Entry, decode_block, encode_package, parse_entry
from wheelfix.index.harvest import LIBRARY, may_hold_library

TARGETS = st.binary(max_size=12).map(lambda b: b.replace(b"\0", b"0").replace(b"\n", b"."))
# Few letters, so that paths share prefixes of any length; runs, so that differentials need three bytes; LF.
PIECES = st.sampled_from(
    [b".", b"s", b"o", b"so", b".so", b".s", b"/", b"lib", b"1", b"-", b"x" * 130, b"\n"]
)
PATHS = st.lists(PIECES, max_size=12).map(b"".join)
ANY_PATHS = PATHS | st.binary(max_size=300).map(lambda b: b.replace(b"\0", b"\n"))


@st.composite
def entries(draw: st.DrawFn, paths: st.SearchStrategy[bytes] = ANY_PATHS) -> Entry:
    path = draw(paths)
    kind = draw(st.sampled_from("rxds"))
    if kind == "s":
        return Entry(kind=kind, path=path, target=draw(TARGETS))
    return Entry(kind=kind, path=path, size=draw(st.integers(0, 10**12)))


def encode_block(block: list[Entry]) -> bytes:
    package = make_package("a", 1)
    whole = encode_package(package, block)
    for width in (1, 3):  # of the footer's differential
        head = whole[: whole.rindex(b'{"store_dir"') - width]
        if head.endswith(b"p\0") and (width == 1 or whole[len(head) : len(head) + 1] == b"\x80"):
            return head[:-2]
    raise AssertionError(whole)


@given(st.lists(entries(), max_size=12))
def test_what_is_written_is_read(block: list[Entry]) -> None:
    pairs, _ = decode_block(encode_block(block), subject="", offset=0)
    assert [parse_entry(m, p, subject="", offset=0) for m, p in pairs] == block


@given(st.lists(entries(), max_size=12))
def test_having_is_a_filter(block: list[Entry]) -> None:
    raw = encode_block(block)
    everything, shared = decode_block(raw, subject="", offset=0)
    some = decode_block(raw, subject="", offset=0, having=b".so")
    assert some == ([pair for pair in everything if b".so" in pair[1]], shared)


@given(st.lists(st.lists(entries(), max_size=4), max_size=4))
@settings(deadline=None)
def test_databases_are_read_as_written(blocks: list[list[Entry]]) -> None:
    pairs = [(make_package(f"p{n}", n), block) for n, block in enumerate(blocks)]
    with tempfile.TemporaryDirectory() as directory:
        path = write_database(Path(directory, "files"), pairs)
        assert [(package, list(found)) for package, found in iter_packages(path)] == pairs


@given(st.lists(entries(PATHS.map(lambda path: b"/" + path)), max_size=14))
@settings(max_examples=600, deadline=None)
def test_no_library_is_lost(block: list[Entry]) -> None:
    if any(LIBRARY.search(entry.path) for entry in block):
        assert may_hold_library(encode_block(block))


@given(st.lists(entries(PATHS.map(lambda path: b"/" + path)), max_size=14))
@example([Entry(kind="r", path=path, size=0, target=None) for path in (b"/.so", b"/.sos", b"/.soo", b"/.ss")])
@settings(max_examples=600, deadline=None)
def test_no_library_is_lost_in_the_order_of_nix_index(block: list[Entry]) -> None:
    block.sort(key=lambda entry: entry.path, reverse=True)
    if any(LIBRARY.search(entry.path) for entry in block):
        assert may_hold_library(encode_block(block))


@given(
    st.binary(max_size=60)
    | st.lists(st.sampled_from([b"1r", b"\0", b"\n", b"\x80", b".so", b"o"])).map(b"".join)
)
def test_rubbish_is_decoded_or_refused(raw: bytes) -> None:
    may_hold_library(raw)
    try:
        pairs, _ = decode_block(raw, subject="", offset=0)
    except IndexProblem as error:
        problem = error.problem
    else:
        problem = ""
        assert all(b"\0" not in path for _, path in pairs)
    assert not problem or "at byte" in problem
