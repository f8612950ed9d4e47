r"""Decodes and encodes the entries of a nix-index database: front coding.

A database is ``NIXI``, the version 1 as eight bytes little-endian, and zstd frames (see
:mod:`wheelfix.index.database`). Inflated, it is a sequence of entries::

    <metadata> NUL <differential> <tail> LF

The metadata says what the path is: ``<size>r`` a regular file, ``<size>x`` an executable one, ``<target>s``
a symbolic link, ``<children>d`` a directory. A path is front-coded: it shares its first bytes with the path
before it, and ``tail`` holds the rest. How many it shares is written as the difference to the number the
entry before shared: one signed byte, or where that is -128 (0x80) a signed 16-bit number, big-endian, in the
two bytes that follow. The entries of a package end with a footer: metadata ``p``, a differential that brings
the shared number back to 0, and the store path as JSON. So packages decode independently of each other.

Worked example, a package of four entries, numbers in brackets are bytes::

    path                metadata    shared   bytes
    (empty, the root)   1d          0        1d [0][0] LF
    /lib                2d          0        2d [0][0] /lib LF
    /lib/libz.spec      9r          4        9r [0][4] /libz.spec LF
    /lib/libz.so        7x          11       7x [0][7] o LF
    footer              p           0        p [0][-11] {"store_dir":"/nix/store", ...} LF

Three traps. The differential can be 10, which is LF, and its long form can hold LF and NUL, so neither
splits a block. ``.so`` need not be among the bytes of an entry whose path has it: above, ``.s`` is shared.
And a file name may contain LF: an entry ends at the *last* LF before the next NUL.

Source: nix-index, ``src/frcode.rs``, ``src/files.rs`` and ``src/package.rs``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from wheelfix.errors import IndexProblem
from wheelfix.model.base import Struct, decode_json, encode_json

if TYPE_CHECKING:
    from collections.abc import Iterable

REBUILD: Final = "Fetch or build the database again."

_LONG: Final = 0x80
_LONG_WIDTH: Final = 3
_SHORT_MAX: Final = 126
_SHARED_MAX: Final = 0x7FFF
_LARGE: Final = 1 << 23


class _Differentials(dict[bytes, int]):
    """Values of differentials by their bytes; long ones are computed on demand."""

    def __missing__(self, differential: bytes) -> int:
        if len(differential) != _LONG_WIDTH:
            raise KeyError(differential)
        return int.from_bytes(differential[1:], "big", signed=True)


_VALUES: Final = _Differentials({bytes([n]): n if n < _LONG else n - 256 for n in range(256) if n != _LONG})

# One entry; one byte with all groups empty where the bytes are not a plain entry.
_ENTRY: Final = re.compile(rb"([^\0\n]*)\0(\x80..|[^\x80])([^\0\n]*)\n|.", re.DOTALL)


class Entry(Struct):
    """One path of a package.

    Attributes:
        kind: ``r`` regular, ``x`` executable, ``s`` symbolic link, ``d`` directory.
        path: from the root of the store path, with a leading slash; the root itself is empty.
        size: bytes of a file, children of a directory, 0 for a link.
        target: where a link points to, else None.
    """

    kind: str
    path: bytes
    size: int = 0
    target: bytes | None = None


class Package(Struct):
    """One store path and the attribute it was found under.

    Attributes:
        attr: attribute path; the first in ASCII order if several lead to the store path.
        output: ``out``, ``lib`` ...
        name: name of the store path, after the hash.
        hash: 32 characters.
        store_dir: ``/nix/store``.
        toplevel: False for a package that is known only as a dependency of another.
        system: Nix system, or None in databases of nix-index before 0.1.8.
    """

    attr: str
    output: str
    name: str
    hash: str
    store_dir: str = "/nix/store"
    toplevel: bool = True
    system: str | None = None


class _Origin(Struct):
    """The attribute that a store path was found under."""

    attr: str
    output: str
    toplevel: bool
    system: str | None = None


class _Footer(Struct):
    """The JSON that ends a package."""

    store_dir: str
    hash: str
    name: str
    origin: _Origin


def decode_block(
    raw: bytes, *, subject: str, offset: int, having: bytes = b""
) -> tuple[list[tuple[bytes, bytes]], int]:
    """Decode the entries of one package, all of them exactly.

    Args:
        raw: from the first entry up to the footer.
        subject: the file, for errors.
        offset: of ``raw`` in the decompressed stream, for errors.
        having: return only paths that contain this.

    Returns:
        Pairs of metadata and path, and the number of bytes the last entry shared; the footer's differential
        has to be its negative.

    Raises:
        IndexProblem: a NUL, LF or differential is missing, or a path shares more than there is. The problem
            names the offset of the entry.
    """
    found: list[tuple[bytes, bytes]] = []
    add = found.append
    path = b""
    shared = 0
    # findall is faster, but holds some 200 bytes an entry.
    entries = _ENTRY.findall(raw) if len(raw) < _LARGE else (m.groups() for m in _ENTRY.finditer(raw))
    try:
        for meta, differential, tail in entries:
            shared += _VALUES[differential]
            if not 0 <= shared <= len(path):
                return _decode_slowly(raw, subject, offset, having)
            path = path[:shared] + tail
            if path.find(having) >= 0:  # `in` would first try to take `having` for a number
                add((meta, path))
    except KeyError:
        return _decode_slowly(raw, subject, offset, having)
    return found, shared


def _decode_slowly(
    raw: bytes, subject: str, offset: int, having: bytes
) -> tuple[list[tuple[bytes, bytes]], int]:
    """As :func:`decode_block`, entry by entry: for LF in names, and to say where the damage is."""

    def fail(problem: str) -> IndexProblem:
        return IndexProblem(subject, f"corrupt: {problem} at byte {offset + start}", REBUILD)

    found: list[tuple[bytes, bytes]] = []
    path = b""
    shared = start = 0
    while start < len(raw):
        nul = raw.find(b"\0", start)
        if nul < 0:
            raise fail("missing NUL for the entry")
        body = nul + 1 + (_LONG_WIDTH if raw[nul + 1 : nul + 2] == b"\x80" else 1)
        if body > len(raw):
            raise fail("missing differential for the entry")
        shared += _VALUES[raw[nul + 1 : body]]
        if not 0 <= shared <= len(path):
            raise fail(f"shared prefix of {shared} bytes after a path of {len(path)}, in the entry")
        following = raw.find(b"\0", body)
        end = raw.rfind(b"\n", body, following if following >= 0 else len(raw))
        if end < 0:
            raise fail("missing newline for the entry")
        path = path[:shared] + raw[body:end]
        if having in path:
            found.append((raw[start:nul], path))
        start = end + 1
    return found, shared


def parse_entry(meta: bytes, path: bytes, *, subject: str, offset: int) -> Entry:
    """Read the metadata of a decoded entry.

    Raises:
        IndexProblem: the metadata is not of the four kinds.
    """
    kind, value = meta[-1:], meta[:-1]
    if kind == b"s":
        return Entry(kind="s", path=path, target=value)
    if kind in (b"r", b"x", b"d") and value.isdigit():
        return Entry(kind=kind.decode(), path=path, size=int(value))
    raise IndexProblem(
        subject, f"corrupt: metadata {meta!r} of {path!r} in the package at byte {offset}", REBUILD
    )


def parse_footer(footer: bytes, *, subject: str, offset: int) -> Package:
    """Read the JSON that ends a package.

    Raises:
        IndexProblem: it is not JSON, or not a store path.
    """
    try:
        read = decode_json(footer, _Footer)
    except ValueError as error:
        raise IndexProblem(
            subject, f"corrupt: the package footer at byte {offset} is no store path", REBUILD
        ) from error
    origin = read.origin
    return Package(
        attr=origin.attr,
        output=origin.output,
        name=read.name,
        hash=read.hash,
        store_dir=read.store_dir,
        toplevel=origin.toplevel,
        system=origin.system,
    )


def encode_differential(step: int) -> bytes:
    """Write a differential, as nix-index does: one byte from -126 to 126, else three."""
    if -_SHORT_MAX <= step <= _SHORT_MAX:
        return step.to_bytes(1, "big", signed=True)
    return b"\x80" + step.to_bytes(2, "big", signed=True)


def encode_package(package: Package, entries: Iterable[Entry]) -> bytes:
    """Write a package: its entries in the order given, and its footer.

    Raises:
        ValueError: NUL in a path, NUL or LF in a link target.
    """
    pieces: list[bytes] = []
    last = b""
    shared = 0
    for entry in entries:
        value = str(entry.size).encode() if entry.target is None else entry.target
        if b"\0" in entry.path or b"\0" in value or b"\n" in value:
            raise ValueError(f"not encodable: {entry}")
        common = _count_shared(last, entry.path)
        pieces += (value, entry.kind.encode(), b"\0", encode_differential(common - shared))
        pieces += (entry.path[common:], b"\n")
        last, shared = entry.path, common
    footer = _Footer(
        store_dir=package.store_dir,
        hash=package.hash,
        name=package.name,
        origin=_Origin(
            attr=package.attr, output=package.output, toplevel=package.toplevel, system=package.system
        ),
    )
    text = encode_json(footer)
    return b"".join((*pieces, b"p\0", encode_differential(-shared), text, b"\n"))


def _count_shared(one: bytes, other: bytes) -> int:
    limit = min(len(one), len(other), _SHARED_MAX)
    if one[:limit] == other[:limit]:
        return limit
    return next(i for i in range(limit) if one[i] != other[i])
