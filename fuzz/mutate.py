"""Random changes of bytes, in the ways that find mistakes in parsers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

_INTERESTING = (
    0,
    1,
    2,
    7,
    8,
    16,
    31,
    32,
    63,
    64,
    100,
    127,
    128,
    255,
    256,
    4095,
    4096,
    32767,
    32768,
    65535,
    65536,
)
_WIDE = (*_INTERESTING, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)

Change = Callable[[bytearray, random.Random], None]


def mutate(
    seed: bytes, others: Sequence[bytes], tokens: Sequence[bytes], rng: random.Random, *, limit: int
) -> bytes:
    """Change a seed in one to six places.

    Args:
        seed: what is changed.
        others: seeds to take parts from.
        tokens: byte strings to put in.
        rng: decides.
        limit: bytes the result may have.
    """
    data = bytearray(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 6))):
        kind = rng.randrange(10)
        if kind == 8 and tokens:
            _put(data, rng.choice(tokens), rng)
        elif kind == 9 and others:
            other = rng.choice(others)
            at = rng.randrange(len(other) + 1)
            _put(data, other[at : at + rng.choice((4, 16, 64, 1024))], rng)
        else:
            _CHANGES[kind % len(_CHANGES)](data, rng)
    return bytes(data[:limit])


def _put(data: bytearray, piece: bytes, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at : at + (len(piece) if rng.random() < 0.5 else 0)] = piece


def _flip(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(data: bytearray, rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def _number(data: bytearray, rng: random.Random) -> None:
    """A number that is a limit of something, where numbers are aligned."""
    width = rng.choice((1, 2, 4, 8))
    if len(data) >= width:
        at = rng.randrange(len(data) - width + 1)
        at -= at % width if rng.random() < 0.8 else 0
        value = rng.choice(_WIDE) + rng.choice((-1, 0, 0, 0, 1))
        data[at : at + width] = (value % (1 << 8 * width)).to_bytes(
            width, rng.choice(("little", "little", "big"))
        )


def _add(data: bytearray, rng: random.Random) -> None:
    """A number that is a little off."""
    width = rng.choice((1, 2, 4, 8))
    if len(data) >= width:
        at = rng.randrange(len(data) - width + 1)
        at -= at % width
        value = int.from_bytes(data[at : at + width], "little") + rng.choice((-16, -8, -2, -1, 1, 2, 8, 16))
        data[at : at + width] = (value % (1 << 8 * width)).to_bytes(width, "little")


def _cut(data: bytearray, rng: random.Random) -> None:
    if data:
        at = rng.randrange(len(data))
        del data[at : at + rng.choice((1, 1, 2, 4, 16, 256, len(data)))]


def _repeat(data: bytearray, rng: random.Random) -> None:
    if data:
        at = rng.randrange(len(data))
        piece = data[at : at + rng.choice((1, 2, 8, 64))]
        data[at:at] = piece * rng.choice((1, 1, 2, 16, 256))


def _move(data: bytearray, rng: random.Random) -> None:
    if len(data) > 2:
        size = rng.choice((1, 4, 8, 24, 56))
        source, target = rng.randrange(len(data)), rng.randrange(len(data))
        piece = data[source : source + size]
        data[target : target + len(piece)] = piece


_CHANGES: tuple[Change, ...] = (_flip, _set, _number, _add, _cut, _repeat, _move, _number)
