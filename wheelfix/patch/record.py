"""Reads and rewrites RECORD files with the types of ``installer``; the door to it.

Format: the specification "Recording installed projects", section "The RECORD file". Unchanged rows
are kept as they are, even if they are not valid.
"""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable, Collection, Mapping

from installer.records import Hash, InvalidRecordEntry, RecordEntry, parse_record_file

from wheelfix.errors import WheelError
from wheelfix.model.base import Struct


class Written(Struct):
    """Digest and size of a file, for its row.

    Attributes:
        sha256: digest of its bytes.
        size: in bytes.
    """

    sha256: bytes
    size: int


def parse_record(subject: str, data: bytes) -> tuple[tuple[str, str, str], ...]:
    """Split a RECORD into rows of path, hash and size, as they are written.

    Args:
        subject: what to call it in messages.
        data: the file.

    Raises:
        WheelError: it is no RECORD.
    """
    try:
        return tuple(parse_record_file(io.StringIO(data.decode("utf-8", "surrogateescape"), newline="")))
    except (InvalidRecordEntry, csv.Error) as error:
        raise WheelError(subject, f"is no RECORD ({error})", "rebuild or reinstall the package") from None


def find_mismatch(row: tuple[str, str, str], written: Written) -> str | None:
    """Compare a row with a file: one clause if its SHA-256 or size differs; None also if it has neither."""
    try:
        entry = RecordEntry.from_elements(*row)
    except InvalidRecordEntry as error:
        return str(error)
    if entry.size is not None and entry.size != written.size:
        return f"has {written.size} bytes, and RECORD says {entry.size}"
    if entry.hash_ and entry.hash_.name == "sha256" and entry.hash_ != _spell(written.sha256):
        return "has another hash than RECORD says"
    return None


def rewrite_record(
    subject: str,
    data: bytes,
    changed: Mapping[str, Written],
    *,
    dropped: Collection[str] = (),
    rename: Callable[[str], str] = lambda path: path,
) -> bytes:
    """Bring a RECORD up to date.

    Args:
        subject: what to call it in messages.
        data: the file.
        changed: new digests and sizes, by path as in the RECORD; a path without a row gets one at the end.
        dropped: paths whose rows are removed.
        rename: maps old paths to new ones.

    Returns:
        The new RECORD, with the order and the line ends of the old one.

    Raises:
        WheelError: it is no RECORD.
    """
    rows = parse_record(subject, data)
    output = io.StringIO(newline="")
    ends = "\r\n" if data.partition(b"\n")[0].endswith(b"\r") else "\n"
    writer = csv.writer(output, lineterminator=ends)
    rest = dict(changed)
    for row in rows:
        if row[0] in dropped:
            continue
        now = changed.get(row[0])
        rest.pop(row[0], None)
        writer.writerow(_make_row(rename(row[0]), now) if now else (rename(row[0]), *row[1:]))
    for path, now in rest.items():
        writer.writerow(_make_row(rename(path), now))
    return output.getvalue().encode("utf-8", "surrogateescape")


def _make_row(path: str, now: Written) -> tuple[str, str, str]:
    return RecordEntry(path, _spell(now.sha256), now.size).to_row()


def _spell(digest: bytes) -> Hash:
    return Hash("sha256", base64.urlsafe_b64encode(digest).rstrip(b"=").decode())


def find_stale_rows(subject: str, data: bytes, digests: Collection[bytes]) -> tuple[str, ...]:
    """Find the paths, as written, of rows that record one of some SHA-256 digests.

    Raises:
        WheelError: it is no RECORD.
    """
    wanted = {str(_spell(digest)) for digest in digests}
    return tuple(row[0] for row in parse_record(subject, data) if row[1] in wanted)
