"""Only bytes that differ are written, runs that are close together in one go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wheelfix.patch.edit.draft import diff
from wheelfix.patch.model import Write


def test_equal_bytes_are_no_write() -> None:
    assert diff(7, b"abc" * 5000, b"abc" * 5000) == []


def test_runs_far_apart_are_two_writes() -> None:
    new = b"x" + bytes(9999) + b"yy" + bytes(3) + b"z"
    assert diff(100, bytes(20000), new) == [
        Write(offset=100, data=b"x"),
        Write(offset=10100, data=b"yy\0\0\0z"),
    ]


@given(st.lists(st.tuples(st.integers(0, 9000), st.binary(max_size=20)), max_size=8), st.binary(max_size=40))
def test_writes_turn_old_into_new(changes: list[tuple[int, bytes]], behind: bytes) -> None:
    old = b"ab" * 4700
    new = bytearray(old[:9100])
    for at, data in changes:
        new[at : at + len(data)] = data
    new = new[:9100]
    image = bytearray(old + behind)
    for write in diff(0, old + behind, bytes(new)):
        image[write.offset : write.offset + len(write.data)] = write.data
        assert write.data[0] != (old + behind)[write.offset]
    assert image[: len(new)] == new
    assert image[len(new) :] == (old + behind)[len(new) :]
