"""Writes a plan into a file, and reverts it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wheelfix.errors import ApplyError, EditRefused, describe
from wheelfix.patch.edit.image import read_image
from wheelfix.patch.edit.plan import plan_edit
from wheelfix.patch.model import AppliedEdit, EditPlan, ElfEdit, Write


def plan_file(path: Path, edit: ElfEdit) -> EditPlan:
    """Compute what an edit of a file would write; nothing is written.

    Raises:
        EditRefused: it cannot be done exactly.
        ApplyError: the file cannot be read.
    """
    with _open(path, os.O_RDONLY) as fd:
        return plan_edit(read_image(str(path), fd), edit)


def apply_edit(path: Path, edit: ElfEdit) -> AppliedEdit:
    """Change an ELF file in place; only the bytes that differ are written.

    The file keeps its inode, so it must have no other hard links, and nothing may run or edit it meanwhile:
    the callers, patch/environment.py and patch/wheel.py, pass a fresh copy.

    Args:
        path: a regular file.
        edit: what is to change.

    Returns:
        The old and the new bytes of all changed ranges; ``changed`` is empty if no edit was needed.

    Raises:
        EditRefused: it cannot be done exactly; the file is as it was.
        ApplyError: the file cannot be opened or written; it is as it was, unless restoring it fails too.
    """
    plan = plan_file(path, edit)  # opened read-only: a file that needs no edit may be read-only
    if not plan.writes:
        return AppliedEdit(
            method="none", originals=(), changed=(), old_size=plan.old_size, new_size=plan.old_size
        )
    with _open(path, os.O_RDWR) as fd:
        if os.fstat(fd).st_size != plan.old_size:
            raise ApplyError(str(path), "changes while it is edited", "stop what else writes to it")
        applied = AppliedEdit(
            method=plan.method,
            originals=tuple(_read_originals(fd, plan)),
            changed=plan.writes,
            old_size=plan.old_size,
            new_size=plan.new_size,
        )
        try:
            for write in plan.writes:
                _write(fd, write)
        except OSError:
            _revert(fd, applied)
            raise
    return applied


def revert_edit(path: Path, applied: AppliedEdit) -> None:
    """Revert an edit: afterwards the file is as it was, bit by bit.

    Raises:
        ApplyError: the file has changed since the edit, or cannot be written.
    """
    with _open(path, os.O_RDWR) as fd:
        changed = any(os.pread(fd, len(w.data), w.offset) != w.data for w in applied.changed)
        if os.fstat(fd).st_size != applied.new_size or changed:
            raise ApplyError(str(path), "was changed after the edit", "restore it from where it came from")
        _revert(fd, applied)


def _revert(fd: int, applied: AppliedEdit) -> None:
    for original in applied.originals:
        _write(fd, original)
    os.ftruncate(fd, applied.old_size)


def _read_originals(fd: int, plan: EditPlan) -> Iterator[Write]:
    for write in plan.writes:
        size = min(len(write.data), plan.old_size - write.offset)
        if size > 0:
            yield Write(offset=write.offset, data=os.pread(fd, size, write.offset))


def _write(fd: int, write: Write) -> None:
    done = 0
    while done < len(write.data):
        done += os.pwrite(fd, write.data[done:], write.offset + done)


@contextmanager
def _open(path: Path, mode: int) -> Iterator[int]:
    """Open a regular file.

    Raises:
        EditRefused: it is not a regular file.
        ApplyError: it cannot be opened, read or written.
    """
    try:
        fd = os.open(path, mode | os.O_NONBLOCK | os.O_CLOEXEC)
    except IsADirectoryError:
        raise EditRefused(str(path), "is no regular file", "name a shared library or a program") from None
    except (OSError, ValueError) as error:
        raise ApplyError(str(path), describe(error), _HINT) from None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise EditRefused(str(path), "is no regular file", "name a shared library or a program")
        yield fd
    except OSError as error:
        raise ApplyError(str(path), describe(error), _HINT) from None
    finally:
        os.close(fd)


_HINT = "check the path, its permissions, the space on the disk, and that nobody runs the file"
