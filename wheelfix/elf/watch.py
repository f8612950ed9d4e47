"""Collects hints from an ELF file's bytes while another reader passes over them.

:class:`Watch` taps the pass that :class:`wheelfix.elf.stream.ForwardReader` makes: it keeps the bytes of
notes and the dynamic section, and searches the strings. Nothing here raises: a file that contradicts itself
gives no hints, and its reader reports the contradiction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from wheelfix.elf.dlopen import StringScanner, parse_dlopen_notes
from wheelfix.elf.dynamic import uses_dlopen
from wheelfix.elf.file import Reader
from wheelfix.elf.header import PT_DYNAMIC, PT_LOAD, PT_NOTE, Header, Segment, read_header
from wheelfix.elf.notes import PF_X, find_traits, parse_notes
from wheelfix.elf.stream import Chunks, ForwardReader, OutOfRange
from wheelfix.errors import ElfError
from wheelfix.model.elf import ElfTraits
from wheelfix.model.hints import ElfHints

_HEAD: Final = 8192
"""Bytes for the program headers of nearly any file: 64 and 145 entries. Without them there are no hints."""
_MAX_KEPT: Final = 1 << 17
_STEP: Final = 1 << 20
_MAX_SEGMENTS: Final = 64


class Watch:
    """Collects hints from one pass over a file.

    Example:
        >>> watch = Watch()
        >>> reader = ForwardReader(watch.tee(chunks), size=size)
        >>> ...  # read, and drain
        >>> watch.result("pkg/_lib.so").strings
        ('libcuda.so.1',)
    """

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self._header: Header | None = None
        self._position = 0
        self._kept: dict[Segment, bytearray] = {}
        self._ranges: list[tuple[int, int]] = []
        self._scanner = StringScanner()

    def tee(self, chunks: Chunks) -> Chunks:
        """Wrap a source of passes so that the first pass is watched."""
        first = True

        def opened() -> Iterator[bytes]:
            nonlocal first
            if not first:
                return chunks()
            first = False
            return self._watch(chunks())

        return opened

    def _watch(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.feed(chunk)
            yield chunk

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the file."""
        if self._head is not None:
            chunk = self._head + chunk
            self._head = chunk if len(chunk) < _HEAD else None
            if self._head is not None:
                return
            self._start(chunk)
        self._take(chunk)

    def result(self, path: str) -> ElfHints:
        """Return the hints; to be called once, after the pass.

        Args:
            path: member path.
        """
        if self._head:
            head, self._head = self._head, None
            self._start(head)
            self._take(head)
        if self._header is None:
            return ElfHints(path=path, traits=ElfTraits(path=path, machine=""))
        return _make_hints(path, self._header, self._kept, self._scanner.result())

    def _start(self, head: bytes) -> None:
        try:
            # A short copy: readers are in reference cycles, and would keep the whole chunk for long.
            short = head[:_HEAD]
            header = read_header("", ForwardReader(lambda: iter((short,)), size=len(short)))
        except (ElfError, OutOfRange):
            return
        self._header = header
        self._kept = {s: bytearray() for s in _choose_segments(header)}
        self._ranges = _find_string_ranges(header)

    def _take(self, chunk: bytes) -> None:
        start, end = self._position, self._position + len(chunk)
        self._position = end
        for segment, data in self._kept.items():
            if segment.offset < end and start < segment.offset + segment.filesz and len(data) < _MAX_KEPT:
                stop = min(segment.offset + segment.filesz - start, segment.offset - start + _MAX_KEPT)
                data += chunk[max(0, segment.offset - start) : max(0, stop)]
        for first, last in self._ranges:
            if first >= end:
                break
            if start <= first:
                self._scanner.restart(size=last - first)
            inside = first <= start and end <= last  # avoids copying a chunk
            self._scanner.feed(chunk if inside else chunk[max(0, first - start) : last - start])
        self._ranges = [r for r in self._ranges if r[1] > end]


def read_hints(path: str, reader: Reader) -> ElfHints:
    """Read the hints of a file with random access; its strings are searched only if it can open libraries.

    Args:
        path: member path.
        reader: the file.
    """
    try:
        header = read_header(path, reader)
        kept = {s: reader.read(s.offset, min(s.filesz, _MAX_KEPT)) for s in _choose_segments(header)}
        strings = _search_strings(reader, header) if uses_dlopen(path, reader, header) else ()
    except (ElfError, OutOfRange):
        return ElfHints(path=path, traits=ElfTraits(path=path, machine=""))
    return _make_hints(path, header, kept, strings)


def _search_strings(reader: Reader, header: Header) -> tuple[str, ...]:
    scanner = StringScanner()
    for first, last in _find_string_ranges(header):
        scanner.restart(size=last - first)
        at, end = first, min(last, reader.size)
        while at < end:
            size = min(_STEP, end - at)
            scanner.feed(reader.read(at, size))
            at += size
            at += scanner.leap(end - at)
    return scanner.result()


def _choose_segments(header: Header) -> list[Segment]:
    return [s for s in header.segments if s.type in {PT_NOTE, PT_DYNAMIC} and s.filesz][:_MAX_SEGMENTS]


def _make_hints(
    path: str, header: Header, kept: Mapping[Segment, bytes | bytearray], strings: tuple[str, ...]
) -> ElfHints:
    notes = [
        note
        for segment, data in kept.items()
        if segment.type == PT_NOTE
        for note in parse_notes(bytes(data), order=header.order, align=segment.align)
    ]
    dynamic = next((bytes(data) for s, data in kept.items() if s.type == PT_DYNAMIC), b"")
    return ElfHints(
        path=path,
        traits=find_traits(path, header, notes, dynamic),
        notes=parse_dlopen_notes(notes),
        strings=strings,
    )


def _find_string_ranges(header: Header) -> list[tuple[int, int]]:
    """Return the parts of a file that can hold strings, as offsets without overlaps, in order.

    Code is left out if it has its own segment; linkers that use one segment for code and constants put it
    at the start of the file.
    """
    loads = [
        s for s in header.segments if s.type == PT_LOAD and s.filesz and (not s.flags & PF_X or s.offset == 0)
    ]
    ranges: list[tuple[int, int]] = []
    for start, end in sorted((s.offset, s.offset + s.filesz) for s in loads[:_MAX_SEGMENTS]):
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        else:
            ranges.append((start, end))
    return ranges
