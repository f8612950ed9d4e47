"""Records what the files of an environment were before they were changed.

``.wheelfix/changes.jsonl`` in the environment has one JSON object a line, appended before a file is replaced.
A line describes how to get from one state of a file to the previous one; a SHA-256 identifies a state::

    {"path":"lib/python3.12/site-packages/x.so","old":"<sha256>","new":"<sha256>","old_size":16200,
     "originals":[[64,"<base64 of zlib>"],...],"mtime_ns":1700000000000000000}

``path`` is relative to the environment. ``originals`` are ranges of the old file that differ in the new one,
by offset. The file of a shim was not there before (:data:`ABSENT`): it is undone by removing it. A line is
applied only if the file is in its new state. So if a run is killed after it wrote a line, the line does no
harm, and the next run writes it again. If the last line has no newline, its change was never made.

Any installed distribution can contain such a file, so it is not trusted. A line has only the keys above, with
values of their types: no deep nesting, no numbers of unlimited length, no more ranges than an edit makes.
Data is inflated only after the file that it belongs to was found, and a line is applied only if it is the
reverse of an edit (:mod:`~wheelfix.patch.undo`).
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Annotated

from wheelfix.errors import ApplyError, EditRefused, InputError
from wheelfix.model.base import Meta, Struct, asdict, decode_json, encode_json
from wheelfix.patch.files import tell_errors
from wheelfix.patch.model import Write
from wheelfix.patch.nofollow import is_below, open_directory, open_regular, read_bounded
from wheelfix.patch.state_directory import (
    LAST_RUN,
    REMOVE,
    ROOTS,
    StateDirectory,
    check_ownership,
    is_there,
    open_state,
    remove_tree,
)
from wheelfix.wheel.tree import OWN

_CHANGES, _SCRATCH = "changes.jsonl", "new"
_LARGEST = 256 << 20
"""Largest manifest in bytes; one for 3 000 changed files has 5 MB."""
_MOST_RANGES = 1 << 16
_PATH = re.compile(rb'\{"path":("(?:[^"\\\x00-\x1f]|\\["\\/bfnrtu])*"),')

ABSENT = hashlib.sha256().hexdigest()
"""State of a file that was not there: what wheelfix writes is never empty, and never replaces what is."""

_Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Size = Annotated[int, Meta(ge=0, lt=10**18)]
_Time = Annotated[int, Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class _Rest(Struct, forbid_unknown_fields=True):
    """A line without its path; bytes are base64."""

    old: _Digest
    new: _Digest
    old_size: _Size
    originals: tuple[tuple[_Size, bytes], ...]
    mtime_ns: _Time


class Change(Struct):
    """One file that was replaced.

    Attributes:
        path: POSIX path relative to the environment, as the system returns it.
        old: SHA-256 of the file before, in hexadecimal.
        new: SHA-256 of the file after, in hexadecimal.
        old_size: bytes of the file before.
        originals: ranges of the old file that differ in the new one: offset, and zlib-compressed bytes.
        mtime_ns: modification time of the old file.
    """

    path: str
    old: str
    new: str
    old_size: int
    originals: tuple[tuple[int, bytes], ...]
    mtime_ns: int


def pack_originals(writes: Iterable[Write]) -> tuple[tuple[int, bytes], ...]:
    """Compress ranges for a manifest."""
    return tuple((w.offset, zlib.compress(w.data)) for w in writes)


def unpack_originals(change: Change) -> Iterator[Write]:
    """Decompress the ranges that a change replaced.

    Raises:
        ValueError: they are not ranges of a file of the old size.
    """
    left = change.old_size
    for offset, packed in change.originals:
        inflate = zlib.decompressobj()
        try:
            data = inflate.decompress(packed, left + 1)
        except zlib.error as error:
            raise ValueError from error
        left -= len(data)
        if left < 0 or offset + len(data) > change.old_size or not inflate.eof:
            raise ValueError
        yield Write(offset=offset, data=data)


class Manifest:
    """The changes of one environment; only one process at a time has it open.

    Attributes:
        subject: path of its directory, for messages.
        root: descriptor of the environment.
        scratch: descriptor of a directory for new files that are not yet in place.
        changes: the changes, by path and new state.
        olds: the states that were replaced, by path.
        digests: SHA-256 of all states that were replaced.
    """

    def __init__(self, state: StateDirectory, scratch: int) -> None:
        self.subject = state.subject
        self.root = state.root
        self.scratch = scratch
        self.changes: dict[tuple[str, str], Change] = {}
        self.olds: dict[str, set[str]] = defaultdict(set)
        self.digests: set[bytes] = set()
        self._state = state
        self._keep(_read_changes(state))

    def paths(self) -> tuple[str, ...]:
        """List all files that were changed, in the order of their first change."""
        return tuple(self.olds)

    def add(self, changes: Iterable[Change]) -> None:
        """Record changes on the disk before they are made.

        Raises:
            ApplyError: they cannot be written, or the manifest would become too long to be read again.
        """
        new = [c for c in changes if self.changes.get((c.path, c.new)) != c]
        if not new:
            return
        data = b"".join(_render(change) for change in new)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        subject = self.subject / _CHANGES
        with tell_errors(subject), open(os.open(_CHANGES, flags, 0o644, dir_fd=self._state.fd), "wb") as file:  # noqa: PTH123
            check_ownership(file.fileno(), subject, self.root)
            if os.fstat(file.fileno()).st_size + len(data) > _LARGEST:
                raise ApplyError(str(subject), "is full", "undo what was patched, then patch at once")
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._keep(new)

    def forget(self, *, keep_roots: bool = False) -> None:
        """Delete the manifest and its directories, after everything was restored.

        Args:
            keep_roots: whether some file was left as it is, which may name store paths.
        """
        for name in (_CHANGES, LAST_RUN):  # first: the rest has no meaning without them
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self._state.fd)
        for name in (_SCRATCH,) if keep_roots else (_SCRATCH, ROOTS):
            remove_tree(self._state, name)
        with suppress(OSError):  # other files in it are not wheelfix's
            os.rmdir(OWN, dir_fd=self.root)

    def _keep(self, changes: Iterable[Change]) -> None:
        for change in changes:
            self.changes[change.path, change.new] = change
            self.olds[change.path].add(change.old)
            if change.old != ABSENT:
                self.digests.add(bytes.fromhex(change.old))


@contextmanager
def open_manifest(root: Path, *, create: bool, dry_run: bool = False) -> Iterator[Manifest | None]:
    """Open the manifest of an environment, and lock it.

    Args:
        root: the environment, all symbolic links resolved.
        create: whether to make one if there is none.
        dry_run: whether to write nothing.

    Yields:
        The manifest, or None without one.

    Raises:
        InputError: its directory is a link, another file, or belongs to another user.
        ApplyError: it is damaged, cannot be written, or another process has it.
    """
    with ExitStack() as stack:
        with tell_errors(root / OWN):
            top = stack.enter_context(open_directory(root))
            if not create and not is_there(OWN, top):
                yield None
                return
            state = stack.enter_context(open_state(top, root / OWN))
            manifest = _lock(state, stack, dry_run=dry_run)
        yield manifest
        with tell_errors(root / OWN):
            if not dry_run:
                remove_tree(state, _SCRATCH)
            if not dry_run and not manifest.changes:
                with suppress(OSError):  # other files are in it
                    os.rmdir(OWN, dir_fd=top)


def _lock(state: StateDirectory, stack: ExitStack, *, dry_run: bool) -> Manifest:
    try:
        fcntl.flock(state.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        subject = str(state.subject.parent)
        raise ApplyError(subject, "is being patched by another wheelfix", "wait for it") from None
    if dry_run:
        return Manifest(state, -1)
    remove_tree(state, _SCRATCH)  # of a run that was killed
    _cut_torn_line(state)
    os.mkdir(_SCRATCH, 0o700, dir_fd=state.fd)
    return Manifest(state, stack.enter_context(open_directory(_SCRATCH, inside=state.fd)))


@contextmanager
def _open_changes(state: StateDirectory, *, writable: bool = False) -> Iterator[int | None]:
    subject = state.subject / _CHANGES
    try:
        with open_regular(state.fd, _CHANGES, str(subject), writable=writable) as file:
            check_ownership(file, subject, state.root)
            yield file
    except FileNotFoundError:
        yield None
    except EditRefused:
        raise InputError(str(subject), "is no regular file", REMOVE) from None


def _read_data(state: StateDirectory) -> bytes:
    with _open_changes(state) as file:
        return b"" if file is None else read_bounded(file, str(state.subject / _CHANGES), _LARGEST)


def _cut_torn_line(state: StateDirectory) -> None:
    """Remove an incomplete last line, which the next appended line would continue."""
    data = _read_data(state)
    if data and not data.endswith(b"\n"):
        with _open_changes(state, writable=True) as file:
            if file is not None:
                os.ftruncate(file, data.rfind(b"\n") + 1)


def _read_changes(state: StateDirectory) -> Iterator[Change]:
    subject, lines = state.subject / _CHANGES, _read_data(state).split(b"\n")
    for number, line in enumerate(lines[:-1], 1):  # the change of an incomplete line was never made
        try:
            yield _parse(line)
        except ValueError:
            hint = "reinstall what was patched, then delete the directory of this file"
            raise ApplyError(f"{subject}:{number}", "is damaged: it cannot be undone", hint) from None


def _parse(line: bytes) -> Change:
    """Read one line.

    Raises:
        ValueError: it is not a change.
    """
    match = _PATH.match(line)
    if match is None or line.count(b"[", match.end()) > _MOST_RANGES + 1:
        raise ValueError
    # Parsed separately: a name that is not UTF-8 has lone surrogates, which `decode_json` refuses.
    path = os.fsdecode(os.fsencode(json.loads(match[1])))
    if not is_below(path) or path.partition("/")[0] == OWN:
        raise ValueError
    rest = decode_json(b"{" + line[match.end() :], _Rest)
    return Change(path=path, **asdict(rest))


def _render(change: Change) -> bytes:
    rest = _Rest(
        old=change.old,
        new=change.new,
        old_size=change.old_size,
        originals=change.originals,
        mtime_ns=change.mtime_ns,
    )
    return b'{"path":' + json.dumps(change.path).encode() + b"," + encode_json(rest)[1:] + b"\n"
