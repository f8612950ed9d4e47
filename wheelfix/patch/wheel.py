"""Writes a patched copy of a wheel in one pass over its members."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from wheelfix.errors import ApplyError, EditRefused, WheelError
from wheelfix.model.base import Struct, replace
from wheelfix.model.scan import Finding, Level
from wheelfix.outside.files import open_scratch, stage_alone
from wheelfix.patch.checked import edit_copy
from wheelfix.patch.files import copy_contents, tell_errors
from wheelfix.patch.labels import Label, plan_label, relabel_metadata, relabel_wheel
from wheelfix.patch.model import ElfEdit, FileResult
from wheelfix.patch.record import Written, find_mismatch, parse_record, rewrite_record
from wheelfix.patch.zipwriter import Entry, ZipWriter, read_entries, rename_entry
from wheelfix.pysource.shim import MAX_SHIM, is_shim_file
from wheelfix.wheel.archive import Archive, Member, find_dist_info, iter_chunks, open_archive
from wheelfix.wheel.inflate import WINDOW, crc32, deflate

Progress = Callable[[int, int], None]

_NONE: Mapping[str, bytes] = {}
_WORKERS = 2
_AHEAD = 32
_MAX_SMALL = 64 << 20
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")
_FIRST_DOS_YEAR, _LAST_DOS_YEAR = 1980, 2107


class PatchedWheel(Struct):
    """A wheel that was written.

    Attributes:
        path: the new wheel.
        results: one per edit, sorted by path.
        findings: remarks on what changed.
    """

    path: Path
    results: tuple[FileResult, ...]
    findings: tuple[Finding, ...]


def patch_wheel(
    source: Path,
    edits: Mapping[str, ElfEdit],
    directory: Path,
    *,
    files: Mapping[str, bytes] = _NONE,
    version: str,
    tag: str | None = None,
    progress: Progress | None = None,
) -> PatchedWheel:
    """Write a copy of a wheel with some members edited, and others added.

    Members that do not change are copied as compressed bytes. A member whose edit is refused, or fails
    verification, is copied unchanged. Order, modes and times are kept; if SOURCE_DATE_EPOCH is set, members
    that are written anew get that time.

    Args:
        source: the wheel.
        edits: by member path.
        directory: for the new wheel; made if it is missing.
        files: contents of small members to add, or to replace, by member path.
        version: as the wheel's METADATA writes it.
        tag: build tag or local version of the new wheel, or None for the same name.
        progress: told bytes of members written and in all.

    Raises:
        InputError: the wheel cannot be read, or is damaged.
        ApplyError: the new wheel cannot be written, or would replace the old one.
    """
    with open_archive(source) as archive:
        _check_files(archive, files)
        info = find_dist_info(archive)
        label = plan_label(source.name, info, version, tag)
        target = directory / label.filename
        with tell_errors(directory):
            if directory.exists() and not directory.is_dir():
                raise ApplyError(str(directory), "is no directory", "give a directory for the patched wheel")
            directory.mkdir(parents=True, exist_ok=True)
            if target.is_file() and target.samefile(source):
                raise ApplyError(str(target), "is the wheel itself", "give another directory, or --tag")
        with tell_errors(target), stage_alone(target) as file:
            if not edits and not files and tag is None:
                copy_contents(archive.fd, file.fileno())
                results: tuple[FileResult, ...] = ()
                findings: tuple[Finding, ...] = ()
            else:
                with _open_rewrite(
                    archive, (edits, files), label, directory, file.fileno(), progress
                ) as rewrite:
                    rewrite.run()
                results, findings = rewrite.results(), tuple(rewrite.findings)
            os.fchmod(file.fileno(), os.fstat(archive.fd).st_mode & 0o777)
    return PatchedWheel(path=target, results=results, findings=findings)


def _check_files(archive: Archive, files: Mapping[str, bytes]) -> None:
    """Refuse to replace members that are the wheel's own.

    Raises:
        WheelError: one has the name of a file that is to be added, and was not written by wheelfix.
    """
    for member in archive.members:
        for name in files:
            taken = member.path == name or member.path.startswith(f"{name}/")
            if taken and not (
                member.size <= MAX_SHIM and is_shim_file(name, b"".join(iter_chunks(archive, member)))
            ):
                problem = "has a name that wheelfix gives to a file of its own"
                raise WheelError(f"{archive.name}: {member.path}", problem, "report it to who made the wheel")


@contextmanager
def _open_rewrite(
    archive: Archive,
    changes: tuple[Mapping[str, ElfEdit], Mapping[str, bytes]],
    label: Label,
    scratch: Path,
    fd: int,
    progress: Progress | None,
) -> Iterator[_Rewrite]:
    # Two pools: a task that waits for prepared members must not be queued behind their preparation.
    prepare = ThreadPoolExecutor(_WORKERS, thread_name_prefix="prepare")
    pack = ThreadPoolExecutor(_WORKERS, thread_name_prefix="pack")
    rewrite = _Rewrite(archive, changes, label, scratch, ZipWriter(fd), (prepare, pack), progress)
    try:
        yield rewrite
    finally:
        prepare.shutdown(cancel_futures=True)
        pack.shutdown(cancel_futures=True)
        rewrite.close()


class _Rewrite:
    """One pass over the members of a wheel."""

    def __init__(
        self,
        archive: Archive,
        changes: tuple[Mapping[str, ElfEdit], Mapping[str, bytes]],
        label: Label,
        scratch: Path,
        writer: ZipWriter,
        pools: tuple[ThreadPoolExecutor, ThreadPoolExecutor],
        progress: Progress | None,
    ) -> None:
        self.findings: list[Finding] = []
        self._archive, self._label = archive, label
        self._edits, self._files = changes
        self._scratch, self._writer, self._progress = scratch, writer, progress
        self._prepare, self._pack = pools
        self._members = {m.path: m for m in archive.members}
        self._entries, self._comment = read_entries(archive)
        self._record = f"{label.info[0]}/RECORD"
        if self._record not in self._members:
            raise WheelError(archive.name, "has no RECORD", "rebuild the wheel")
        rows = parse_record(f"{archive.name}: {self._record}", self._read(self._record))
        self._rows = {row[0]: row for row in rows}
        self._order = [e.path for e in self._entries if e.path in self._edits]
        self._pending: dict[str, Future[Prepared]] = {}
        self._done: dict[str, Prepared] = {}
        self._changed: dict[str, Written] = {}
        self._time = _find_time()
        self._count, self._total = 0, sum(e.compressed_size for e in self._entries)

    def run(self) -> None:
        """Write all members, then the directory."""
        dropped = {f"{self._label.info[0]}/{name}" for name in _SIGNATURES}
        rewritten = self._relabel()
        for path in sorted(self._order, key=lambda p: -self._members[p].size)[:_AHEAD]:
            self._start(path)  # the largest first: one thread has to inflate it, while others do the rest
        for entry in self._entries:
            renamed = (
                rename_entry(entry, path) if (path := self._label.rename(entry.path)) != entry.path else entry
            )
            if entry.path in dropped:
                message = "signs the RECORD of before: left out"
                self.findings.append(Finding(level=Level.NOTE, subject=entry.path, message=message))
            elif entry.path in self._files:
                continue  # written with RECORD
            elif entry.path == self._record:
                self._add_files(renamed)
                self._writer.write_small(self._stamp(renamed), self._render_record(dropped))
            elif entry.path in rewritten:
                self._writer.write_small(self._stamp(renamed), rewritten[entry.path])
            elif entry.path not in self._edits or not self._write_edited(entry, renamed):
                for done in self._writer.copy(self._archive, renamed):
                    self._tell(done)
        self._writer.finish(self._comment)

    def results(self) -> tuple[FileResult, ...]:
        """List the results of the edits."""
        edited = [FileResult(path=p, method=d.method, problem=d.problem) for p, d in self._done.items()]
        added = [FileResult(path=path, method="write") for path in self._files]
        return tuple(sorted((*edited, *added), key=lambda result: result.path))

    def close(self) -> None:
        """Close all scratch files."""
        for future in self._pending.values():
            if future.done() and not future.cancelled() and not future.exception():
                future.result().close.close()

    def _write_edited(self, entry: Entry, renamed: Entry) -> bool:
        prepared = self._take(entry.path)
        if not prepared.changed:
            prepared.close.close()
            return False
        assert prepared.sums is not None
        sums = prepared.sums
        new = replace(self._stamp(renamed), size=prepared.size)
        pieces = iter_packed(prepared, entry.method, self._pack)
        for _ in self._writer.write(new, pieces, find_crc=lambda: sums.result()[0]):
            pass
        self._changed[entry.path] = sums.result()[1]
        prepared.close.close()
        self._tell(entry.compressed_size)
        return True

    def _take(self, path: str) -> Prepared:
        """Wait for a member; while it is written, the others are prepared."""
        if path not in self._done:
            self._start(path)
            self._done[path] = self._pending[path].result()
        return self._done[path]

    def _start(self, path: str) -> None:
        if path not in self._pending:
            member, edit, row = self._members[path], self._edits[path], self._rows.get(path)
            arguments = (self._archive, member, edit, row, self._scratch, self._pack)
            self._pending[path] = self._prepare.submit(prepare_member, *arguments)

    def _add_files(self, like: Entry) -> None:
        for path, data in sorted(self._files.items()):
            entry = self._stamp(replace(like, path=path, name=path.encode()))
            self._writer.write_small(entry, data)
            self._changed[path] = Written(sha256=hashlib.sha256(data).digest(), size=len(data))

    def _render_record(self, dropped: set[str]) -> bytes:
        for path in self._order:  # if RECORD comes before them, their digests are needed now
            self._start(path)
        for path in self._order:
            if (prepared := self._take(path)).changed and prepared.sums:
                self._changed[path] = prepared.sums.result()[1]
        subject = f"{self._archive.name}: {self._record}"
        return rewrite_record(
            subject, self._read(self._record), self._changed, dropped=dropped, rename=self._label.rename
        )

    def _relabel(self) -> dict[str, bytes]:
        """Rewrite the members that contain the version or the build tag."""
        info = self._label.info[0]
        metadata, wheel = f"{info}/METADATA", f"{info}/WHEEL"
        found = {}
        if self._label.version:
            found[metadata] = relabel_metadata(
                f"{self._archive.name}: {metadata}", self._read(metadata), self._label
            )
        if self._label.build and wheel in self._members:
            found[wheel] = relabel_wheel(self._read(wheel), self._label)
        for path, data in found.items():
            self._changed[path] = Written(sha256=hashlib.sha256(data).digest(), size=len(data))
        return found

    def _read(self, path: str) -> bytes:
        member: Member = self._members[path]
        if member.size > _MAX_SMALL:
            raise WheelError(f"{self._archive.name}: {path}", f"has {member.size} bytes", "rebuild the wheel")
        return b"".join(iter_chunks(self._archive, member))

    def _stamp(self, entry: Entry) -> Entry:
        return replace(entry, time=self._time) if self._time else entry

    def _tell(self, done: int) -> None:
        self._count += done
        if self._progress:
            self._progress(min(self._count, self._total), self._total)


def _find_time() -> tuple[int, int] | None:
    """DOS time and date of SOURCE_DATE_EPOCH, or None without one.

    Raises:
        ApplyError: it is not a time that a zip archive can hold.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    try:
        at = time.gmtime(int(text))
    except (ValueError, OverflowError, OSError):
        raise ApplyError("SOURCE_DATE_EPOCH", f"{text!r} is no time", "give seconds since 1970") from None
    if at.tm_year < _FIRST_DOS_YEAR:  # as in Nix builds; the earliest time of zip is 1 January 1980
        return 0, 1 << 5 | 1
    if at.tm_year > _LAST_DOS_YEAR:
        raise ApplyError("SOURCE_DATE_EPOCH", "is after 2107", "give seconds since 1970")
    date = (at.tm_year - _FIRST_DOS_YEAR) << 9 | at.tm_mon << 5 | at.tm_mday
    return at.tm_hour << 11 | at.tm_min << 5 | at.tm_sec // 2, date


_PIECE = 2 << 20
_MEMBERS_AHEAD = 4
_STEP = 1 << 20


@dataclass(slots=True, kw_only=True)
class Prepared:
    """An edited member in a scratch file.

    Attributes:
        fd: the file; ``close`` closes it.
        size: its length in bytes.
        sums: its CRC-32, and the values for RECORD.
        method: how the edit was done.
        problem: why it was not; the other fields then have no meaning.
    """

    close: ExitStack
    fd: int = -1
    size: int = 0
    sums: Future[tuple[int, Written]] | None = None
    method: str | None = None
    problem: str | None = None

    @property
    def changed(self) -> bool:
        """Whether there is an edited file that differs from the member."""
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
        row: its row of RECORD; it has to match the member.
        scratch: directory with room for twice the member.
        pool: threads that compute the checksums of the result.

    Returns:
        The edited file, or why it could not be edited.

    Raises:
        WheelError: the member is damaged, or is not what RECORD says.
        ApplyError: the disk is full, or the scratch file cannot be written.
    """
    close = ExitStack()
    try:
        with tell_errors(scratch):
            old = close.enter_context(open_scratch(scratch))
            new = close.enter_context(open_scratch(scratch))
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
            if len(pending) == _MEMBERS_AHEAD:
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
    """Inflate a member into a file; another thread writes and hashes it meanwhile."""
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
