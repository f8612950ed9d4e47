"""Writes files so that each is replaced completely or not at all.

Output is written beside its place under another name first, and renamed when it is complete
(:func:`stage_inside`). Where several processes may write the same file, or one should resume where another
was interrupted, that name is a fixed one, held by one process at a time (:func:`claim_file`). Links at these
names are not followed. Only a path that the user names is examined before it is replaced
(:func:`stage_output`).
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from wheelfix.errors import ApplyError, describe
from wheelfix.wheel.input import find_kind, open_regular

_PATIENCE = 3.0
"""Seconds to wait for the reader of a named pipe."""
_STEP = 0.02
_WRITE = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_PREFIX = ".wheelfix-"
_PRIVATE, _READABLE, _PUBLIC = 0o600, 0o644, 0o666


@contextmanager
def stage_output(
    path: Path, *, hint: str = "name another file with -o", parents: bool = False
) -> Iterator[BinaryIO]:
    """Yield a new file, and put its content where the user wants it.

    A regular file is replaced completely or not at all, and keeps mode and owner. A link to one is kept and
    its target replaced, as a shell writes through links too. A pipe or a character device is written into.
    Anything else is refused before the block runs: directories, disks, sockets, broken links.

    Args:
        path: path of the output.
        hint: what to do if it cannot be written.
        parents: also make missing parent directories.

    Yields:
        A new, empty file; ``name`` is its path.

    Raises:
        ApplyError: the output cannot be written; an existing file is unchanged.
    """
    try:
        if parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        target = _open_target(path)
    except (OSError, ValueError) as error:
        raise _refuse(path, f"cannot be written ({describe(error)})", hint) from None
    try:
        sink = None if target is None else _find_sink(target, path, hint)
        with _replace(path, target) if sink is None else _pour_into(sink) as staged:
            yield staged
    except OSError as error:
        raise _refuse(path, f"cannot be written ({describe(error)})", hint) from None
    finally:
        if target is not None:
            os.close(target)


def write_output(path: Path, data: bytes, *, hint: str = "name another file with -o") -> None:
    """Write a file in the way of :func:`stage_output`.

    Raises:
        ApplyError: it cannot be written; an existing file is unchanged.
    """
    with stage_output(path, hint=hint) as staged:
        staged.write(data)


@contextmanager
def stage_file(place: Path, *, sync: bool = False) -> Iterator[BinaryIO]:
    """Yield a new file, which is moved to its place when the block ends without an error.

    For wheelfix's own files: whatever has the name is replaced, links included, and other users cannot read
    the file. Its directory is made, for this user alone.

    Args:
        place: final path of the file.
        sync: flush it to the disk before it is moved.

    Yields:
        A new, empty file; ``name`` is its path.

    Raises:
        OSError: it cannot be written; an existing file is unchanged.
    """
    with (
        _open_directory(place.parent, make=True) as directory,
        stage_inside(directory, place.name, path=place, sync=sync) as file,
    ):
        yield file


def write_file(place: Path, data: bytes) -> None:
    """Write a file in the way of :func:`stage_file`.

    Raises:
        OSError: it cannot be written; an existing file is unchanged.
    """
    with stage_file(place) as file:
        file.write(data)


def write_files(directory: Path, contents: Mapping[str, bytes]) -> None:
    """Write several files that all users may read; all are written before the first is renamed.

    Args:
        directory: directory of all of them; made if it is missing.
        contents: of the files, by name.

    Raises:
        OSError: one cannot be written, and all are unchanged; or the system refuses to rename one.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        inside = stack.enter_context(_open_directory(directory))
        for name, data in contents.items():
            file = stack.enter_context(stage_inside(inside, name, path=directory / name, sync=False))
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), _READABLE)


@contextmanager
def stage_alone(place: Path) -> Iterator[BinaryIO]:
    """Yield a new file that is moved to its place, over an older one, when the block ends without an error.

    Only one process at a time writes to a place. The remains of a killed process are overwritten by the next.

    Args:
        place: final path of the file; its directory must exist.

    Yields:
        An empty file.

    Raises:
        ApplyError: something other than a file has its name, or another process is writing it.
        OSError: it cannot be written; an existing file is unchanged.
    """
    partial = place.with_name(f".{place.name}.partial")

    def give_up() -> None:
        raise _refuse(partial, "is being written by another wheelfix", "wait for it")

    with ExitStack() as stack:
        directory = stack.enter_context(_open_directory(place.parent))
        _check_replaceable(directory, place)
        try:
            file = stack.enter_context(claim_file(partial, wait=give_up, inside=directory))
        except OSError as error:
            if error.errno:
                raise
            problem = "is in the way, and not of wheelfix's making"
            raise _refuse(partial, problem, "look at it, then delete it") from None
        try:
            file.truncate(0)
            yield file
            _check_replaceable(directory, place)
            _settle(file, directory, partial.name, place.name, sync=True)
        except BaseException:
            with suppress(OSError):
                os.unlink(partial.name, dir_fd=directory)
            raise


@contextmanager
def stage_inside(
    directory: int,
    name: str,
    *,
    path: Path,
    beside: str = "",
    mode: int = _PRIVATE,
    sync: bool = True,
) -> Iterator[BinaryIO]:
    """Yield a new file in an open directory, moved to its name when the block ends without an error.

    Args:
        directory: descriptor of the directory.
        name: name of the complete file.
        path: path of the complete file, for messages and for programs that need one.
        beside: temporary name, which must be unique.
        mode: mode of the file, before the umask is applied.
        sync: flush it to the disk before it is moved.

    Yields:
        A new, empty file; ``name`` is its path.

    Raises:
        OSError: it cannot be written; an existing file is unchanged.
    """
    beside = beside or f"{_PREFIX}{os.urandom(8).hex()}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

    def create(_path: str, _flags: int) -> int:
        return os.open(beside, flags, mode, dir_fd=directory)

    file = cast(BinaryIO, open(path.with_name(beside), "w+b", opener=create))  # noqa: SIM115
    try:
        with file:
            yield file
            _settle(file, directory, beside, name, sync=sync)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside, dir_fd=directory)
        raise


@contextmanager
def claim_file(path: Path, *, wait: Callable[[], None], inside: int | None = None) -> Iterator[BinaryIO]:
    """Open or make a file of a fixed name, as soon as no other process holds it in this way.

    On a file system without locks it is opened anyway.

    Args:
        path: path of the file; its directory must exist.
        wait: called each time that another process holds it; raises to give up.
        inside: descriptor of that directory, if the path could come to lead elsewhere meanwhile.

    Yields:
        The file, for reading and writing, with its current content.

    Raises:
        OSError: it cannot be opened, is not a regular file with one name, or belongs to a user other than
            this one and the owner of the directory. ``errno`` is 0 where the system itself would allow it.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    name = path if inside is None else Path(path.name)
    while True:
        with open_regular(name, flags, "r+b", inside=inside) as file:
            _check_owner(file, path, inside)
            locked = _lock(file, wait)
            # The process that held it may have renamed or removed it.
            if not locked or _is_still(file, name, inside):
                yield file
                return


def settle_file(file: BinaryIO, path: Path, place: Path) -> None:
    """Move a file that was claimed beside its place to the place, after flushing it to the disk.

    Args:
        file: from :func:`claim_file`, complete.
        path: its current path.
        place: its final path in the same directory.

    Raises:
        OSError: it cannot be renamed.
    """
    with _open_directory(place.parent) as directory:
        _settle(file, directory, path.name, place.name, sync=True)


@contextmanager
def open_scratch(directory: Path) -> Iterator[int]:
    """Make a file without a name, which disappears with this process, however it ends.

    Args:
        directory: on a file system with enough room.

    Yields:
        Its descriptor.

    Raises:
        OSError: it cannot be made.
    """
    try:
        fd = os.open(directory, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, _PRIVATE)
    except OSError:  # the file system does not support files without a name
        from tempfile import mkstemp

        fd, name = mkstemp(prefix=_PREFIX, dir=directory)
        os.unlink(name)  # noqa: PTH108
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def open_workplace() -> Iterator[Path]:
    """Make an empty directory for this user alone, which is deleted after the block.

    Raises:
        OSError: it cannot be made.
    """
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="wheelfix-") as name:
        yield Path(name)


def is_terminal(path: Path) -> bool:
    """Tell whether output to a path appears on a terminal."""
    try:
        if not stat.S_ISCHR(path.stat().st_mode):
            return False
        descriptor = os.open(path, _WRITE)
    except OSError:
        return False
    try:
        return os.isatty(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _open_directory(path: Path, *, make: bool = False) -> Iterator[int]:
    """Open a directory; one of wheelfix's own is made if it is missing."""
    try:
        descriptor = os.open(path, _DIRECTORY)
    except FileNotFoundError:
        if not make:
            raise
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _settle(file: BinaryIO, directory: int, beside: str, name: str, *, sync: bool) -> None:
    """Move a complete file to its place: the only rename in this module."""
    file.flush()
    if sync:
        os.fsync(file.fileno())
    os.replace(beside, name, src_dir_fd=directory, dst_dir_fd=directory)


@contextmanager
def _replace(path: Path, target: int | None) -> Iterator[BinaryIO]:
    place = Path(os.path.realpath(path))
    with (
        _open_directory(place.parent) as directory,
        stage_inside(directory, place.name, path=place, mode=_PUBLIC) as staged,
    ):
        yield staged
        if target is not None:
            old = os.fstat(target)
            with suppress(PermissionError):
                os.fchown(staged.fileno(), old.st_uid, old.st_gid)
            os.fchmod(staged.fileno(), stat.S_IMODE(old.st_mode))


@contextmanager
def _pour_into(sink: int) -> Iterator[BinaryIO]:
    from shutil import copyfileobj
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile("w+b", prefix=_PREFIX[1:]) as staged:
        yield cast(BinaryIO, staged)
        staged.seek(0)
        os.set_blocking(sink, True)
        with os.fdopen(os.dup(sink), "wb") as file:
            copyfileobj(staged, file)


def _open_target(path: Path) -> int | None:
    """Open an existing output, so that the kernel decides whether it is writable; None if there is none."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return os.open(path, _WRITE)
        except FileNotFoundError:
            if path.is_symlink():
                raise OSError(errno.ENOENT, "it is a link to nothing") from None
            return None
        except OSError as error:
            # A pipe without a reader: a shell may be about to start the reader.
            if error.errno != errno.ENXIO or not path.is_fifo():
                raise
            if time.monotonic() > end:
                raise OSError(errno.ENXIO, "it is a named pipe that nobody reads") from None
            time.sleep(_STEP)


def _find_sink(target: int, path: Path, hint: str) -> int | None:
    """Return the descriptor to write into; None for a file that is replaced."""
    found = os.fstat(target)
    if stat.S_ISFIFO(found.st_mode) or stat.S_ISCHR(found.st_mode):
        return target
    if not stat.S_ISREG(found.st_mode):
        raise _refuse(path, f"is {find_kind(found.st_mode)}, no file", hint)
    # /dev/stdout: a file that this process already writes to, at its current position.
    return next((n for n in (1, 2) if os.path.samestat(os.fstat(n), found)), None)


def _refuse(path: Path, problem: str, hint: str) -> ApplyError:
    return ApplyError(str(path), problem, hint)


def _check_replaceable(directory: int, place: Path) -> None:
    """Refuse to replace a device, a pipe, a link or a directory.

    Raises:
        ApplyError: one of those has the name.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.stat(place.name, dir_fd=directory, follow_symlinks=False).st_mode):
            raise _refuse(place, "is no regular file: it is not replaced", "give another directory")


def _check_owner(file: BinaryIO, path: Path, inside: int | None) -> None:
    owner = os.fstat(file.fileno()).st_uid
    if owner not in {os.geteuid(), os.stat(path.parent if inside is None else inside).st_uid}:  # noqa: PTH116
        raise OSError(0, "belongs to somebody else", str(path))


def _lock(file: BinaryIO, wait: Callable[[], None]) -> bool:
    """Lock a file once no other process holds the lock; False if the file system has no locks."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait()
        except OSError:
            return False
        else:
            return True


def _is_still(file: BinaryIO, name: Path, inside: int | None) -> bool:
    try:
        there = os.stat(name, dir_fd=inside, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(file.fileno()), there)
