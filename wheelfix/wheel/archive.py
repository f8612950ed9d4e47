"""Wheels as archives: the central directory, and members as streams of inflated bytes.

The central directory is read by :mod:`zipfile`; members are inflated here, from positioned reads,
so that several threads can work on one file and nothing is ever extracted.
Format: PKWARE APPNOTE 6.3.10; wheel layout: the binary distribution format specification.
"""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wheelfix.errors import InputError, WheelError
from wheelfix.model.wheel import Distribution
from wheelfix.wheel.directory import DAMAGED, BoundedFile, Member, check_members
from wheelfix.wheel.inflate import InflateError, crc32, inflate
from wheelfix.wheel.metadata import parse_filename, parse_metadata, parse_wheel_tags

_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_MAX_METADATA = 16 << 20
_PEEK = 640  # local header, path, and enough of the data to tell its magic


@dataclass(frozen=True, slots=True)
class Archive:
    """An open wheel.

    Attributes:
        name: file name, for messages.
        members: in archive order; directories left out.
    """

    name: str
    fd: int
    size: int
    members: tuple[Member, ...]

    def read(self, offset: int, size: int) -> bytes:
        """Positioned read; safe from any thread."""
        return os.pread(self.fd, size, offset)


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a wheel and read its central directory.

    Args:
        path: the file.

    Raises:
        InputError: there is no such file, or it cannot be read.
        WheelError: it is no zip archive, or its directory is damaged or hostile.
    """
    try:
        # Non-blocking: opening a pipe nobody writes to would hang.
        file = BoundedFile(io.FileIO(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)))
    except IsADirectoryError:
        raise InputError(str(path), "is a directory", "give a wheel (.whl)") from None
    except OSError as error:
        raise InputError(str(path), _say_os_error(error), "check the path and its permissions") from None
    with file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InputError(str(path), "is no regular file", "give a wheel (.whl)")
        try:
            with zipfile.ZipFile(file) as archive:
                infos = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OverflowError) as error:
            problem = str(error) or type(error).__name__
            raise WheelError(
                str(path),
                f"not a complete zip archive ({problem[:1].lower()}{problem[1:]})",
                "a wheel is a zip archive; if this file was one, its download was cut short: fetch it again",
            ) from None
        except OSError as error:
            raise InputError(str(path), _say_os_error(error), "check the disk and the path") from None
        size = os.fstat(file.fileno()).st_size
        yield Archive(path.name, file.fileno(), size, check_members(path.name, infos, size))


def read_distribution(archive: Archive) -> Distribution:
    """Read name, version, tags and requirements of a wheel.

    The file name is believed for tags where it follows the format; a renamed wheel (``torch.whl``) is
    described by its own WHEEL and METADATA files.

    Raises:
        WheelError: there is no METADATA, or it cannot be read.
    """
    files = {member.path: member for member in archive.members}
    parsed = parse_filename(archive.name)
    info = find_dist_info(archive)
    if parsed:
        tags = parsed[2]
    elif wheel := files.get(f"{info}/WHEEL"):
        tags = parse_wheel_tags(_read_small(archive, wheel).decode("utf-8", "replace"))
    else:
        tags = ()
    metadata = files[f"{info}/METADATA"]
    name, version, requires = parse_metadata(
        f"{archive.name}: {metadata.path}", _read_small(archive, metadata), tags
    )
    return Distribution(
        target=archive.name, name=name, version=version, tags=tags, requires=requires, files=frozenset(files)
    )


def iter_elf_members(archive: Archive, magic: bytes) -> Iterator[Member]:
    """Find the members that start with ``magic``, whatever their names are.

    Yields:
        The largest first.

    Raises:
        WheelError: a member cannot be inflated.
    """
    for member in sorted(archive.members, key=lambda m: (-m.size, m.path)):
        if member.size >= len(magic) and _peek(archive, member, len(magic)) == magic:
            yield member


def iter_chunks(archive: Archive, member: Member) -> Iterator[bytes]:
    """Inflate one member, and check its length and checksum at the end.

    Raises:
        WheelError: the data is damaged, or longer than the directory says.
    """
    start = _find_data(archive, member)
    end = start + member.compressed_size
    total, checksum = 0, 0
    try:
        for chunk in _iter_raw(archive.read, member, start, end, 1 << 20):
            total += len(chunk)
            checksum = crc32(chunk, checksum)
            if total > member.size:
                break
            yield chunk
    except InflateError as error:
        raise WheelError(f"{archive.name}: {member.path}", f"cannot be inflated ({error})", DAMAGED) from None
    if total != member.size or checksum != member.crc:
        problem = "length" if total != member.size else "checksum"
        raise WheelError(
            f"{archive.name}: {member.path}", f"has not the {problem} that was recorded", DAMAGED
        )


def _iter_raw(
    read: Callable[[int, int], bytes], member: Member, start: int, end: int, step: int
) -> Iterator[bytes]:
    if member.method == zipfile.ZIP_DEFLATED:
        yield from inflate(read, start=start, end=end, step=step)
        return
    for at in range(start, end, step):
        yield read(at, min(step, end - at))


def _peek(archive: Archive, member: Member, size: int) -> bytes:
    """The first bytes of a member; one read is enough for nearly all, and there are ten thousands of them."""
    offset = member.header_offset
    raw = archive.read(offset, _PEEK)
    start = offset + _find_start(archive, member, raw)

    def read(at: int, count: int) -> bytes:
        inside = raw[at - offset : at - offset + count]
        return inside or archive.read(at, count)

    head = b""
    try:
        for chunk in _iter_raw(read, member, start, start + member.compressed_size, 512):
            head += chunk[:size]
            if len(head) >= size:
                break
    except InflateError as error:
        raise WheelError(f"{archive.name}: {member.path}", f"cannot be inflated ({error})", DAMAGED) from None
    return head[:size]


def _find_data(archive: Archive, member: Member) -> int:
    raw = archive.read(member.header_offset, _LOCAL_HEADER.size)
    return member.header_offset + _find_start(archive, member, raw)


def _find_start(archive: Archive, member: Member, raw: bytes) -> int:
    """Where the data starts, relative to the member's local header, of which ``raw`` is the start."""
    if len(raw) < _LOCAL_HEADER.size or raw[:4] != b"PK\3\4":
        raise WheelError(f"{archive.name}: {member.path}", "has no local header in the archive", DAMAGED)
    *_, name_size, extra_size = _LOCAL_HEADER.unpack_from(raw)
    start: int = _LOCAL_HEADER.size + name_size + extra_size
    if member.header_offset + start + member.compressed_size > archive.size:
        raise WheelError(f"{archive.name}: {member.path}", "runs past the end of the archive", DAMAGED)
    return start


def _read_small(archive: Archive, member: Member) -> bytes:
    if member.size > _MAX_METADATA:
        raise WheelError(
            f"{archive.name}: {member.path}",
            f"metadata of {member.size} bytes; wheelfix reads up to {_MAX_METADATA}",
            "this is no wheel made by a build tool: do not install it",
        )
    return b"".join(iter_chunks(archive, member))


def find_dist_info(archive: Archive) -> str:
    """Find the name of a wheel's ``*.dist-info`` directory.

    Raises:
        WheelError: it has none, or several and none has the name of the wheel.
    """
    parsed = parse_filename(archive.name)
    paths = (member.path for member in archive.members)
    found = sorted(
        p.rpartition("/")[0] for p in paths if p.endswith(".dist-info/METADATA") and p.count("/") == 1
    )
    if len(found) > 1 and parsed:
        wanted = parsed[0].replace("-", "_")
        found = [
            p for p in found if p.partition("-")[0].lower().replace("-", "_").replace(".", "_") == wanted
        ]
    if len(found) == 1:
        return found[0]
    problem = "has no *.dist-info/METADATA" if not found else "has several *.dist-info/METADATA"
    raise WheelError(archive.name, f"{problem}: not a wheel", "give a file that pip can install")


def _say_os_error(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
