"""Reads and writes nix-index database files: header, zstd frames, and one package after the other.

The inflated stream has over a gigabyte and is never held whole: a buffer holds the current package (up to
33 MB in a database of nixos-unstable), and zstd its window (128 MiB).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wheelfix.errors import IndexProblem, InputError, describe
from wheelfix.index.frcode import (
    REBUILD,
    Entry,
    Package,
    decode_block,
    encode_package,
    parse_entry,
    parse_footer,
)
from wheelfix.model.base import Struct
from wheelfix.model.scan import FileHit
from wheelfix.outside.files import stage_output
from wheelfix.wheel.input import open_input
from wheelfix.wheel.zstd import compress, inflate

if TYPE_CHECKING:
    from io import BufferedReader

MAGIC: Final = b"NIXI"
VERSION: Final = 1

_HEADER: Final = 12
_CHUNK: Final = 1 << 20
_BLOCK_MAX: Final = 1 << 27
_FOOTER: Final = b"\np\0"


class Block(Struct):
    """The bytes of one package, not yet decoded.

    Attributes:
        subject: the database, for errors.
        offset: of the first byte in the decompressed stream.
        raw: the entries.
        step: the footer's differential.
        footer: the store path as JSON.
    """

    subject: str
    offset: int
    raw: bytes
    step: int
    footer: bytes

    def read_package(self) -> Package:
        """Parse the footer.

        Raises:
            IndexProblem: it is corrupt.
        """
        return parse_footer(self.footer, subject=self.subject, offset=self.offset + len(self.raw))

    def decode(self, *, having: bytes = b"") -> list[tuple[bytes, bytes]]:
        """Decode to pairs of metadata and path, for paths that contain ``having``.

        Raises:
            IndexProblem: an entry is corrupt.
        """
        pairs, shared = decode_block(self.raw, subject=self.subject, offset=self.offset, having=having)
        if shared + self.step != 0:
            raise IndexProblem(
                self.subject,
                f"corrupt: the package footer at byte {self.offset + len(self.raw)} leaves a shared prefix "
                f"of {shared + self.step} bytes",
                REBUILD,
            )
        return pairs

    def read_entries(self) -> Iterator[Entry]:
        """Decode to entries.

        Raises:
            IndexProblem: an entry is corrupt.
        """
        for meta, path in self.decode():
            yield parse_entry(meta, path, subject=self.subject, offset=self.offset)


def iter_blocks(path: Path, *, progress: Callable[[int, int], None] | None = None) -> Iterator[Block]:
    r"""Stream a database package by package, without decoding.

    A footer is found by ``\n p \0``. That is exact: neither path nor metadata hold NUL, so ``p`` in front of
    one is the whole metadata, and no differential puts LF and ``p`` there (after a differential comes a tail,
    which ends with LF before the next NUL; a NUL that is the low byte of a long differential follows its
    high byte and 0x80).

    Args:
        path: the database.
        progress: called with the compressed bytes read and the size of the file.

    Yields:
        Blocks, in the order of the file.

    Raises:
        IndexProblem: unreadable, not a nix-index database, another version, truncated or damaged; the problem
            names the offset in the decompressed stream where there is one.
    """
    subject = str(path)
    try:
        with open_database(path) as file:
            total = os.fstat(file.fileno()).st_size
            _check_header(file.read(_HEADER), subject)
            on_read = (lambda done: progress(_HEADER + done, total)) if progress else None
            chunks = inflate(file, subject=subject, size=_CHUNK, on_read=on_read)
            yield from _split(chunks, subject)
    except OSError as error:
        raise IndexProblem(subject, f"cannot be read: {describe(error)}", "Check the path.") from error


def open_database(path: Path) -> BufferedReader:
    """Open a file that should be an index.

    Raises:
        IndexProblem: it is missing, unreadable, or not a regular file.
    """
    try:
        return open_input(path)
    except InputError as error:
        raise IndexProblem(error.subject, error.problem, error.hint) from None


def iter_packages(path: Path) -> Iterator[tuple[Package, Iterator[Entry]]]:
    """Decode every package exactly and slowly, as the reference for the fast path.

    Yields:
        Each package with its entries.

    Raises:
        IndexProblem: as :func:`iter_blocks`; also for a corrupt entry or footer.
    """
    for block in iter_blocks(path):
        yield block.read_package(), block.read_entries()


def encode_database(packages: Iterable[tuple[Package, Iterable[Entry]]], *, level: int = 3) -> bytes:
    """Encode a whole database, byte for byte as nix-index would at the same compression."""
    body = b"".join(encode_package(package, entries) for package, entries in packages)
    return MAGIC + VERSION.to_bytes(8, "little") + compress(body, level=level)


def _check_header(header: bytes, subject: str) -> None:
    if header[:4] != MAGIC:
        raise IndexProblem(
            subject,
            f"no nix-index database: starts with {header[:4]!r} at byte 0, not {MAGIC!r}",
            "Give the file nix-index writes (~/.cache/nix-index/files) or a table of `wheelfix index build`.",
        )
    version = int.from_bytes(header[4:], "little")
    if len(header) < _HEADER or version != VERSION:
        raise IndexProblem(
            subject,
            f"nix-index database of version {version} (bytes 4 to 11), only {VERSION} is known",
            "Build it with a nix-index that writes version 1, or update wheelfix.",
        )


def _split(chunks: Iterable[bytes], subject: str) -> Iterator[Block]:
    # The buffer starts with the LF before the package being read; base is that LF's offset.
    buffer = bytearray(b"\n")
    base = -1
    search = 0
    for chunk in chunks:
        buffer += chunk
        start = 0
        while (mark := buffer.find(_FOOTER, search)) >= 0:
            body = mark + (6 if buffer[mark + 3 : mark + 4] == b"\x80" else 4)
            end = buffer.find(b"\n", body)
            if end < 0:
                break
            with memoryview(buffer) as view:  # slicing the buffer itself would copy twice
                raw = bytes(view[start + 1 : mark + 1])
            yield Block(
                subject=subject,
                offset=base + start + 1,
                raw=raw,
                step=int.from_bytes(buffer[body - (2 if body - mark == 6 else 1) : body], "big", signed=True),
                footer=bytes(buffer[body:end]),
            )
            start = search = end
        search = (mark if mark >= 0 else max(start, len(buffer) - 2)) - start
        del buffer[:start]
        base += start
        if len(buffer) > _BLOCK_MAX:
            raise IndexProblem(
                subject, f"corrupt: no package footer in {_BLOCK_MAX} bytes from byte {base + 1}", REBUILD
            )
    if len(buffer) > 1:
        raise IndexProblem(
            subject, f"corrupt: entries without a package footer from byte {base + 1} to the end", REBUILD
        )


def write_database(
    path: Path, packages: Iterable[tuple[Package, Iterable[Entry]]], *, level: int = 19
) -> None:
    """Write a database that nix-locate reads, and move it into place when it is complete.

    Args:
        path: the file; an old one stays until the new one is complete.
        packages: each with its entries, parents before children.
        level: of zstd.

    Raises:
        ApplyError: it cannot be written.
    """
    with stage_output(path, hint="make room, or choose another place", parents=True) as staged:
        staged.write(encode_database(packages, level=level))


def find_files(
    database: Path,
    pattern: str,
    *,
    regex: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[FileHit]:
    """Search the paths of all packages.

    Args:
        database: a nix-index database.
        pattern: a path (``/bin/ldconfig``), a file name, or a glob of either; a regular expression for paths.
        regex: whether ``pattern`` is a regular expression.
        progress: called with compressed bytes read and in all.

    Raises:
        IndexProblem: the database is unreadable or corrupt.
        InputError: the regular expression is invalid.
    """
    try:
        search = re.compile(
            (pattern if regex else _translate(pattern)).encode("utf-8", "surrogateescape"), re.DOTALL
        ).search
    except re.error as error:
        raise InputError(pattern, f"is no regular expression ({error})", "quote it") from None
    # Front coding splits names, so no search of the raw bytes is exact: every block is decoded, and paths
    # without the longest literal part of the pattern are dropped first.
    literal = b"" if regex else max(re.split(r"[*?]", pattern), key=len).encode("utf-8", "surrogateescape")
    for block in iter_blocks(database, progress=progress):
        hits = [(meta, path) for meta, path in block.decode(having=literal) if search(path)]
        if not hits:
            continue
        package = block.read_package()
        for meta, path in hits:
            entry = parse_entry(meta, path, subject=block.subject, offset=block.offset)
            yield FileHit(
                attr=package.attr,
                output=package.output,
                store_path=f"{package.store_dir}/{package.hash}-{package.name}",
                kind=entry.kind,
                path=entry.path.decode("utf-8", "backslashreplace"),
                size=entry.size,
                toplevel=package.toplevel,
            )


def _translate(pattern: str) -> str:
    """Translate a glob of paths (leading slash) or file names to a regex; ``*`` does not match a slash."""
    body = "".join({"*": "[^/]*", "?": "[^/]"}.get(c, re.escape(c)) for c in pattern.lstrip("/"))
    return rf"\A/{body}\Z" if pattern.startswith("/") else rf"(?:\A|/){body}\Z"
