"""Reads many ELF files, two at a time.

Inflating releases the GIL and is nearly all of the work, so threads suffice; two keep memory bounded, and a
third gains nothing if the largest member takes half of the time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from wheelfix.elf.reader import read_elf
from wheelfix.elf.stream import Chunks
from wheelfix.elf.watch import Watch
from wheelfix.model.base import Struct
from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import ElfHints

WORKERS = 2


class Source(Struct):
    """One ELF file to read: path for the result, bytes, size in bytes."""

    path: str
    chunks: Chunks
    size: int


Pending = Callable[[], tuple[tuple[ElfObject, ElfHints], ...]]
"""Waits for the files, and returns them sorted by path."""


@contextmanager
def read_elf_files(
    sources: Iterable[Source], *, on_bytes: Callable[[int], None] | None = None
) -> Iterator[Pending]:
    """Read ELF files in parallel, while the block does other work.

    Args:
        sources: the files, the largest first, so that no thread ends with a large one alone.
        on_bytes: called with the number of bytes passed since the last call, from any thread.

    Yields:
        A function that returns the result. It raises the error of the first failing file in path order:
        ElfError if the file contradicts itself, WheelError if its data is damaged.
    """
    stop = threading.Event()

    def count(source: Source) -> Iterator[bytes]:
        for chunk in source.chunks():
            if stop.is_set():
                return
            if on_bytes:
                on_bytes(len(chunk))
            yield chunk

    def read(source: Source) -> tuple[ElfObject, ElfHints]:
        watch = Watch()
        obj = read_elf(source.path, watch.tee(lambda: count(source)), size=source.size)
        return obj, watch.result(source.path)

    pool = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="elf")
    try:
        futures = {source.path: pool.submit(read, source) for source in sources}
        yield lambda: tuple(futures[path].result() for path in sorted(futures))
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
