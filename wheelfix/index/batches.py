"""Decodes the packages of a database in two worker processes, which halves the time on two cores."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future
from typing import TypeVar

from wheelfix.errors import IndexProblem
from wheelfix.index.database import Block
from wheelfix.outside.processes import may_spawn, open_pool

R = TypeVar("R")

_WORKERS = 2
_BATCH = 1 << 19
_LARGE = 4 << 20
_AHEAD = 3


def decode_blocks(
    blocks: Iterable[Block], decode: Callable[[list[Block]], list[R]], *, subject: str
) -> Iterator[R]:
    """Decode packages, in batches and mostly in worker processes.

    Args:
        blocks: the packages.
        decode: a function of a module, which workers run; each block stands for itself.
        subject: the database, for errors.

    Yields:
        All that ``decode`` returns.

    Raises:
        IndexProblem: a block is corrupt, or a worker died.
    """
    batches = _cut_batches(blocks)
    if not may_spawn():
        for batch in batches:
            yield from decode(batch)
        return
    with open_pool(_WORKERS) as pool:
        pending: deque[Future[list[R]]] = deque()
        try:
            for batch in batches:
                if len(batch) == 1 and len(batch[0].raw) > _LARGE:
                    # Megabytes: a copy for the pipe would cost more memory than the worker saves time.
                    yield from decode(batch)
                    continue
                pending.append(pool.submit(decode, batch))
                while len(pending) > _AHEAD:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        except BrokenExecutor:
            raise IndexProblem(
                subject, "a process that was decoding it died", "free some memory and try again"
            ) from None


def _cut_batches(blocks: Iterable[Block]) -> Iterator[list[Block]]:
    batch: list[Block] = []
    size = 0
    for block in blocks:
        if len(block.raw) > _LARGE:
            yield [block]
            continue
        batch.append(block)
        size += len(block.raw)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
