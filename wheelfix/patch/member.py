"""One member of a wheel: inflated, edited, verified, and deflated again piece by piece."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from wheelfix.errors import EditRefused, WheelError
from wheelfix.patch.checked import edit_copy
from wheelfix.patch.edited import ElfEdit
from wheelfix.patch.files import copy_contents, open_scratch, tell_errors
from wheelfix.patch.record import Written, find_mismatch
from wheelfix.wheel.archive import Archive, iter_chunks
from wheelfix.wheel.directory import Member
from wheelfix.wheel.inflate import WINDOW, crc32, deflate

_PIECE = 2 << 20
_AHEAD = 4
_STEP = 1 << 20


@dataclass(slots=True, kw_only=True)
class Prepared:
    """An edited member in a scratch file.

    Attributes:
        fd: the file; ``close`` gives it up.
        size: its length in bytes.
        sums: its CRC-32, and what RECORD says of it.
        method: how the edit was done.
        problem: why it was not; the other fields are then those of nothing.
    """

    close: ExitStack
    fd: int = -1
    size: int = 0
    sums: Future[tuple[int, Written]] | None = None
    method: str | None = None
    problem: str | None = None

    @property
    def changed(self) -> bool:
        """There is an edited file that differs from the member."""
        return self.sums is not None and self.method != "none"


def prepare_member(
    archive: Archive,
    member: Member,
    edit: ElfEdit,
    row: tuple[str, str, str] | None,
    scratch: Path,
    pool: Executor,
) -> Prepared:
    """Inflate a member into a scratch file, edit it there, and verify the edit.

    Args:
        archive: the wheel.
        member: an ELF file.
        edit: what is to change.
        row: its row of RECORD; it has to describe the member as it is.
        scratch: directory with room for twice the member.
        pool: threads that sum up what was written.

    Returns:
        The edited file, or why it could not be edited.

    Raises:
        WheelError: the member is damaged, or is not what RECORD says.
        ApplyError: there is no room.
    """
    close = ExitStack()
    try:
        old = close.enter_context(open_scratch(scratch))
        new = close.enter_context(open_scratch(scratch))
        with tell_errors(scratch):
            before = _inflate_into(archive, member, old)
            if row and (mismatch := find_mismatch(row, before)):
                subject = f"{archive.name}: {member.path}"
                raise WheelError(subject, mismatch, "the wheel was tampered with or badly built: rebuild it")
            copy_contents(old, new)
        try:
            applied = edit_copy(member.path, old, new, edit)
        except EditRefused as refused:
            close.close()
            return Prepared(close=close, problem=refused.problem)
        os.ftruncate(old, 0)
        sums = pool.submit(_sum_up, new, applied.new_size)
        close.callback(sums.cancel)
        return Prepared(close=close, fd=new, size=applied.new_size, sums=sums, method=applied.method)
    except BaseException:
        close.close()
        raise


def iter_packed(prepared: Prepared, method: int, pool: Executor) -> Iterator[bytes]:
    """Compress a prepared member, several pieces at a time.

    Args:
        prepared: the member.
        method: of the archive, stored or deflated.
        pool: threads that deflate.

    Yields:
        Compressed bytes, in order; the same for the same member.
    """
    size = prepared.size
    starts = range(0, max(size, 1), _PIECE)
    if method == zipfile.ZIP_STORED:
        yield from (os.pread(prepared.fd, _PIECE, at) for at in starts)
        return
    pending: deque[Future[bytes]] = deque()
    try:
        for at in starts:
            if len(pending) == _AHEAD:
                yield pending.popleft().result()
            pending.append(pool.submit(_deflate_piece, prepared.fd, at, last=at + _PIECE >= size))
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def _deflate_piece(fd: int, at: int, *, last: bool) -> bytes:
    lead = min(at, WINDOW)
    data = os.pread(fd, lead + _PIECE, at - lead)
    return deflate(data[lead:], before=data[:lead], last=last)


def _inflate_into(archive: Archive, member: Member, fd: int) -> Written:
    """Inflate a member into a file; it is written and hashed beside inflating it."""
    digest, at = hashlib.sha256(), 0

    def take(chunk: bytes, offset: int) -> None:
        digest.update(chunk)
        view = memoryview(chunk)
        while view:
            done = os.pwrite(fd, view, offset)
            offset, view = offset + done, view[done:]

    with ThreadPoolExecutor(1, thread_name_prefix="write") as beside:
        taken: Future[None] | None = None
        for chunk in iter_chunks(archive, member):
            if taken:
                taken.result()
            taken = beside.submit(take, chunk, at)
            at += len(chunk)
        if taken:
            taken.result()
    return Written(sha256=digest.digest(), size=at)


def _sum_up(fd: int, size: int) -> tuple[int, Written]:
    crc, digest = 0, hashlib.sha256()
    for at in range(0, size, _STEP):
        data = os.pread(fd, _STEP, at)
        crc = crc32(data, crc)
        digest.update(data)
    return crc, Written(sha256=digest.digest(), size=size)
