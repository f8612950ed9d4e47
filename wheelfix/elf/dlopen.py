"""Finds libraries that an ELF file opens by name: declared in notes, or suggested by its strings.

Declared: ``.note.dlopen``, notes of owner ``FDO`` and type 0x407c0c0a that hold a JSON list (UAPI group, "ELF
dlopen metadata"). Suggested: strings that are exactly a soname, in a file that also has the string
``dlopen``, as the name of an imported symbol.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated, Any, Final

from wheelfix.elf.notes import Note
from wheelfix.model.base import Meta, Misfit, Struct, convert, decode_json
from wheelfix.model.hints import DlopenNote

NT_FDO_DLOPEN: Final = 0x407C0C0A
_PRIORITIES: Final = ("required", "recommended", "suggested")

# The first string of a file may follow code, whose last byte is not text but need not be zero.
_SONAME: Final = re.compile(rb"(?<=[^ -~\t\n\r])(?:/[\w.+/-]*/)?lib[\w.+-]+\.so(?:\.\d+)*\Z")
_WINDOW: Final = 256
"""Longest string recognised, in bytes."""
_MAX_HITS: Final = 1 << 18
"""Occurrences of ``.so`` examined per file, which takes half a second. libtorch_cpu has some hundreds."""
_MAX_NAMES: Final = 4096

FATBIN_MAGIC: Final = b"\x50\xed\x55\xba"
"""Magic of a container of GPU code (CUDA ``fatbinary_section.h``): nine tenths of a GPU library."""
_FATBIN_HEADER: Final = 16
_FATBIN_VERSION: Final = b"\1\0\x10\0"
"""Version 1, and the size of the header."""
_FATBIN_SEARCH: Final = 32 << 20


class _Entry(Struct):
    """One entry of a note, which describes one library."""

    soname: Annotated[tuple[str, ...], Meta(min_length=1)]
    feature: str | None = None
    description: str | None = None
    priority: str = "recommended"


def parse_dlopen_notes(notes: Iterable[Note]) -> tuple[DlopenNote, ...]:
    """Parse the entries of all ``.note.dlopen`` notes; entries that violate the format are skipped."""
    entries: list[DlopenNote] = []
    for note in notes:
        if note.owner != b"FDO" or note.type != NT_FDO_DLOPEN:
            continue
        try:
            document = decode_json(note.description.rstrip(b"\0"), tuple[Any, ...])
        except ValueError:
            continue
        for value in document:
            with suppress(Misfit):  # the other entries may be valid
                entry = convert(value, _Entry)
                entries.append(
                    DlopenNote(
                        sonames=entry.soname,
                        feature=entry.feature,
                        description=entry.description,
                        priority=entry.priority if entry.priority in _PRIORITIES else "recommended",
                    )
                )
    return tuple(entries)


class StringScanner:
    r"""Searches for sonames among the NUL-terminated strings of a stream of bytes.

    Memory is bounded, strings may cross chunks, and GPU code is skipped by the sizes that its containers
    state.

    Example:
        >>> scanner = StringScanner()
        >>> for chunk in (b"\0dlopen\0lib", b"x.so.1\0"):
        ...     scanner.feed(chunk)
        >>> scanner.result()
        ('libx.so.1',)
    """

    def __init__(self) -> None:
        self._names: set[bytes] = set()
        self._dlopen = False
        self._tail = b"\0"
        self._hits = 0
        self._big = False
        self._skip = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the stream."""
        if self._skip and self._skip >= len(chunk):
            self._skip -= len(chunk)
            self._tail = b"\0"
            return
        at, self._skip = self._skip, 0
        behind = at  # end of the last container
        while at < len(chunk):
            start = self._find_fatbin(chunk, at)
            self._search(chunk, at, start)
            at = self._step_over(chunk, start) if start < len(chunk) else start
            behind = at if start < at else behind
        text = chunk[max(behind, len(chunk) - _WINDOW) :]
        if behind or len(text) == _WINDOW:
            self._tail = (b"\0" + text)[-_WINDOW:]
        else:
            self._tail = (self._tail + text)[-_WINDOW:]

    def restart(self, *, size: int) -> None:
        """Mark the start of a part that does not follow the previous bytes.

        Args:
            size: bytes of the part; small parts are not searched for GPU code.
        """
        self._close()
        self._tail, self._skip, self._big = b"\0", 0, size >= _FATBIN_SEARCH

    def leap(self, most: int) -> int:
        """Step over GPU code that comes next, and need not be fed; returns how many bytes that is.

        Args:
            most: bytes that are left of the part.
        """
        over = min(self._skip, most)
        if over:
            self._skip -= over
            self._tail = b"\0"
        return over

    def result(self) -> tuple[str, ...]:
        """The sonames and absolute paths of libraries found, sorted; empty unless dlopen is used."""
        self._close()
        return tuple(sorted(name.decode("ascii") for name in self._names)) if self._dlopen else ()

    def _close(self) -> None:
        """End the current range; its last string may end with it."""
        if self._tail != b"\0":
            self._match(self._tail + b"\0", 0, len(self._tail) + 1)

    def _search(self, chunk: bytes, start: int, end: int) -> None:
        if start == 0:
            border = self._tail + chunk[: min(_WINDOW, end)]
            self._match(border, 0, len(border))
        self._match(chunk, start, end)

    def _match(self, data: bytes, start: int, end: int) -> None:
        if not self._dlopen:
            self._dlopen = _has_dlopen(data, start, end)
        at = data.find(b".so", start, end)
        while at >= 0 and self._hits < _MAX_HITS:
            self._hits += 1
            right = data.find(b"\0", at, min(end, at + _WINDOW))
            if right >= 0 and len(self._names) < _MAX_NAMES:
                left = max(start, at - _WINDOW, data.rfind(b"\0", max(start, at - _WINDOW), at))
                if match := _SONAME.search(data, left, right):
                    self._names.add(match[0])
            at = data.find(b".so", max(at + 3, right), end)

    def _find_fatbin(self, chunk: bytes, at: int) -> int:
        if not self._big:
            return len(chunk)
        found = chunk.find(FATBIN_MAGIC, at)
        while found >= 0 and not _is_fatbin(chunk[found : found + _FATBIN_HEADER]):
            found = chunk.find(FATBIN_MAGIC, found + 1)
        return found if found >= 0 else len(chunk)

    def _step_over(self, chunk: bytes, start: int) -> int:
        """Return the offset behind a container at ``start``; one cut by the chunk's end is searched."""
        header = chunk[start : start + _FATBIN_HEADER]
        if len(header) < _FATBIN_HEADER:
            self._match(chunk, start, len(chunk))
            return len(chunk)
        size = int.from_bytes(header[6:8], "little") + int.from_bytes(header[8:16], "little")
        end = start + max(size, _FATBIN_HEADER)
        self._skip = max(0, end - len(chunk))
        return min(end, len(chunk))


def _is_fatbin(header: bytes) -> bool:
    """Whether the start of a container is its header; programs that make containers have the magic alone."""
    return len(header) < _FATBIN_HEADER or header[4:8] == _FATBIN_VERSION


def _has_dlopen(data: bytes, start: int, end: int) -> bool:
    """Whether a string ends in ``dlopen`` or ``dlmopen``: linkers merge ``dlopen`` into ``my_dlopen``."""
    return data.find(b"dlopen\0", start, end) >= 0 or data.find(b"dlmopen\0", start, end) >= 0
