"""All Python sources of a distribution: most are dismissed by their bytes, the rest are parsed.

Parsing holds the interpreter's lock, which threads that inflate then wait for. Where there is much to parse
it is done by another process, beside everything else; else afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from wheelfix.model.hints import SourceUse
from wheelfix.processes import may_spawn, open_pool
from wheelfix.wheel.pysource import find_python_dlopen, may_open

_BATCH = 4 << 20

Source = tuple[str, Callable[[], bytes]]
"""A Python file: its path for the result, and what reads it."""

Pending = Callable[[], tuple[SourceUse, ...]]
"""Waits for the sources and returns what those that open or run something use, in the order given."""


@contextmanager
def read_sources(sources: Iterable[Source], *, many: bool) -> Iterator[Pending]:
    """Find what Python sources open by name, while the block does other work.

    Args:
        sources: the files; what reading them raises is raised here or by the function yielded.
        many: there are megabytes of them.

    Yields:
        A function to call for the result.
    """
    if not many or not may_spawn():
        yield lambda: parse_sources(_choose(sources))
        return
    pool = open_pool(1)
    try:
        jobs = [(batch, pool.submit(parse_sources, batch)) for batch in _cut(_choose(sources))]
        yield lambda: tuple(use for batch, job in jobs for use in _wait(job, batch))
    finally:
        pool.shutdown(cancel_futures=True)


def parse_sources(sources: Iterable[tuple[str, bytes]]) -> tuple[SourceUse, ...]:
    """Parse sources, given as (path, bytes); runs in a worker."""
    found = (find_python_dlopen(path, source) for path, source in sources)
    return tuple(use for use in found if use.opens or use.programs)


def _choose(sources: Iterable[Source]) -> Iterator[tuple[str, bytes]]:
    for path, read in sources:
        data = read()
        if may_open(path, data):
            yield path, data


def _cut(sources: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    batch: list[tuple[str, bytes]] = []
    size = 0
    for path, data in sources:
        batch.append((path, data))
        size += len(data)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _wait(job: Future[tuple[SourceUse, ...]], batch: list[tuple[str, bytes]]) -> tuple[SourceUse, ...]:
    try:
        return job.result()
    except BrokenProcessPool:  # killed for want of memory, or by somebody: the work remains
        return parse_sources(batch)
