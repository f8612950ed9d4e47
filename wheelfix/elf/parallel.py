"""Many ELF files, two at a time.

Inflating releases the GIL and is nearly all of the work, so threads are enough; two keep memory bounded,
and a third gains nothing where the largest member takes half of the time.
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
    """One ELF file to read: its path for the result, its bytes, its size in bytes."""

    path: str
    chunks: Chunks
    size: int


Pending = Callable[[], tuple[tuple[ElfObject, ElfHints], ...]]
"""Waits for the files and returns them, sorted by path."""


@contextmanager
def read_elf_files(
    sources: Iterable[Source], *, on_bytes: Callable[[int], None] | None = None
) -> Iterator[Pending]:
    """Read ELF files in parallel, while the block does other work.

    Args:
        sources: the files, the largest first: then the end is not spent waiting for a big one on one thread.
        on_bytes: told how many more bytes were passed, from any thread.

    Yields:
        A function to call for the result. It raises what the first file in path order that fails raises:
        ElfError where it contradicts itself, WheelError where its data is damaged.
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
