"""Random reads over a byte stream that can only be read forwards.

A deflated wheel member can only be inflated from its start, and the largest ones hold a gigabyte.
:class:`ForwardReader` still lets a parser read any range: a range ahead is reached by inflating on, a range
behind is served from a bounded copy of the head, and any other range takes a second pass up to the end of
that range. Linkers put the dynamic string table at the start of a file and the dynamic section at its end,
patchelf moves the string table to the end; both are cheap to read this way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

HEAD_SIZE = 4 << 20
"""Bytes kept from the start of a stream: covers the string tables of nearly all libraries."""

Chunks = Callable[[], Iterator[bytes]]
"""Opens a fresh pass over the same bytes, in order, in pieces of any size."""


class OutOfRange(Exception):  # noqa: N818 - never leaves the package, says what it means
    """A read beyond the end of the stream."""


class _Pass:
    """One pass over the stream, with the last two chunks kept.

    With two chunks, a read slightly before the end of the previous read does not need a new pass.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self._previous = self._chunk = b""
        self._start = 0  # offset of self._chunk in the stream

    def reaches(self, offset: int) -> bool:
        return offset >= self._start - len(self._previous)

    @property
    def position(self) -> int:
        return self._start + len(self._chunk)

    def read(self, offset: int, size: int) -> Iterator[bytes]:
        while size:
            if offset >= self.position:
                self._advance()
                continue
            at = offset - self._start
            piece = self._chunk[at : at + size] if at >= 0 else self._previous[at:][:size]
            yield piece
            offset += len(piece)
            size -= len(piece)

    def _advance(self) -> None:
        chunk = next(self.chunks, None)
        if chunk is None:
            raise OutOfRange
        self._start = self.position
        self._previous, self._chunk = self._chunk, chunk


class ForwardReader:
    """Reads ranges of a forward-only byte stream in bounded memory.

    Args:
        chunks: opens a new pass over the stream.
        size: length of the stream in bytes; reads beyond it fail at once.
        head_size: bytes kept from the start.

    Example:
        >>> reader = ForwardReader(lambda: iter([b"abc", b"def"]), size=6)
        >>> reader.read(4, 2), reader.read(0, 3)
        (b'ef', b'abc')
    """

    def __init__(self, chunks: Chunks, *, size: int, head_size: int = HEAD_SIZE) -> None:
        self._open = chunks
        self.size = size
        self._head_size = head_size
        self._head = bytearray()
        self._first = _Pass(self._keep_head(chunks()))
        self._second: _Pass | None = None

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes at ``offset``.

        Raises:
            OutOfRange: the range is not inside the stream.
        """
        if offset < 0 or size < 0 or offset + size > self.size:
            raise OutOfRange
        if offset + size <= len(self._head):
            return bytes(self._head[offset : offset + size])
        return b"".join(self._find_pass(offset).read(offset, size))

    def drain(self) -> None:
        """Run the first pass to its end, so that its source can check its length and checksum."""
        for _ in self._first.chunks:
            pass

    def _find_pass(self, offset: int) -> _Pass:
        """The pass that is nearest before ``offset``; a new one if all are past it."""
        if self._first.reaches(offset):
            return self._first
        if self._second is None or not self._second.reaches(offset):
            self._second = _Pass(self._open())
        return self._second

    def _keep_head(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if len(self._head) < self._head_size:
                self._head += chunk[: self._head_size - len(self._head)]
            yield chunk
