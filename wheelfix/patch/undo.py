"""Restores the changed files of an environment from its manifest.

A manifest is not trusted. A file is restored only if the old and the present version differ in the way an
edit makes them differ: a restored ELF file is verified against the present one, and a restored RECORD has to
list the same paths, but for shims. These were not there before, and are removed if they are what wheelfix
writes. Patching changes no other kinds of files, so no others are restored.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wheelfix.errors import EditRefused, WheelError
from wheelfix.model.scan import Finding, Level
from wheelfix.patch.checked import check_copy
from wheelfix.patch.environment import MAX_FILE, read_patchable
from wheelfix.patch.files import copy_attributes, copy_contents, has_rights, hash_file, tell_errors
from wheelfix.patch.manifest import ABSENT, Change, Manifest, open_manifest, unpack_originals
from wheelfix.patch.nofollow import (
    open_directory,
    open_parent,
    open_regular,
    read_bounded,
    remove_beside,
    replace_file,
    tell_links,
)
from wheelfix.patch.record import parse_record
from wheelfix.pysource.shim import MAX_SHIM, is_shim_file, is_shim_name
from wheelfix.wheel.environment import MAX_RECORD

Progress = Callable[[int, int], None]


def undo_environment(
    directory: Path, *, progress: Progress | None = None, dry_run: bool = False
) -> tuple[Finding, ...]:
    """Restore the files of an environment, bit by bit.

    Args:
        directory: the environment.
        progress: told files done and in all.
        dry_run: whether to report only.

    Returns:
        A warning for each file that changed since and is not restored, and the number of restored files.

    Raises:
        InputError: the directory cannot be read, or its manifest is not wheelfix's.
        ApplyError: a file cannot be written. Another run can restore the remaining files.
    """
    root = read_patchable(directory).root
    findings: list[Finding] = []
    restored = 0
    with open_manifest(root, create=False, dry_run=dry_run) as manifest:
        # What starts a shim goes before the shim.
        paths = sorted(manifest.paths(), key=_is_started) if manifest else []
        for number, path in enumerate(paths, 1):
            assert manifest is not None
            done, problem = _restore(root, path, manifest, dry_run=dry_run)
            restored += done
            findings += [Finding(level=Level.WARNING, subject=path, message=problem)] if problem else []
            if progress:
                progress(number, len(paths))
        if manifest and not dry_run:
            with tell_errors(manifest.subject):
                manifest.forget(keep_roots=bool(findings))
    what = "would be restored" if dry_run else "restored"
    findings.append(Finding(level=Level.NOTE, subject=str(directory), message=f"{restored} files {what}"))
    return tuple(findings)


def _is_started(path: str) -> bool:
    name = path.rpartition("/")[2]
    return is_shim_name(name) and name.endswith(".py")


def _restore(root: Path, path: str, manifest: Manifest, *, dry_run: bool) -> tuple[bool, str | None]:
    """Restore one file; returns whether that was done, and the problem if there is one."""
    subject = str(root / path)
    with tell_errors(root / path):
        try:
            with (
                tell_links(subject),
                open_parent(manifest.root, path) as (directory, name),
                open_regular(directory, name, subject) as fd,
            ):
                return _restore_file(fd, (directory, name), path, manifest, dry_run=dry_run)
        except FileNotFoundError:
            # A shim goes with its distribution, whose RECORD lists it.
            return False, None if is_shim_name(path.rpartition("/")[2]) else "is gone: nothing to restore"
        except EditRefused as refused:
            return False, f"{refused.problem}: left as it is"


def _restore_file(
    fd: int, target: tuple[int, str], path: str, manifest: Manifest, *, dry_run: bool
) -> tuple[bool, str | None]:
    was = os.fstat(fd)
    if was.st_size > MAX_FILE:
        return False, "was replaced since: left as it is"
    state = hash_file(fd).hex()
    steps = list(_find_steps(path, state, manifest))
    if not steps:
        # A file in an old state: a killed run recorded the change and did not make it.
        return False, None if state in manifest.olds[path] else "was replaced since: left as it is"
    if has_rights(fd):
        return False, "has got rights that its user does not have: left as it is"
    if steps[-1].old == ABSENT:
        return _remove(fd, target, path, dry_run=dry_run)
    if dry_run:
        return True, None
    remove_beside(*target)
    with _open_copies(manifest) as copies:
        before = fd
        for number, change in enumerate(steps):
            after = copies[number % 2]
            try:
                _step_back(before, after, path, change)
            except (ValueError, WheelError, EditRefused):
                return False, "cannot be restored: the manifest does not fit it"
            before = after
        copy_attributes(fd, before)
        os.utime(before, ns=(was.st_atime_ns, steps[-1].mtime_ns))
        replace_file((manifest.scratch, _COPIES[copies.index(before)]), target, was=was)
    return True, None


def _remove(fd: int, target: tuple[int, str], path: str, *, dry_run: bool) -> tuple[bool, str | None]:
    """Remove a file that was not there before; a manifest that is another's can name files of shims alone."""
    size = os.fstat(fd).st_size
    if size > MAX_SHIM or not is_shim_file(target[1], read_bounded(fd, path, MAX_SHIM)):
        return False, "cannot be removed: it is not what the manifest says"
    if not dry_run:
        os.unlink(target[1], dir_fd=target[0])
        _remove_bytecode(target)
    return True, None


def _remove_bytecode(target: tuple[int, str]) -> None:
    """Remove what the interpreter made of a shim."""
    directory, name = target
    stem = name.removesuffix("py")
    with suppress(OSError), open_directory("__pycache__", inside=directory) as cache:
        for file in os.listdir(cache):  # noqa: PTH208 - of an open directory
            if name.endswith(".py") and file.startswith(stem) and file.endswith(".pyc"):
                os.unlink(file, dir_fd=cache)


def _find_steps(path: str, state: str, manifest: Manifest) -> Iterator[Change]:
    """Find the changes from a state back to the oldest one."""
    seen = set()
    while (change := manifest.changes.get((path, state))) and state not in seen:
        seen.add(state)
        yield change
        state = change.old


def _step_back(after: int, before: int, path: str, change: Change) -> None:
    """Restore the state of a file before a change.

    Args:
        after: descriptor of the file after the change.
        before: descriptor of an empty file, to which the old state is written.
        path: relative to the environment.
        change: the change.

    Raises:
        ValueError: it is not a change of this file.
        WheelError: the old or the present file is not a RECORD.
        EditRefused: the change is not an edit of this file.
    """
    is_record = path.endswith(".dist-info/RECORD")
    # An edit never makes a file shorter.
    if change.old_size > (MAX_RECORD if is_record else os.fstat(after).st_size):
        raise ValueError
    os.ftruncate(before, 0)
    copy_contents(after, before)
    for original in unpack_originals(change):
        _write_all(before, original.data, original.offset)
    os.ftruncate(before, change.old_size)
    if hash_file(before).hex() != change.old:
        raise ValueError
    if not is_record:
        check_copy(path, before, after, None)
    elif _list_paths(path, before) != _list_paths(path, after):
        raise ValueError


def _list_paths(path: str, fd: int) -> list[str]:
    """List the paths of a RECORD, without those of shims, which come and go with a patch."""
    rows = parse_record(path, read_bounded(fd, path, MAX_RECORD))
    return [row[0] for row in rows if not is_shim_name(row[0])]


_COPIES = ("before", "after")


@contextmanager
def _open_copies(manifest: Manifest) -> Iterator[tuple[int, int]]:
    """Make two empty files in the scratch directory, which are removed if they are not used."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    made: list[int] = []
    try:
        made.extend(os.open(name, flags, 0o600, dir_fd=manifest.scratch) for name in _COPIES)
        yield made[0], made[1]
    finally:
        for fd in made:
            os.close(fd)
        for name in _COPIES:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=manifest.scratch)


def _write_all(fd: int, data: bytes, offset: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(fd, data[done:], offset + done)
