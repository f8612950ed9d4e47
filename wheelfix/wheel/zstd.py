"""Compresses and decompresses zstd: the standard library's since Python 3.14, its backport before.

This module is not imported for queries.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, BinaryIO, Final

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from wheelfix.errors import IndexProblem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# nix-index compresses with level 22 at most, whose window is 128 MiB. A frame that asks for more is refused
# by the decompressor, so a hostile header cannot make it allocate gigabytes.
_WINDOW_LOG_MAX: Final = 27
_READ: Final = 1 << 17


def inflate(
    file: BinaryIO,
    *,
    subject: str,
    size: int,
    on_read: Callable[[int], None] | None = None,
) -> Iterator[bytes]:
    """Decompress a stream of zstd frames, with bounded memory.

    Args:
        file: positioned at the first frame.
        subject: subject of errors, usually the path.
        size: the most bytes to yield at once.
        on_read: called with the compressed bytes read so far, after each read.

    Yields:
        The decompressed bytes, in order.

    Raises:
        IndexProblem: not zstd, damaged, or the stream ends inside a frame. The problem names the offset in
            the
            decompressed stream.
    """
    done = read = 0
    pending = file.read(_READ)
    while pending or read == 0:
        frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG_MAX})
        while not frame.eof:
            if frame.needs_input and not pending:
                raise IndexProblem(
                    subject,
                    f"truncated: the compressed data stops at byte {done} of the decompressed stream",
                    "Fetch or build the database again.",
                )
            try:
                chunk = frame.decompress(pending, size)
            except zstd.ZstdError as error:
                raise IndexProblem(
                    subject,
                    f"damaged: no valid zstd data at byte {done} of the decompressed stream ({error})",
                    "Fetch or build the database again.",
                ) from error
            done += len(chunk)
            read += len(pending)
            if on_read and pending:
                on_read(read)
            yield chunk
            pending = file.read(_READ) if frame.needs_input and not frame.eof else b""
        pending = frame.unused_data or file.read(_READ)


def compress(data: bytes, *, level: int) -> bytes:
    """Compress to one frame with a checksum; the same bytes for the same input and library.

    Args:
        data: the whole input.
        level: 1 to 22.
    """
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: level,
        zstd.CompressionParameter.checksum_flag: 1,
    }
    return zstd.compress(data, options=options)
