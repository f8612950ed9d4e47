"""Wheels as archives: the central directory, and members as streams of inflated bytes.

The central directory is read by :mod:`zipfile` and checked by :mod:`wheelfix.wheel.directory`; members are
inflated here, from positioned reads, so that several threads can work on one file and nothing is ever
extracted.
Format: PKWARE APPNOTE 6.3.10; wheel layout: the binary distribution format specification.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from wheelfix.errors import InputError, WheelError
from wheelfix.model.reading import Stamp
from wheelfix.model.wheel import Distribution
from wheelfix.wheel.directory import (
    DAMAGED,
    BoundedFile,
    Member,
    check_end,
    check_header,
    check_members,
    make_twice,
)
from wheelfix.wheel.identity import find_stamp
from wheelfix.wheel.inflate import InflateError, crc32, inflate
from wheelfix.wheel.metadata import parse_filename, parse_metadata, parse_wheel_tags
from wheelfix.wheel.own import choose_dist_info, list_dist_infos

_MAX_METADATA = 16 << 20
_WINDOW = 64 << 10
"""Bytes of an archive read at once from a member's local header on: nearly all members end in it."""
_HEAD = 64


@dataclass(frozen=True, slots=True)
class Archive:
    """An open wheel.

    Attributes:
        name: file name, for messages, and for the tags in it.
        path: where it is.
        stamp: of the file when it was opened.
        opened: when that was, in nanoseconds since 1970.
        members: in archive order; none before :func:`list_members`.
        others: what adds nothing to them: directories, and members of the same path and content.
    """

    name: str
    path: Path
    fd: int
    size: int
    stamp: Stamp
    opened: int
    members: tuple[Member, ...] = ()
    others: tuple[Member, ...] = ()

    def read(self, offset: int, size: int) -> bytes:
        """Positioned read; safe from any thread.

        Raises:
            InputError: the system refuses to read on.
        """
        try:
            return os.pread(self.fd, size, offset)
        except OSError as error:
            raise InputError(self.name, _say_os_error(error), "check the disk and the path") from None

    def check_unchanged(self) -> None:
        """Make sure that nobody wrote to the file since it was opened.

        Raises:
            InputError: somebody did: what was read of it may be of no file that there ever was.
        """
        if find_stamp(os.fstat(self.fd)) != self.stamp:
            raise InputError(self.name, "was written to while it was read", "wait until it is whole")


@contextmanager
def open_archive(path: Path, *, stamp: Stamp | None = None) -> Iterator[Archive]:
    """Open a wheel and read its central directory.

    Args:
        path: the file.
        stamp: that it had when it was opened before.

    Raises:
        InputError: there is no such file, it cannot be read, or has another stamp.
        WheelError: it is no zip archive, or its directory is damaged or hostile.
    """
    with open_unlisted(path, stamp=stamp) as archive:
        yield list_members(archive)


@contextmanager
def open_unlisted(path: Path, *, stamp: Stamp | None = None, name: str | None = None) -> Iterator[Archive]:
    """Open a wheel, whose members nobody may need where it was read before.

    Args:
        path: the file.
        stamp: that it had when it was opened before.
        name: of the wheel, where the file has another one.

    Raises:
        InputError: there is no such file, it cannot be read, or has another stamp.
    """
    opened = time.time_ns()
    try:
        # Non-blocking: opening a pipe nobody writes to would hang.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise InputError(str(path), _say_os_error(error), "check the path and its permissions") from None
    try:
        info = os.fstat(fd)
        if stat.S_ISDIR(info.st_mode):
            raise InputError(str(path), "is a directory", "give a wheel (.whl)")
        if not stat.S_ISREG(info.st_mode):
            raise InputError(str(path), "is no regular file", "give a wheel (.whl)")
        if stamp and find_stamp(info) != stamp:
            raise InputError(str(path), "was replaced while it was read", "wait until it is whole")
        yield Archive(name or path.name, path, fd, info.st_size, find_stamp(info), opened)
    finally:
        os.close(fd)


def list_members(archive: Archive) -> Archive:
    """Read the central directory of a wheel.

    Raises:
        InputError: the system refuses to read it.
        WheelError: it is no zip archive, or its directory is damaged or hostile.
    """
    file = BoundedFile(io.FileIO(archive.fd, closefd=False))
    try:
        with zipfile.ZipFile(file) as zipped:
            check_end(archive.name, zipped, archive.read, archive.size)
            members, others = check_members(archive.name, zipped.infolist(), zipped.start_dir)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OverflowError) as error:
        problem = str(error) or type(error).__name__
        raise WheelError(
            str(archive.path),
            f"not a complete zip archive ({problem[:1].lower()}{problem[1:]})",
            "a wheel is a zip archive; if this file was one, its download was cut short: fetch it again",
        ) from None
    except OSError as error:
        raise InputError(str(archive.path), _say_os_error(error), "check the disk and the path") from None
    return replace(archive, members=members, others=others)


def read_distribution(archive: Archive) -> Distribution:
    """Read name, version, tags and requirements of a wheel.

    The file name is believed for tags where it follows the format; a renamed wheel (``torch.whl``) is
    described by its own WHEEL and METADATA files.

    Raises:
        WheelError: there is no METADATA, or it cannot be read.
    """
    parsed = parse_filename(archive.name)
    info = find_dist_info(archive)
    tags = parsed[2] if parsed else read_wheel_tags(archive, info)
    return parse_own_metadata(archive, info, read_member(archive, f"{info}/METADATA") or b"", tags)


def read_wheel_tags(archive: Archive, info: str) -> tuple[str, ...]:
    """The tags that a wheel's own WHEEL file has; empty where it has no such file.

    Raises:
        WheelError: the file is damaged.
    """
    return parse_wheel_tags((read_member(archive, f"{info}/WHEEL") or b"").decode("utf-8", "replace"))


def parse_own_metadata(archive: Archive, info: str, text: bytes, tags: tuple[str, ...]) -> Distribution:
    """What a wheel's METADATA says of it, for some tags.

    Args:
        archive: the wheel.
        info: its own ``*.dist-info`` directory.
        text: the file.
        tags: for which markers are evaluated.

    Raises:
        WheelError: it cannot be parsed.
    """
    name, version, requires = parse_metadata(f"{archive.name}: {info}/METADATA", text, tags)
    files = frozenset(member.path for member in archive.members)
    return Distribution(
        target=archive.name, name=name, version=version, tags=tags, requires=requires, files=files
    )


def iter_heads(
    archive: Archive, magic: bytes, *, is_kept: Callable[[str], bool] = lambda path: False
) -> Iterator[tuple[Member, bytes]]:
    """Look at every member, and check all that is not wanted.

    What a member is can only be told by its bytes, and these are worth nothing before their checksum fits:
    one changed bit makes an ELF file something else. So the members that do not start with ``magic`` are
    inflated to their end here, and those that do are the caller's to check, by reading them.

    Args:
        archive: the wheel.
        magic: what wanted members start with.
        is_kept: tells by a path which small members come whole.

    Yields:
        Each member with its first bytes, at most 64, or all of them; those of large ones that start with
        ``magic`` first, the largest before all others. Another one comes after its checksum was found right.

    Raises:
        WheelError: a member is damaged, or headers of the archive say different things.
    """
    unwanted = []
    for member in sorted(archive.members, key=lambda m: (-m.size, m.path)):
        if member.size <= _WINDOW:
            yield member, _check(archive, member, _WINDOW if is_kept(member.path) else _HEAD)
        elif (head := _peek(archive, member)).startswith(magic):
            yield member, head
        else:
            unwanted.append(member)  # for later: the caller has work to do on those that are wanted
    for member in unwanted:
        yield member, _check(archive, member)
    _check_others(archive)


def _check(archive: Archive, member: Member, size: int = _HEAD) -> bytes:
    """The first bytes of a member, all of which were found right."""
    head = b""
    for chunk in iter_chunks(archive, member):
        if len(head) < size:
            head += chunk[: size - len(head)]
    return head


def _check_others(archive: Archive) -> None:
    members = {member.path: member for member in archive.members}
    for other in archive.others:
        member = members.get(other.path)
        if member is None:
            _check(archive, other)
        elif _find_digest(archive, other) != _find_digest(archive, member):
            raise make_twice(archive.name, other)


def _find_digest(archive: Archive, member: Member) -> bytes:
    digest = hashlib.sha256()
    for chunk in iter_chunks(archive, member):
        digest.update(chunk)
    return digest.digest()


def iter_chunks(archive: Archive, member: Member) -> Iterator[bytes]:
    """Inflate one member, and check its headers at the start, its length and checksum at the end.

    Raises:
        WheelError: the data is damaged, longer than the directory says, or its headers differ.
    """
    total, checksum = 0, 0
    for chunk in _iter_raw(archive, member, 1 << 20):
        total += len(chunk)
        checksum = crc32(chunk, checksum)
        if total > member.size:
            break
        yield chunk
    if total != member.size or checksum != member.crc:
        problem = "length" if total != member.size else "checksum"
        raise WheelError(
            f"{archive.name}: {member.path}", f"has not the {problem} that was recorded", DAMAGED
        )


def _peek(archive: Archive, member: Member) -> bytes:
    """The first bytes of a member, of which nothing is checked."""
    head = b""
    for chunk in _iter_raw(archive, member, 512):
        head += chunk[: _HEAD - len(head)]
        if len(head) == _HEAD:
            break
    return head


def _iter_raw(archive: Archive, member: Member, step: int) -> Iterator[bytes]:
    """Inflate a member, ``step`` bytes of the archive at a time."""
    offset = member.header_offset
    raw = archive.read(offset, min(_WINDOW, member.end - offset))
    start = check_header(archive.name, member, raw, archive.read)
    end = start + member.compressed_size

    def read(at: int, size: int) -> bytes:
        return raw[at - offset : at - offset + size] or archive.read(at, size)

    if member.method != zipfile.ZIP_DEFLATED:
        at = start
        while at < end and (data := read(at, min(step, end - at))):
            at += len(data)
            yield data
        return
    try:
        yield from inflate(read, start=start, end=end, step=step)
    except InflateError as error:
        raise WheelError(f"{archive.name}: {member.path}", f"cannot be inflated ({error})", DAMAGED) from None


def read_member(archive: Archive, path: str, *, limit: int = _MAX_METADATA) -> bytes | None:
    """Read a small member; None if there is none of that path.

    Args:
        archive: the wheel.
        path: of the member.
        limit: the most bytes that it may have.

    Raises:
        WheelError: it is longer, or damaged.
    """
    member = next((member for member in archive.members if member.path == path), None)
    if member is None:
        return None
    if member.size > limit:
        raise WheelError(
            f"{archive.name}: {path}",
            f"metadata of {member.size} bytes; wheelfix reads up to {limit}",
            "this is no wheel made by a build tool: do not install it",
        )
    return b"".join(iter_chunks(archive, member))


def find_dist_info(archive: Archive) -> str:
    """Find the name of a wheel's own ``*.dist-info`` directory.

    Raises:
        WheelError: it has none, or several and none of them is told to be its own.
    """
    found = list_dist_infos(member.path for member in archive.members)
    own = choose_dist_info(archive.name, found, lambda path: read_member(archive, path))
    if own:
        return own
    problem = "has no *.dist-info/METADATA" if not found else "has several *.dist-info/METADATA"
    raise WheelError(archive.name, f"{problem}: not a wheel", "give a file that pip can install")


def _say_os_error(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
