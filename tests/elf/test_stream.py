from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.elf.stream import ForwardReader, OutOfRange


def cut(data: bytes, step: int) -> list[bytes]:
    return [data[i : i + step] for i in range(0, len(data), step)]


@given(
    data=st.binary(min_size=1, max_size=400),
    step=st.integers(1, 50),
    head=st.integers(0, 60),
    reads=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 120)), max_size=8),
)
def test_any_reads_in_any_order_give_the_same_bytes(
    data: bytes, step: int, head: int, reads: list[tuple[int, int]]
) -> None:
    reader = ForwardReader(lambda: iter(cut(data, step)), size=len(data), head_size=head)
    for offset, size in reads:
        if offset + size > len(data):
            with pytest.raises(OutOfRange):
                reader.read(offset, size)
        else:
            assert reader.read(offset, size) == data[offset : offset + size]


def test_a_stream_that_ends_before_its_size_is_out_of_range() -> None:
    reader = ForwardReader(lambda: iter([b"abc"]), size=10, head_size=0)
    with pytest.raises(OutOfRange):
        reader.read(2, 5)


def test_going_back_costs_one_short_pass_and_going_on_costs_none() -> None:
    passed = []

    def chunks() -> object:
        for at in range(0, 1000, 10):
            passed.append(at)
            yield bytes(10)

    reader = ForwardReader(chunks, size=1000, head_size=20)  # type: ignore[arg-type]
    reader.read(900, 10)
    reader.read(100, 10)  # behind: a second pass up to here
    reader.read(950, 10)  # ahead of the first pass, which goes on
    reader.drain()
    assert len(passed) == 100 + 11


def test_neighbouring_reads_across_a_chunk_border_do_not_start_again() -> None:
    opened = []

    def chunks() -> object:
        opened.append(1)
        yield from (bytes(10) for _ in range(10))

    reader = ForwardReader(chunks, size=100, head_size=0)  # type: ignore[arg-type]
    reader.read(15, 10)
    reader.read(18, 2)
    assert opened == [1]
