"""One way to write a file: in its place it is whole, or what was there is as it was.

What is written stands beside its place under another name first, and is renamed when it is complete
(:func:`stage_inside`). Where several processes may want the same file, or one shall go on where another was
cut, that name is a fixed one, and one process at a time has it (:func:`claim_file`). No link is followed
there. Only what a user names is looked at before it is replaced (:func:`stage_output`).
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
from wheelfix.wheel.open import find_kind, open_regular

_PATIENCE = 3.0
"""Seconds that somebody at the other end of a named pipe is waited for."""
_STEP = 0.02
_WRITE = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_PREFIX = ".wheelfix-"
_PRIVATE, _READABLE, _PUBLIC = 0o600, 0o644, 0o666


@contextmanager
def stage_output(
    path: Path, *, hint: str = "name another file with -o", parents: bool = False
) -> Iterator[BinaryIO]:
    """Give the block a new file, and put its content where the user wants it.

    A regular file is replaced at once or not at all, and keeps mode and owner. A link to one stays, and what
    it points to is replaced: a shell writes through links as well. A pipe or a character device is written
    into. All else is refused before the block runs: directories, disks, sockets, links to nothing.

    Args:
        path: where the output goes.
        hint: what to do if it cannot be written.
        parents: make the directory that it is in, and those above.

    Yields:
        A new, empty file; ``name`` is its path.

    Raises:
        ApplyError: nothing can be written there; what was there stays.
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
    """Write a file as :func:`stage_output` puts one in place.

    Raises:
        ApplyError: it cannot be written; what was there stays.
    """
    with stage_output(path, hint=hint) as staged:
        staged.write(data)


@contextmanager
def stage_file(place: Path, *, sync: bool = False) -> Iterator[BinaryIO]:
    """Give the block a new file, which takes its place when the block ends well.

    For places of wheelfix's own: whatever has the name is replaced, links included, and nobody else may read
    the file. Its directory is made, for this user alone.

    Args:
        place: where the file belongs.
        sync: bring it to the disk before it takes its place.

    Yields:
        A new, empty file; ``name`` is its path.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    with (
        _open_own_directory(place.parent) as directory,
        stage_inside(directory, place.name, path=place, sync=sync) as file,
    ):
        yield file


def write_file(place: Path, data: bytes) -> None:
    """Write a file as :func:`stage_file` puts one in place.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    with stage_file(place) as file:
        file.write(data)


def write_files(directory: Path, contents: Mapping[str, bytes]) -> None:
    """Write several files that everybody may read; none takes its place before all are written.

    Args:
        directory: of all of them; made if it is missing.
        contents: of the files, by name.

    Raises:
        OSError: one cannot be written, and all are as they were; or the system refuses to rename one.
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
    """Give the block a new file that takes its place, and that of an older one, when the block ends well.

    One process at a time writes to a place. What a killed one left behind is written over by the next one.

    Args:
        place: where the file belongs; its directory is there.

    Yields:
        An empty file.

    Raises:
        ApplyError: something else than a file has its name, or somebody else is writing it.
        OSError: it cannot be written; what was there stays.
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
    """Give the block a new file in an open directory, which takes its place there when the block ends well.

    Args:
        directory: descriptor of it.
        name: of the file, when it is complete.
        path: of the file, when it is complete; for messages, and for programs that want one.
        beside: name of the file meanwhile; one that nobody else has by itself.
        mode: of the file, less what the umask takes away.
        sync: bring it to the disk before it takes its place.

    Yields:
        A new, empty file; ``name`` is its path.

    Raises:
        OSError: it cannot be written; what was there stays.
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
    """Open a file of a fixed name, or make it, as soon as no other process has it open in this way.

    On a file system without locks it is opened all the same.

    Args:
        path: of the file; its directory is there.
        wait: called each time that another process has it; raises to give it up.
        inside: descriptor of that directory, where the path must not lead elsewhere meanwhile.

    Yields:
        The file, to be read and written, with whatever is in it.

    Raises:
        OSError: it cannot be opened, or is no regular file with one name; or it belongs to somebody else
            than this user and the owner of the directory. ``errno`` is 0 where the system would not mind.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    name = path if inside is None else Path(path.name)
    while True:
        with open_regular(name, flags, "r+b", inside=inside) as file:
            _check_owner(file, path, inside)
            locked = _lock(file, wait)
            # The process that had it may have renamed or removed it.
            if not locked or _is_still(file, name, inside):
                yield file
                return


def settle_file(file: BinaryIO, path: Path, place: Path) -> None:
    """Let a file that was claimed beside its place take the place, once it is on the disk.

    Args:
        file: of :func:`claim_file`, complete.
        path: of it.
        place: in the same directory.

    Raises:
        OSError: it cannot be renamed.
    """
    with _open_directory(place.parent) as directory:
        _settle(file, directory, path.name, place.name, sync=True)


@contextmanager
def open_scratch(directory: Path) -> Iterator[int]:
    """Make a file that nobody else sees, and that is gone when this process is, however it ends.

    Args:
        directory: on the file system where there is room.

    Yields:
        Its descriptor.

    Raises:
        OSError: it cannot be made.
    """
    try:
        fd = os.open(directory, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, _PRIVATE)
    except OSError:  # file systems that have no files without a name
        from tempfile import mkstemp

        fd, name = mkstemp(prefix=_PREFIX, dir=directory)
        os.unlink(name)  # noqa: PTH108
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def open_workplace() -> Iterator[Path]:
    """Make an empty directory for this user alone, which goes with the block and what is in it.

    Raises:
        OSError: it cannot be made.
    """
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="wheelfix-") as name:
        yield Path(name)


def is_terminal(path: Path) -> bool:
    """Tell whether what is written to a path appears on a terminal."""
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
def _open_directory(path: Path) -> Iterator[int]:
    descriptor = os.open(path, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _open_own_directory(path: Path) -> Iterator[int]:
    """Open a directory of wheelfix's own, which is made if it is missing."""
    try:
        descriptor = os.open(path, _DIRECTORY)
    except FileNotFoundError:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, _DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _settle(file: BinaryIO, directory: int, beside: str, name: str, *, sync: bool) -> None:
    """Let a complete file take its place: the one rename of this module."""
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
    """Open what is there, so that the kernel decides whether it may be written; None if nothing is."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return os.open(path, _WRITE)
        except FileNotFoundError:
            if path.is_symlink():
                raise OSError(errno.ENOENT, "it is a link to nothing") from None
            return None
        except OSError as error:
            # A pipe without a reader: it may be about to come, as one that a shell starts beside this.
            if error.errno != errno.ENXIO or not path.is_fifo():
                raise
            if time.monotonic() > end:
                raise OSError(errno.ENXIO, "it is a named pipe that nobody reads") from None
            time.sleep(_STEP)


def _find_sink(target: int, path: Path, hint: str) -> int | None:
    """The descriptor to write into; None for a file that is replaced."""
    found = os.fstat(target)
    if stat.S_ISFIFO(found.st_mode) or stat.S_ISCHR(found.st_mode):
        return target
    if not stat.S_ISREG(found.st_mode):
        raise _refuse(path, f"is {find_kind(found.st_mode)}, no file", hint)
    # /dev/stdout: a file that this process already writes to, from where it is in it.
    return next((n for n in (1, 2) if os.path.samestat(os.fstat(n), found)), None)


def _refuse(path: Path, problem: str, hint: str) -> ApplyError:
    return ApplyError(str(path), problem, hint)


def _check_replaceable(directory: int, place: Path) -> None:
    """Refuse to put a file in the place of a device, a pipe, a link or a directory.

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
    """Lock a file once no other process has it locked; False where the file system has no locks."""
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
