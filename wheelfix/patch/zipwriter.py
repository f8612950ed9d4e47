"""Writes zip archives member by member; compressed data of unchanged members is copied.

Format: PKWARE APPNOTE 6.3.10. Headers are written anew, always with the sizes before the data, so the new
archive has no streamed members (general purpose bit 3). Names, times, modes, comments and extra fields are
kept. Zip64 fields (4.5.3) are written only for values that are too large for 32 bits.
"""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator

from wheelfix.errors import WheelError
from wheelfix.model.base import Struct, replace
from wheelfix.wheel.archive import Archive
from wheelfix.wheel.inflate import crc32

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_ZIP64, _NEEDS_ZIP64 = 1, 45
_FULL, _MANY = 0xFFFFFFFF, 0xFFFF
_LARGE = 0xF0000000  # deflated again, a member of this size may exceed 32 bits
_STREAMED, _UTF8 = 1 << 3, 1 << 11
_UNREADABLE = 1 << 0 | 1 << 5 | 1 << 6 | 1 << 13
"""Encryption of either kind, patched data, masked headers."""
_STEP = 1 << 20
_FLUSH = 32 << 20


class Entry(Struct):
    """A member with all fields of its headers; sizes and offsets in bytes.

    Attributes:
        path: as :class:`wheelfix.wheel.archive.Member` has it; directories end with a slash.
        name: the path as the archive spells it.
        made: version and system that made it.
        time: DOS time and date.
        local_extra: extra field of the local header, without zip64.
        extra: extra field of the directory, without zip64.
        start: offset of its data.
    """

    path: str
    name: bytes
    made: int
    needed: int
    flags: int
    method: int
    time: tuple[int, int]
    crc: int
    compressed_size: int
    size: int
    internal: int
    external: int
    local_extra: bytes
    extra: bytes
    comment: bytes
    start: int


def read_entries(archive: Archive) -> tuple[tuple[Entry, ...], bytes]:
    """Read all headers of an archive that :func:`wheelfix.wheel.archive.open_archive` has checked.

    Returns:
        The members in archive order, directories included, and the archive's comment.

    Raises:
        WheelError: two members have one name or one has two, leaves the wheel or is encrypted, or a header is
            damaged.
    """
    # The size of the directory is bounded already: list_members has read it when the archive was opened.
    with open(os.dup(archive.fd), "rb") as file, zipfile.ZipFile(file) as zipped:  # noqa: PTH123
        infos, comment = zipped.infolist(), zipped.comment
    seen: set[str] = set()
    for info in infos:
        subject = f"{archive.name}: {info.filename}"
        if info.filename in seen:
            raise WheelError(subject, "is in the wheel twice", "rebuild the wheel")
        path = info.filename
        if path.startswith("/") or ".." in path.split("/") or "\\" in path or info.orig_filename != path:
            raise WheelError(subject, "its path leaves the wheel", "do not install this wheel")
        seen.add(info.filename)
    return tuple(_read_entry(archive, i) for i in sorted(infos, key=lambda i: i.header_offset)), comment


def _read_entry(archive: Archive, info: zipfile.ZipInfo) -> Entry:
    head = archive.read(info.header_offset, _LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
        raise WheelError(f"{archive.name}: {info.filename}", "has no local header", "fetch the wheel again")
    _, _, flags, method, *_, name_size, extra_size = _LOCAL.unpack(head)
    at = info.header_offset + _LOCAL.size + name_size
    name = info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437")
    subject = f"{archive.name}: {info.filename}"
    if (flags | info.flag_bits) & _UNREADABLE:
        raise WheelError(subject, "is encrypted, or a patch to another file", "rebuild the wheel")
    # The new archive has one name and one method a member, so a wheel in which two differ is refused.
    if archive.read(at - name_size, name_size) != name or method != info.compress_type:
        raise WheelError(subject, "is another member in front of its data", "do not use this wheel")
    year, month, day, hour, minute, second = info.date_time
    return Entry(
        path=info.filename,
        name=name,
        made=info.create_system << 8 | info.create_version,
        needed=info.extract_version,
        flags=info.flag_bits & ~_STREAMED,
        method=info.compress_type,
        time=(hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day),
        crc=info.CRC,
        compressed_size=info.compress_size,
        size=info.file_size,
        internal=info.internal_attr,
        external=info.external_attr,
        local_extra=_without_zip64(archive.read(at, extra_size)),
        extra=_without_zip64(info.extra),
        comment=info.comment,
        start=at + extra_size,
    )


def rename_entry(entry: Entry, path: str) -> Entry:
    """Return the same member under another path."""
    flags = entry.flags if path.isascii() else entry.flags | _UTF8
    spelled = path.encode("utf-8" if flags & _UTF8 else "cp437")
    return replace(entry, path=path, name=spelled, flags=flags)


class ZipWriter:
    """Writes an archive into an open, empty file.

    Args:
        fd: the file; only positioned writes are used, so its offset does not change.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._at = 0
        self._flushed = 0
        self._entries: list[Entry] = []  # ``start`` is the offset of the local header

    def copy(self, source: Archive, entry: Entry) -> Iterator[int]:
        """Copy the compressed data of a member.

        Yields:
            Bytes that were copied, from time to time.
        """
        self._begin(entry, large=max(entry.size, entry.compressed_size) >= _FULL)
        at, end = entry.start, entry.start + entry.compressed_size
        while at < end:
            done = _copy_range(source, self._fd, at, self._at, min(end - at, 16 * _STEP))
            if not done:
                raise WheelError(f"{source.name}: {entry.path}", "ends early", "fetch the wheel again")
            at, self._at = at + done, self._at + done
            self._flush_early()
            yield done

    def write(
        self, entry: Entry, pieces: Iterable[bytes], *, find_crc: Callable[[], int] | None = None
    ) -> Iterator[int]:
        """Write a member anew.

        Args:
            entry: its headers; ``crc``, ``size`` and ``method`` are those of the pieces.
            pieces: its data, compressed.
            find_crc: called after the last piece if the checksum is not known before.

        Yields:
            Bytes that were written.
        """
        large = entry.size >= _LARGE
        header = self._at
        self._begin(entry, large=large)
        start = self._at
        for piece in pieces:
            self._put(piece)
            self._flush_early()
            yield len(piece)
        end, self._at = self._at, header
        self._entries.pop()
        crc = find_crc() if find_crc else entry.crc
        self._begin(replace(entry, compressed_size=end - start, crc=crc), large=large)  # now known
        self._at = end

    def write_small(self, entry: Entry, data: bytes) -> None:
        """Write a small member anew, with the method it had."""
        entry = replace(entry, crc=crc32(data), size=len(data))
        if entry.method == zipfile.ZIP_DEFLATED:
            from wheelfix.wheel.inflate import deflate

            data = deflate(data, before=b"", last=True)
        for _ in self.write(entry, [data]):
            pass

    def finish(self, comment: bytes) -> None:
        """Write the directory."""
        start = self._at
        for entry in self._entries:
            self._put(_render_central(entry))
        size, count = self._at - start, len(self._entries)
        if count >= _MANY or start >= _FULL or size >= _FULL:
            at = self._at
            made = (_NEEDS_ZIP64, _NEEDS_ZIP64)
            self._put(_END64.pack(b"PK\6\6", _END64.size - 12, *made, 0, 0, count, count, size, start))
            self._put(_LOCATOR64.pack(b"PK\6\7", 0, at, 1))
        short = min(count, _MANY)
        end = (0, 0, short, short, min(size, _FULL), min(start, _FULL), len(comment))
        self._put(_END.pack(b"PK\5\6", *end) + comment)

    def _begin(self, entry: Entry, *, large: bool) -> None:
        extra = entry.local_extra
        sizes = (entry.compressed_size, entry.size)
        needed = entry.needed
        if large:
            extra = struct.pack("<2H2Q", _ZIP64, 16, entry.size, entry.compressed_size) + extra
            sizes = (_FULL, _FULL)
            needed = max(needed, _NEEDS_ZIP64)
        self._entries.append(replace(entry, start=self._at, needed=needed))
        head = _LOCAL.pack(
            b"PK\3\4",
            needed,
            entry.flags,
            entry.method,
            *entry.time,
            entry.crc,
            *sizes,
            len(entry.name),
            len(extra),
        )
        self._put(head + entry.name + extra)

    def _flush_early(self) -> None:
        """Start writing to disk early, so that the final sync is short."""
        if self._at - self._flushed >= _FLUSH:
            os.posix_fadvise(self._fd, self._flushed, self._at - self._flushed, os.POSIX_FADV_DONTNEED)
            self._flushed = self._at

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            done = os.pwrite(self._fd, view, self._at)
            self._at, view = self._at + done, view[done:]


def _render_central(entry: Entry) -> bytes:
    fields = [entry.size, entry.compressed_size, entry.start]
    large = [value for value in fields if value >= _FULL]
    extra, needed = entry.extra, entry.needed
    if large:
        extra = struct.pack(f"<2H{len(large)}Q", _ZIP64, 8 * len(large), *large) + extra
        needed = max(needed, _NEEDS_ZIP64)
    size, compressed_size, start = (min(value, _FULL) for value in fields)
    head = _CENTRAL.pack(
        b"PK\1\2",
        entry.made,
        needed,
        entry.flags,
        entry.method,
        *entry.time,
        entry.crc,
        compressed_size,
        size,
        len(entry.name),
        len(extra),
        len(entry.comment),
        0,
        entry.internal,
        entry.external,
        start,
    )
    return head + entry.name + extra + entry.comment


def _without_zip64(extra: bytes) -> bytes:
    """Remove the zip64 part of an extra field; parts that do not follow the format are kept."""
    kept, at = b"", 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind != _ZIP64:
            kept += extra[at : at + 4 + size]
        at += 4 + size
    return kept + extra[at:]


def _copy_range(source: Archive, target: int, start: int, at: int, size: int) -> int:
    """Copy bytes inside the kernel; file systems that support it share them."""
    try:
        return os.copy_file_range(source.fd, target, size, start, at)
    except OSError:
        return os.pwrite(target, source.read(start, min(size, _STEP)), at)
