"""Reads wheels as archives: the central directory, and members as streams of inflated bytes.

:mod:`zipfile` reads the central directory, and this module checks it. Members are inflated here, from
positioned reads, so that several threads can read one file; nothing is extracted.
Format: PKWARE APPNOTE 6.3.10; wheel layout: the binary distribution format specification.
"""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import stat
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from wheelfix.errors import InputError, WheelError, describe
from wheelfix.model.base import Struct, replace
from wheelfix.model.reading import Stamp
from wheelfix.model.wheel import Distribution
from wheelfix.wheel.contents import choose_dist_info, list_dist_infos
from wheelfix.wheel.identity import find_stamp
from wheelfix.wheel.inflate import InflateError, crc32, inflate
from wheelfix.wheel.metadata import parse_filename, parse_metadata, parse_wheel_tags

_MAX_METADATA = 16 << 20
_WINDOW = 64 << 10
"""Bytes read at once from a member's local header on; nearly all members are shorter."""
_HEAD = 64


class Archive(Struct, kw_only=False):
    """An open wheel.

    Attributes:
        name: file name, for messages, and for the tags in it.
        path: path of the file.
        stamp: of the file when it was opened.
        opened: time of opening, in nanoseconds since 1970.
        members: in archive order; none before :func:`list_members`.
        others: redundant entries: directories, and members of the same path and content.
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
        """Read bytes at an offset; safe from any thread.

        Raises:
            InputError: the system refuses to read.
        """
        try:
            return os.pread(self.fd, size, offset)
        except OSError as error:
            raise InputError(self.name, describe(error), "check the disk and the path") from None

    def check_unchanged(self) -> None:
        """Check that the file was not written to since it was opened.

        Raises:
            InputError: it was, so that the bytes read may not belong to one version of the file.
        """
        if find_stamp(os.fstat(self.fd)) != self.stamp:
            raise InputError(self.name, "was written to while it was read", "wait until it is whole")


@contextmanager
def open_archive(path: Path, *, stamp: Stamp | None = None) -> Iterator[Archive]:
    """Open a wheel and read its central directory.

    Args:
        path: the file.
        stamp: stamp that it had when it was opened before.

    Raises:
        InputError: there is no such file, it cannot be read, or has another stamp.
        WheelError: it is not a zip archive, or its directory is damaged or hostile.
    """
    with open_unlisted(path, stamp=stamp) as archive:
        yield list_members(archive)


@contextmanager
def open_unlisted(path: Path, *, stamp: Stamp | None = None, name: str | None = None) -> Iterator[Archive]:
    """Open a wheel without listing its members, which are not needed if its reading is stored.

    Args:
        path: the file.
        stamp: stamp that it had when it was opened before.
        name: of the wheel, if the file has another one.

    Raises:
        InputError: there is no such file, it cannot be read, or has another stamp.
    """
    opened = time.time_ns()
    try:
        # Non-blocking: opening a pipe without a writer would hang.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise InputError(str(path), describe(error), "check the path and its permissions") from None
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
        WheelError: it is not a zip archive, or its directory is damaged or hostile.
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
        raise InputError(str(archive.path), describe(error), "check the disk and the path") from None
    return replace(archive, members=members, others=others)


def read_distribution(archive: Archive) -> Distribution:
    """Read name, version, tags and requirements of a wheel.

    The tags are those of the file name if it follows the format; a renamed wheel (``torch.whl``) is described
    by its own WHEEL and METADATA files.

    Raises:
        WheelError: there is no METADATA, or it cannot be read.
    """
    parsed = parse_filename(archive.name)
    info = find_dist_info(archive)
    tags = parsed[2] if parsed else read_wheel_tags(archive, info)
    return parse_own_metadata(archive, info, read_member(archive, f"{info}/METADATA") or b"", tags)


def read_wheel_tags(archive: Archive, info: str) -> tuple[str, ...]:
    """Read the tags in a wheel's own WHEEL file; empty without such a file.

    Raises:
        WheelError: the file is damaged.
    """
    return parse_wheel_tags((read_member(archive, f"{info}/WHEEL") or b"").decode("utf-8", "replace"))


def parse_own_metadata(archive: Archive, info: str, text: bytes, tags: tuple[str, ...]) -> Distribution:
    """Parse a wheel's METADATA, for some tags.

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
    """Look at the first bytes of every member, and check all members that are not wanted.

    A member is recognised by its bytes, which are reliable only if its checksum fits: one changed bit hides
    an ELF file. So members that do not start with ``magic`` are inflated to their end here, and members that
    do are checked by the caller, by reading them.

    Args:
        archive: the wheel.
        magic: first bytes of wanted members.
        is_kept: selects by path small members that are yielded whole.

    Yields:
        Each member with its first bytes, at most 64, or all of them; first large members that start with
        ``magic``, the largest of all first. Any other member is yielded after its checksum was verified.

    Raises:
        WheelError: a member is damaged, or headers of the archive contradict each other.
    """
    unwanted = []
    for member in sorted(archive.members, key=lambda m: (-m.size, m.path)):
        if member.size <= _WINDOW:
            yield member, _check(archive, member, _WINDOW if is_kept(member.path) else _HEAD)
        elif (head := _peek(archive, member)).startswith(magic):
            yield member, head
        else:
            unwanted.append(member)  # deferred: the caller can work on the wanted ones first
    for member in unwanted:
        yield member, _check(archive, member)
    _check_others(archive)


def _check(archive: Archive, member: Member, size: int = _HEAD) -> bytes:
    """Return the first bytes of a member after checking all of it."""
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
    """Return the first bytes of a member without any check."""
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
    """Read a small member; None if there is no member of that path.

    Args:
        archive: the wheel.
        path: of the member.
        limit: largest number of bytes allowed.

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
        WheelError: there is none, or several of which none can be identified as its own.
    """
    found = list_dist_infos(member.path for member in archive.members)
    own = choose_dist_info(archive.name, found, lambda path: read_member(archive, path))
    if own:
        return own
    problem = "has no *.dist-info/METADATA" if not found else "has several *.dist-info/METADATA"
    raise WheelError(archive.name, f"{problem}: not a wheel", "give a file that pip can install")


DAMAGED: Final = "the wheel is damaged: fetch it again"
_TWO_FACED: Final = "installers differ about what such an archive holds: do not use this wheel"
_MAX_DIRECTORY = 16 << 20
"""Longest central directory read, in bytes: that of tensorflow, with 14 000 members, has 2 MB."""

_LOCAL = struct.Struct("<4s5H3L2H")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_SIGNATURES = (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7")
_DESCRIPTORS = {12: "<LLL", 16: "<4xLLL", 20: "<LQQ", 24: "<4xLQQ"}
"""Formats of the checksum and the two sizes behind the data of a streamed member, by length."""

_STREAMED, _UTF8 = 1 << 3, 1 << 11
_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_PATCHED = 1 << 5
_ZIP64, _FULL, _MANY = 1, 0xFFFFFFFF, 0xFFFF
LOCAL_SIZE: Final = _LOCAL.size

Read = Callable[[int, int], bytes]
"""``read(offset, size)`` gives bytes of the archive."""


class Member(Struct):
    """One file or directory of an archive; sizes and offsets in bytes.

    Attributes:
        name: the path as the archive spells it.
        flags: general purpose bits, as the central directory has them.
        end: where the next member, or the central directory, begins.
    """

    path: str
    name: bytes
    flags: int
    size: int
    compressed_size: int
    header_offset: int
    end: int
    method: int
    crc: int


class BoundedFile(io.BufferedReader):
    """A file that limits a read to the largest central directory that is accepted.

    ZipFile reads the directory at once, and makes an object of some 500 bytes for each member.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to the limit; a larger read raises BadZipFile."""
        if size is not None and size > _MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"Central directory of more than {_MAX_DIRECTORY} bytes")
        return super().read(size)


def check_end(name: str, zipped: zipfile.ZipFile, read: Read, size: int) -> None:
    """Check that the archive ends right behind its central directory, and begins at its first byte.

    Args:
        name: of the archive, for messages.
        zipped: the archive; only what :mod:`zipfile` has read of it is used.
        read: gives its bytes.
        size: bytes of the archive.

    Raises:
        WheelError: there are bytes before or behind it, or its end record contradicts its directory.
    """
    at = size - _END.size - len(zipped.comment)
    end = read(at, _END.size)
    if len(end) < _END.size or end[:4] != b"PK\5\6":
        raise WheelError(name, "bytes follow the end of the archive", _TWO_FACED)
    if any(signature in zipped.comment for signature in _SIGNATURES):
        raise WheelError(name, "the comment of the archive holds headers of another one", _TWO_FACED)
    *_, count, length, offset, _ = _END.unpack(end)
    short, full = (count, length, offset), (_MANY, _FULL, _FULL)
    locator = read(at - _LOCATOR64.size, _LOCATOR64.size) if at >= _LOCATOR64.size + _END64.size else b""
    if locator[:4] == b"PK\6\7":
        at -= _LOCATOR64.size + _END64.size
        *_, count, length, offset = _END64.unpack(read(at, _END64.size))
        same = zip(short, full, (count, length, offset), strict=True)
        if _LOCATOR64.unpack(locator)[2] != at or not all(s in {f, value} for s, f, value in same):
            raise WheelError(name, "its two ends say different things", _TWO_FACED)
    if offset != zipped.start_dir:
        raise WheelError(
            name, f"{abs(zipped.start_dir - offset)} bytes belong to no part of the archive", _TWO_FACED
        )
    if offset + length != at or count != len(zipped.infolist()):
        raise WheelError(name, "its end does not say what its directory holds", _TWO_FACED)


def check_members(
    name: str, infos: list[zipfile.ZipInfo], start: int
) -> tuple[tuple[Member, ...], tuple[Member, ...]]:
    """Turn the entries of a central directory into members.

    Args:
        name: of the archive, for messages.
        infos: as :mod:`zipfile` read them.
        start: where the central directory is.

    Returns:
        The files in archive order, each path once; then redundant entries: directories, and members with the
        path, size and checksum of another member, whose bytes are not compared yet.

    Raises:
        WheelError: members overlap, run past the end, leave the wheel, have no name, two names, or the path
            of another one with different contents, are encrypted, or use a compression that wheels do not.
    """
    members: dict[str, Member] = {}
    others: list[Member] = []
    infos = sorted(infos, key=lambda i: i.header_offset)
    ends = [info.header_offset for info in infos[1:]] + [start]
    for info, end in zip(infos, ends, strict=True):
        member = _check_info(name, info, end)
        if info.is_dir():
            others.append(member)
            continue
        # An installer writes two spellings of a path to one file.
        known = members.setdefault(posixpath.normpath(member.path), member)
        if known is member:
            continue
        if (known.name, known.size, known.crc) != (member.name, member.size, member.crc):
            raise make_twice(name, member)
        others.append(member)
    return tuple(members.values()), tuple(others)


def make_twice(name: str, member: Member) -> WheelError:
    """Make the error for two different members of one path."""
    return WheelError(
        f"{name}: {member.path}",
        "is in the archive twice, with different contents",
        "installers choose either: do not use this wheel",
    )


def _check_info(name: str, info: zipfile.ZipInfo, end: int) -> Member:
    path, subject = info.filename, f"{name}: {info.filename}"
    if not path:
        raise WheelError(name, f"a member at byte {info.header_offset} has no name", DAMAGED)
    if info.orig_filename != path:
        raise WheelError(subject, f"has a second name, {info.orig_filename!r}", _TWO_FACED)
    if info.header_offset + info.compress_size > end:
        raise WheelError(
            subject,
            "shares bytes with what follows it",
            "archives like this are made as bombs: do not use it",
        )
    if path.startswith("/") or ".." in path.split("/") or "\\" in path:
        raise WheelError(subject, "its path leaves the wheel", "do not install this wheel")
    _check_flags(subject, info.flag_bits)
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise WheelError(
            subject,
            f"compression method {info.compress_type}; wheels use stored and deflated",
            "repack it with `wheel unpack` and `wheel pack`",
        )
    if info.is_dir() and info.file_size:
        raise WheelError(subject, f"is a directory of {info.file_size} bytes", _TWO_FACED)
    return Member(
        path=path,
        name=path.encode("utf-8" if info.flag_bits & _UTF8 else "cp437"),
        flags=info.flag_bits,
        size=info.file_size,
        compressed_size=info.compress_size,
        header_offset=info.header_offset,
        end=end,
        method=info.compress_type,
        crc=info.CRC,
    )


def _check_flags(subject: str, flags: int) -> None:
    if flags & _ENCRYPTED:
        raise WheelError(subject, "is encrypted", "no installer can read this wheel: rebuild it")
    if flags & _PATCHED:
        raise WheelError(
            subject, "is a patch to another file", "no installer can read this wheel: rebuild it"
        )


def check_header(name: str, member: Member, raw: bytes, read: Read) -> int:
    """Check that the local header of a member, and its data descriptor, agree with the central directory.

    Args:
        name: of the archive, for messages.
        member: as the central directory has it.
        raw: the archive from the member's local header on; any length.
        read: gives bytes of the archive, for what ``raw`` does not hold.

    Returns:
        Offset of the member's data in the archive.

    Raises:
        WheelError: there is no such header, it disagrees, or bytes after the data belong to no member.
    """
    subject = f"{name}: {member.path}"
    if len(raw) < LOCAL_SIZE or raw[:4] != b"PK\3\4":
        raise WheelError(subject, "has no local header in the archive", DAMAGED)
    _, _, flags, method, _, _, crc, compressed_size, size, name_size, extra_size = _LOCAL.unpack_from(raw)
    length = LOCAL_SIZE + name_size + extra_size
    head = raw if len(raw) >= length else read(member.header_offset, length)
    spelled = head[LOCAL_SIZE : LOCAL_SIZE + name_size]
    if spelled != member.name or (not spelled.isascii() and (flags ^ member.flags) & _UTF8):
        other = spelled.decode("utf-8", "backslashreplace")
        raise WheelError(subject, f"is called {other!r} in front of its data", _TWO_FACED)
    _check_flags(subject, flags)
    if size == _FULL or compressed_size == _FULL:
        extra = head[LOCAL_SIZE + name_size : length]
        size, compressed_size = _read_zip64(extra, size, compressed_size)
    if method != member.method:
        raise WheelError(subject, f"is compressed by method {method} in front of its data", _TWO_FACED)
    told, known = (crc, compressed_size, size), (member.crc, member.compressed_size, member.size)
    absent = (0, _FULL) if flags & _STREAMED else ()  # these follow the data
    if told != known and not all(t == k or t in absent for t, k in zip(told, known, strict=True)):
        raise WheelError(subject, "has another size or checksum in front of its data", DAMAGED)
    start = member.header_offset + length
    end = start + member.compressed_size
    left = member.end - end
    if left < 0:
        raise WheelError(subject, "runs past what comes after it in the archive", DAMAGED)
    if flags & _STREAMED:
        form, data = _DESCRIPTORS.get(left), read(end, min(left, 24))
        if not form or len(data) != left or struct.unpack(form, data) != known:
            raise WheelError(subject, "has another size or checksum behind its data", DAMAGED)
    elif left:
        raise WheelError(subject, f"is followed by {left} bytes that belong to no member", _TWO_FACED)
    return int(start)


def _read_zip64(extra: bytes, size: int, compressed_size: int) -> tuple[int, int]:
    """Read the sizes of a local header; sizes that do not fit into 32 bits are in its extra field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        values = list(
            struct.unpack_from(f"<{length // 8}Q", extra[at + 4 : at + 4 + length].ljust(length, b"\0"))
        )
        if kind == _ZIP64:
            values += [0, 0]
            size = values.pop(0) if size == _FULL else size
            compressed_size = values.pop(0) if compressed_size == _FULL else compressed_size
            break
        at += 4 + length
    return size, compressed_size
