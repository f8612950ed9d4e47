"""The central directory of a wheel, checked before anything is read through it."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Final

from wheelfix.errors import WheelError

DAMAGED: Final = "the wheel is damaged: fetch it again"
_MAX_DIRECTORY = 16 << 20
"""Longest central directory read, in bytes: that of tensorflow, with 14 000 members, has 2 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of an archive; sizes and offsets in bytes."""

    path: str
    size: int
    compressed_size: int
    header_offset: int
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


def check_members(name: str, infos: list[zipfile.ZipInfo], size: int) -> tuple[Member, ...]:
    """Turn the entries of a central directory into members; directories are left out.

    Args:
        name: of the archive, for messages.
        infos: as :mod:`zipfile` read them.
        size: bytes of the archive.

    Raises:
        WheelError: members share bytes, run past the end, leave the wheel, have no name or the same with
            different contents, are encrypted, or compressed in a way that wheels are not.
    """
    members: dict[str, Member] = {}
    end, before = 0, ""
    for info in sorted(infos, key=lambda i: i.header_offset):
        path = info.filename
        if not path:
            raise WheelError(name, f"a member at byte {info.header_offset} has no name", DAMAGED)
        if info.header_offset < end:
            raise WheelError(
                f"{name}: {path}",
                f"shares bytes with {before!r}",
                "archives like this are made as bombs: do not use it",
            )
        end, before = info.header_offset + info.compress_size, path
        if end > size:
            raise WheelError(f"{name}: {path}", "runs past the end of the archive", DAMAGED)
        if info.is_dir():
            continue
        if path.startswith("/") or ".." in path.split("/") or "\\" in path:
            raise WheelError(f"{name}: {path}", "its path leaves the wheel", "do not install this wheel")
        if info.flag_bits & 1:
            raise WheelError(
                f"{name}: {path}", "is encrypted", "no installer can read this wheel: rebuild it"
            )
        if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
            raise WheelError(
                f"{name}: {path}",
                f"compression method {info.compress_type}; wheels use stored and deflated",
                "repack it with `wheel unpack` and `wheel pack`",
            )
        known = members.get(path)
        if known and (known.size, known.crc) != (info.file_size, info.CRC):
            raise WheelError(
                f"{name}: {path}",
                "is in the archive twice, with different contents",
                "installers choose either: do not use this wheel",
            )
        members[path] = Member(
            path=path,
            size=info.file_size,
            compressed_size=info.compress_size,
            header_offset=info.header_offset,
            method=info.compress_type,
            crc=info.CRC,
        )
    return tuple(members.values())
