"""The headers of a wheel, checked before anything is read through them.

An archive says everything twice: in front of each member, for programs that take it as a stream, and in the
central directory, for all others. Where the two differ, or bytes belong to neither, one installer unpacks
what another one never sees: uv and PyPI refuse such archives, pip refuses some, and so does this.
Format: PKWARE APPNOTE 6.3.10.
"""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wheelfix.errors import WheelError

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
"""How the checksum and the two sizes follow the data of a streamed member, by length."""

_STREAMED, _UTF8 = 1 << 3, 1 << 11
_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_PATCHED = 1 << 5
_ZIP64, _FULL, _MANY = 1, 0xFFFFFFFF, 0xFFFF
LOCAL_SIZE: Final = _LOCAL.size

Read = Callable[[int, int], bytes]
"""``read(offset, size)`` gives bytes of the archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
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
    """A file that gives no more at once than a central directory may have.

    ZipFile reads the directory in one go, and makes an object of some 500 bytes for each member.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, up to that much; more is a BadZipFile."""
        if size is not None and size > _MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"Central directory of more than {_MAX_DIRECTORY} bytes")
        return super().read(size)


def check_end(name: str, zipped: zipfile.ZipFile, read: Read, size: int) -> None:
    """Check that the archive ends right behind its central directory, and begins with its first byte.

    Args:
        name: of the archive, for messages.
        zipped: the archive; only what :mod:`zipfile` has read of it is used.
        read: gives its bytes.
        size: bytes of the archive.

    Raises:
        WheelError: bytes stand before or behind it, or its end says something else than its directory.
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
        The files in archive order, no path twice; then what an installer writes nothing new for: directories,
        and members whose path, size and checksum another one has, whose bytes are still to be compared.

    Raises:
        WheelError: members share bytes, run past the end, leave the wheel, have no name, two, or that of
            another one with different contents, are encrypted, or compressed in a way that wheels are not.
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
        # Two spellings of a path are one file to whoever unpacks them.
        known = members.setdefault(posixpath.normpath(member.path), member)
        if known is member:
            continue
        if (known.name, known.size, known.crc) != (member.name, member.size, member.crc):
            raise make_twice(name, member)
        others.append(member)
    return tuple(members.values()), tuple(others)


def make_twice(name: str, member: Member) -> WheelError:
    """The error for two members of one path that differ."""
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
    """Check that what stands in front of a member, and behind it, says the same as the central directory.

    Args:
        name: of the archive, for messages.
        member: as the central directory has it.
        raw: the archive from the member's local header on; any length.
        read: gives bytes of the archive, for what ``raw`` does not hold.

    Returns:
        Offset of the member's data in the archive.

    Raises:
        WheelError: there is no such header, it says something else, or bytes after the data are nobody's.
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
    absent = (0, _FULL) if flags & _STREAMED else ()  # there they follow the data
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
    """The sizes of a local header, of which those that do not fit into 32 bits are in its extra field."""
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
