"""What an environment's files were before they were changed, kept beside them.

``.wheelfix/changes.jsonl`` in the environment: one JSON object a line, appended before a file takes its
place. A line says how to get from one state of a file to the one before; states are told by their SHA-256::

    {"path": "lib/python3.12/site-packages/x.so", "old": "<sha256>", "new": "<sha256>",
     "old_size": 16200, "originals": [[64, "<base64 of zlib>"], ...], "mtime_ns": 1700000000000000000}

``path`` is relative to the environment. ``originals`` are ranges of the old file that differ in the new one,
by offset. A line is of use if the file is in its new state: so it does no harm that a run was killed after it
wrote the line, and that the next run writes it again. A last line without its end was never acted on.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wheelfix.errors import ApplyError
from wheelfix.model.patch import Write
from wheelfix.patch.files import tell_errors
from wheelfix.wheel.tree import OWN

_CHANGES = "changes.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file that was replaced.

    Attributes:
        path: POSIX path relative to the environment, as the system spells it.
        old: SHA-256 of the file before, in hexadecimal.
        new: the same of the file after.
        old_size: bytes of the file before.
        originals: what the old file had where the new one differs.
        mtime_ns: modification time of the old file.
    """

    path: str
    old: str
    new: str
    old_size: int
    originals: tuple[Write, ...]
    mtime_ns: int


class Manifest:
    """The changes of one environment; one process at a time has it open.

    Attributes:
        directory: ``.wheelfix`` of the environment.
        changes: by path and new state.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.changes: dict[tuple[str, str], Change] = {
            (c.path, c.new): c for c in _read_changes(directory / _CHANGES)
        }

    def paths(self) -> tuple[str, ...]:
        """All files that were changed, in the order of their first change."""
        return tuple(dict.fromkeys(path for path, _ in self.changes))

    def scratch(self) -> Path:
        """A directory for files that are about to take their places; empty when a run starts."""
        path = self.directory / "new"
        path.mkdir(exist_ok=True)
        return path

    def add(self, changes: Iterable[Change]) -> None:
        """Write changes down, on the disk, before they are made."""
        new = [c for c in changes if self.changes.get((c.path, c.new)) != c]
        if not new:
            return
        data = b"".join(_render(change) for change in new)
        fd = os.open(self.directory / _CHANGES, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        with open(fd, "wb") as file:  # noqa: PTH123
            file.write(data)
            file.flush()
            os.fsync(fd)
        self.changes |= {(c.path, c.new): c for c in new}

    def forget(self) -> None:
        """Delete the manifest with all that is beside it: everything was taken back."""
        (self.directory / _CHANGES).unlink(missing_ok=True)  # first: without it, the rest means nothing
        shutil.rmtree(self.directory, ignore_errors=True)


@contextmanager
def open_manifest(root: Path, *, create: bool) -> Iterator[Manifest | None]:
    """Open the manifest of an environment, and lock it.

    Args:
        root: the environment.
        create: make one if there is none.

    Yields:
        The manifest, or None without one.

    Raises:
        ApplyError: it is damaged, cannot be written, or another process has it.
    """
    directory = root / OWN
    if not create and not directory.is_dir():
        yield None
        return
    with tell_errors(directory):
        directory.mkdir(exist_ok=True)
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with tell_errors(directory):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ApplyError(str(root), "is being patched by another wheelfix", "wait for it") from None
            shutil.rmtree(directory / "new", ignore_errors=True)  # of a run that was killed
            _cut_torn_line(directory / _CHANGES)
        manifest = Manifest(directory)
        yield manifest
        if not manifest.changes and create:
            with tell_errors(directory):
                shutil.rmtree(directory / "new", ignore_errors=True)
                if not any(directory.iterdir()):
                    directory.rmdir()
    finally:
        os.close(lock)


def _cut_torn_line(path: Path) -> None:
    """Take away a last line that was not written whole: what is appended must not continue it."""
    if not path.exists():
        return
    data = path.read_bytes()
    if not data.endswith(b"\n"):
        os.truncate(path, data.rfind(b"\n") + 1)


def _read_changes(path: Path) -> Iterator[Change]:
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        hint = "check its permissions"
        raise ApplyError(str(path), (error.strerror or str(error)).lower(), hint) from None
    for number, line in enumerate(lines, 1):
        try:
            yield _parse(json.loads(line))
        except (ValueError, TypeError, KeyError, zlib.error):
            hint = "reinstall what was patched, then delete the directory of this file"
            raise ApplyError(f"{path}:{number}", "is damaged: it cannot be undone", hint) from None


def _parse(row: Mapping[str, Any]) -> Change:
    path = str(row["path"])
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError
    return Change(
        path=os.fsdecode(os.fsencode(path)),
        old=str(row["old"]),
        new=str(row["new"]),
        old_size=int(row["old_size"]),
        originals=tuple(
            Write(offset=int(offset), data=zlib.decompress(base64.b64decode(data)))
            for offset, data in row["originals"]
        ),
        mtime_ns=int(row["mtime_ns"]),
    )


def _render(change: Change) -> bytes:
    row = {
        "path": change.path,
        "old": change.old,
        "new": change.new,
        "old_size": change.old_size,
        "originals": [[w.offset, base64.b64encode(zlib.compress(w.data)).decode()] for w in change.originals],
        "mtime_ns": change.mtime_ns,
    }
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"  # ASCII: file names may be no UTF-8
