"""Reads packages of conda as archives: members in one forward pass, and what a package says of itself.

Formats: ``.conda`` is a zip archive of ``info-*.tar.zst`` and ``pkg-*.tar.zst`` (conda's package format 2),
``.tar.bz2`` one archive of both; ``info/index.json``, ``info/paths.json`` and ``info/link.json`` are those of
CEP 34. Before ``paths.json``, ``info/files`` and ``info/has_prefix`` said the same. Nothing is extracted:
members are inflated as streams, and the amounts inflated and kept are bounded.

A symbolic link may lead anywhere, as conda allows it: packages link to files of other packages, and those
that repackage a distribution of Linux link to ``/usr``. It is never followed out of the prefix, and nothing
may lie behind it, so that what installs the package writes into the prefix alone.
"""

from __future__ import annotations

import bz2
import posixpath
import re
import shlex
import tarfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from wheelfix.errors import IndexProblem, InputError, WheelError
from wheelfix.model.base import Struct, decode_json, field
from wheelfix.model.conda import CondaBuild
from wheelfix.model.wheel import Requirement
from wheelfix.wheel.archive import Archive, Member, iter_chunks, list_members, open_unlisted
from wheelfix.wheel.conda_names import find_spec_name, make_requires, parse_conda_filename
from wheelfix.wheel.tree import escape_path
from wheelfix.wheel.zstd import inflate

MAX_INFLATED = 32 << 30
"""Limit of bytes inflated per package; the largest known, of CUDA, have some 5 GB."""
MAX_MEMBERS = 400_000
MAX_KEPT = 64 << 20
"""Limit of a file in ``info/`` that is read, in bytes; ``paths.json`` has 300 a file."""
MAX_PATH = 4096
"""PATH_MAX of Linux."""

_MAX_RATIO = 500
_FREE = 256 << 20
_MAX_HEADER = 256 << 10
"""Longest extended header of a member, in bytes: a path, the target of a link, and attributes."""
_MAX_GLOBAL = 64
_MAX_DEPENDS = 10_000
"""Most match specifications of a package, and most entry points; the largest metapackages have some 500."""
_MAX_LOOKED = 4096
"""Members among which the description is searched; build tools write it first."""
_PIECE = 1 << 20
_AHEAD = 3
"""Pieces that are inflated before they are asked for."""
_BLOCK = 512
_Kind = TypeVar("_Kind")
_Item = TypeVar("_Item")
_ZIP, _BZIP = b"PK\3\4", b"BZh"
_HOSTILE: Final = "no build tool of conda writes such a package: do not use it"
_DAMAGED: Final = "the package is damaged: fetch it again"
_NO_PACKAGE: Final = "give a .conda, or a .tar.bz2 with info/index.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
_VERSION = re.compile(r"[A-Za-z0-9_.+!~-]{1,255}")
_BUILD = re.compile(r"[A-Za-z0-9_.+-]{0,255}")
_POINT = re.compile(
    r"\s*[^./\\\0=\s][^/\\\0=]*=\s*[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\s*:\s*[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*\s*",
    re.ASCII,
)
"""An entry point, ``NAME = MODULE:FUNCTION``: a name is that of a file."""
_SUBDIR = re.compile(r"[a-z0-9_-]{1,64}")
_OLD_PLACEHOLDER = "/opt/anaconda1anaconda2anaconda3"
"""What stands for the prefix where ``info/has_prefix`` does not say it (conda-build 1)."""
_READ = frozenset(
    {
        *(f"info/{name}" for name in ("index.json", "paths.json", "link.json", "about.json")),
        *(f"info/{name}" for name in ("files", "has_prefix", "no_link")),
    }
)


class MemberKind(Enum):
    """What a member of a package is, besides directories."""

    FILE = "file"
    LINK = "link"
    HARD_LINK = "hard-link"


class CondaMember(Struct):
    """One file or link of a package.

    Attributes:
        path: relative to the prefix, normalised, in the system's spelling.
        size: of a file, in bytes.
        mode: permissions.
        target: of a symbolic link, as written; of a hard link, the path of the file.
    """

    path: str
    kind: MemberKind
    size: int = 0
    mode: int = 0
    target: str = ""


class PathEntry(Struct):
    """What a package says of one of its files.

    Attributes:
        link: whether it is a symbolic link; None where it does not say.
        sha256: of the file in the package, or empty.
        size: bytes, or None.
        placeholder: what stands for the prefix in it, or empty.
        binary: whether a prefix that is put in place of it is filled with NUL up to its length.
        no_link: whether it is copied where other files may be hard links.
    """

    link: bool | None = None
    sha256: str = ""
    size: int | None = None
    placeholder: str = ""
    binary: bool = False
    no_link: bool = False


class CondaDescription(Struct):
    """What a package says of itself.

    Attributes:
        build: what is not name and version.
        requires: packages among ``depends``; virtual packages (``__glibc``) are none.
        paths: what it says of its files; None if it does not list them.
        directories: what it says are directories.
        entry_points: of ``noarch: python``: ``NAME = MODULE:FUNCTION``.
        summary, license, homepage: in its own words, or empty.
    """

    name: str
    version: str
    build: CondaBuild
    requires: tuple[Requirement, ...] = ()
    paths: Mapping[str, PathEntry] | None = None
    directories: frozenset[str] = frozenset()
    entry_points: tuple[str, ...] = ()
    summary: str = ""
    license: str = ""
    homepage: str = ""


class _Index(Struct):
    name: str
    version: str
    build: str = ""
    subdir: str | None = None
    depends: tuple[str, ...] | None = ()
    noarch: str | bool | None = None
    license: str | None = None


class _Path(Struct):
    path: str = field(name="_path")
    path_type: Literal["hardlink", "softlink", "directory"] | None = None
    sha256: str | None = None
    size_in_bytes: int | None = None
    file_mode: Literal["text", "binary"] | None = None
    prefix_placeholder: str | None = None
    no_link: bool | None = None


class _Paths(Struct):
    paths: tuple[_Path, ...]


class _Noarch(Struct):
    entry_points: tuple[str, ...] | None = None


class _Link(Struct):
    noarch: _Noarch | None = None


def iter_members(
    archive: Archive, *, on_bytes: Callable[[int], None] | None = None
) -> Iterator[tuple[CondaMember, Iterator[bytes]]]:
    """Pass over the members of a package once; of a ``.conda`` those of ``info/`` come first.

    Args:
        archive: the package, open; its members need not be listed.
        on_bytes: called with the number of compressed bytes read since the last call.

    Yields:
        Each file and link with its content, of which what is not read is passed over.

    Raises:
        InputError: it is no package, is damaged, or an installer would write outside of the prefix.
    """
    seen = _Seen(archive.name)
    magic = archive.read(0, 4)
    if magic.startswith(_BZIP):
        stream = _Stream(archive, _work_ahead(_inflate_bzip(archive, archive.size)), on_bytes)
        yield from _iter_tar(archive.name, stream, seen)
        return
    if magic != _ZIP:
        raise InputError(archive.name, "is no package of conda", _NO_PACKAGE)
    for part, is_info in _list_parts(archive):
        stream = _Stream(archive, _work_ahead(_inflate_part(archive, part)), on_bytes)
        for member, chunks in _iter_tar(f"{archive.name}: {part.path}", stream, seen):
            if member.path.startswith("info/") is not is_info:
                where = "its description" if is_info else "what it installs"
                problem = f"lies in the archive of {where}, where nothing of the kind may be"
                raise InputError(f"{archive.name}: {_show(member.path)}", problem, _HOSTILE)
            yield member, chunks


def read_again(archive: Archive, path: str) -> Iterator[bytes]:
    """Inflate one file of a package once more, from the start of the archive up to it.

    Raises:
        InputError: as for :func:`iter_members`.
    """
    for member, chunks in iter_members(archive):
        if member.path == path:
            yield from chunks
            return


def is_read(path: str) -> bool:
    """Whether :func:`parse_description` reads a member."""
    return path in _READ


def parse_description(name: str, kept: Mapping[str, bytes]) -> CondaDescription:
    """Parse what a package says of itself.

    Args:
        name: of the file, for messages.
        kept: contents of the members that :func:`is_read`, by path.

    Raises:
        InputError: ``info/index.json`` is missing, or a file is not what it must be.
    """
    if "info/index.json" not in kept:
        raise InputError(name, "has no info/index.json: not a package of conda", _NO_PACKAGE)
    index = _decode(name, "info/index.json", kept, _Index)
    if len(index.depends or ()) > _MAX_DEPENDS:
        raise InputError(
            f"{name}: info/index.json", f"depends on more than {_MAX_DEPENDS} packages", _HOSTILE
        )
    depends = tuple(_check_spec(name, spec) for spec in index.depends or ())
    about = _decode(name, "info/about.json", kept, dict[str, Any]) if "info/about.json" in kept else {}
    subdir = index.subdir or "noarch" if index.noarch else index.subdir or "linux-64"
    for key, value, pattern in (
        ("name", index.name, _NAME),
        ("version", index.version, _VERSION),
        ("build", index.build, _BUILD),
        ("subdir", subdir, _SUBDIR),
    ):
        if not pattern.fullmatch(value):
            raise InputError(f"{name}: info/index.json", f"{key} is {value[:80]!r}", _HOSTILE)
    link = _decode(name, "info/link.json", kept, _Link) if "info/link.json" in kept else _Link()
    points = link.noarch.entry_points or () if link.noarch and index.noarch == "python" else ()
    paths, directories = _parse_paths(name, kept)
    kind = "generic" if index.noarch is True else index.noarch or ""
    return CondaDescription(
        name=index.name,
        version=index.version,
        build=CondaBuild(build=index.build, subdir=subdir, depends=depends, noarch=kind),
        requires=make_requires(depends),
        paths=paths,
        directories=directories,
        entry_points=tuple(_check_point(name, point) for point in points),
        summary=_find_text(about, "summary"),
        license=index.license or _find_text(about, "license"),
        homepage=_find_text(about, "home"),
    )


def is_old_package(path: Path) -> bool:
    """Whether a ``.tar.bz2`` has the description of a package of conda, or is at least called like one."""
    try:
        with open_unlisted(path) as archive:
            members = islice((member for member, _ in iter_members(archive)), _MAX_LOOKED)
            if any(member.path == "info/index.json" for member in members):
                return True
    except InputError:
        pass  # damaged or hostile: the reader has the better message
    return parse_conda_filename(path.name) is not None


# Archives


def _list_parts(archive: Archive) -> list[tuple[Member, bool]]:
    """List the compressed archives in a ``.conda``, that of ``info/`` first."""
    try:
        members = list_members(archive).members
    except WheelError as error:
        raise InputError(error.subject, error.problem, _DAMAGED) from None
    found: list[list[Member]] = []
    for kind in ("info-", "pkg-"):
        found.append([m for m in members if m.path.startswith(kind) and m.path.endswith(".tar.zst")])
        if len(found[-1]) != 1:
            problem = f"has {len(found[-1])} {kind}*.tar.zst; a package has one"
            raise InputError(archive.name, problem, _NO_PACKAGE)
    return [(found[0][0], True), (found[1][0], False)]


class _Chunks:
    """A file of the chunks of a zip archive's member, for the decompressor."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._left = chunks, b""

    def read(self, size: int) -> bytes:
        data = self._left or next(self._chunks, b"")
        self._left = data[size:]
        return data[:size]


def _inflate_part(archive: Archive, part: Member) -> Iterator[tuple[bytes, int]]:
    """Yield the inflated pieces of a ``.tar.zst``, each with the compressed bytes read so far."""
    subject, done = f"{archive.name}: {part.path}", 0

    def note(read: int) -> None:
        nonlocal done
        done = read

    file = _Chunks(iter_chunks(archive, part))
    try:
        for piece in inflate(file, subject=subject, size=_PIECE, on_read=note):  # type: ignore[arg-type]
            yield piece, done
    except IndexProblem as problem:
        raise InputError(subject, problem.problem, _DAMAGED) from None
    except WheelError as error:
        raise InputError(error.subject, error.problem, _DAMAGED) from None


def _inflate_bzip(archive: Archive, size: int) -> Iterator[tuple[bytes, int]]:
    """Yield the inflated pieces of a ``.tar.bz2``, which may be several streams one after the other."""
    at, data = 0, b""
    while data or at < size:
        stream = bz2.BZ2Decompressor()
        while not stream.eof:
            if stream.needs_input and not data:
                data = archive.read(at, _PIECE)
                at += len(data)
                if not data:
                    raise InputError(archive.name, "is cut short", _DAMAGED)
            try:
                piece = stream.decompress(data, _PIECE)
            except (OSError, ValueError):
                raise InputError(archive.name, f"no bzip2 data before byte {at}", _DAMAGED) from None
            data = b""
            yield piece, at
        data = stream.unused_data


class _Header(tarfile.TarInfo):
    """A header without a list of holes, which may be as long as an archive, and is read at once."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type == tarfile.GNUTYPE_SPARSE:
            self._refuse_holes()
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]

    def _refuse_holes(self, *_: object) -> None:
        raise tarfile.ReadError("it has a file with holes")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse_holes


def _work_ahead(pieces: Iterator[_Item]) -> Iterator[_Item]:
    """Make the next pieces in a thread while one is used: decompressors release the GIL."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="inflate")
    try:
        waiting = deque(pool.submit(next, pieces, None) for _ in range(_AHEAD))
        while (piece := waiting.popleft().result()) is not None:
            waiting.append(pool.submit(next, pieces, None))
            yield piece
    finally:
        pool.shutdown(cancel_futures=True)


class _Stream:
    """An inflated archive that is only read forward, up to a limit; ``tarfile`` reads the headers.

    ``tarfile`` reads the size in an extended header at once, which may be gigabytes, and seeks by a size,
    backwards if it is negative; both are refused here.
    """

    def __init__(
        self,
        archive: Archive,
        pieces: Iterator[tuple[bytes, int]],
        on_bytes: Callable[[int], None] | None,
    ) -> None:
        self._name, self._pieces, self._on_bytes = archive.name, pieces, on_bytes
        self._piece, self._at = b"", 0
        self._before = self._packed = 0
        self.last = b""

    def tell(self) -> int:
        return self._before + self._at

    def seek(self, position: int, whence: int = 0) -> int:
        if whence != 0 or position < self.tell():
            raise InputError(self._name, "its headers contradict each other", _HOSTILE)
        for _ in self.take(position - self.tell()):
            pass
        return self.tell()

    def read(self, size: int) -> bytes:
        if size < 0 or size > _MAX_HEADER:
            raise InputError(self._name, f"a header of {size} bytes", _HOSTILE)
        self.last = b"".join(self.take(size))
        return self.last

    def take(self, size: int) -> Iterator[bytes]:
        """Yield the next bytes; fewer at the end of the archive."""
        while size > 0:
            if self._at == len(self._piece) and not self._advance():
                return
            piece = self._piece[self._at : self._at + size]
            self._at += len(piece)
            size -= len(piece)
            yield piece

    def _advance(self) -> bool:
        self._before += len(self._piece)
        self._piece, self._at = b"", 0
        for piece, packed in self._pieces:
            if self._on_bytes and packed > self._packed:
                self._on_bytes(packed - self._packed)
            self._packed = packed
            total = self._before + len(piece)
            if total > MAX_INFLATED or total > _FREE + _MAX_RATIO * packed:
                raise InputError(self._name, f"inflates to more than {total >> 20} MiB: a bomb", _HOSTILE)
            if piece:
                self._piece = piece
                return True
        return False


class _Seen:
    """The paths of a package so far, to refuse what is there twice, or behind a file or link."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kinds: dict[str, MemberKind] = {}
        self._directories: set[str] = set()

    def add(self, member: CondaMember) -> None:
        path, subject = member.path, f"{self._name}: {_show(member.path)}"
        if path in self._kinds:
            raise InputError(subject, "is there twice", _HOSTILE)
        if path in self._directories:
            raise InputError(subject, f"is a directory and a {member.kind.value}", _HOSTILE)
        if member.kind is MemberKind.HARD_LINK and self._kinds.get(member.target) in {None, MemberKind.LINK}:
            problem = f"is a hard link to {_show(member.target)}, no file that comes before it"
            raise InputError(subject, problem, _HOSTILE)
        self.enter(posixpath.dirname(path), subject)
        self._kinds[path] = member.kind
        if len(self._kinds) > MAX_MEMBERS:
            raise InputError(self._name, f"more than {MAX_MEMBERS} members", _HOSTILE)

    def enter(self, directory: str, subject: str) -> None:
        """Note a directory and those above it."""
        while directory and directory not in self._directories:
            if kind := self._kinds.get(directory):
                problem = f"lies behind {_show(directory)}, a {kind.value} of the package"
                raise InputError(subject, problem, _HOSTILE)
            self._directories.add(directory)
            if len(self._directories) > MAX_MEMBERS:
                raise InputError(self._name, f"more than {MAX_MEMBERS} directories", _HOSTILE)
            directory = posixpath.dirname(directory)


def _iter_tar(subject: str, stream: _Stream, seen: _Seen) -> Iterator[tuple[CondaMember, Iterator[bytes]]]:
    try:
        with tarfile.open(fileobj=stream, mode="r:", tarinfo=_Header, errorlevel=2) as archive:  # type: ignore[call-overload]
            while (header := _find_next(subject, archive)) is not None:
                member = _make_member(subject, header)
                if member is None:
                    seen.enter(_check_path(subject, header.name), f"{subject}: {_show(header.name)}")
                    continue
                seen.add(member)
                if member.kind is not MemberKind.FILE:
                    yield member, iter(())
                    continue
                chunks = _take_all(f"{subject}: {_show(member.path)}", stream, member.size)
                yield member, chunks
                for _ in chunks:
                    pass
            # tarfile takes a header that it cannot read for the end.
            rest = iter(lambda: stream.read(_BLOCK), b"")
            if stream.last.strip(b"\0") or any(block.strip(b"\0") for block in rest):
                raise InputError(subject, "has bytes that belong to no member", _DAMAGED)
    except tarfile.TarError as error:
        raise InputError(subject, f"is no tar archive, or damaged ({error})", _DAMAGED) from None
    except (ValueError, OverflowError, RecursionError, UnicodeError):
        raise InputError(subject, "has headers that cannot be read", _HOSTILE) from None


def _find_next(subject: str, archive: tarfile.TarFile) -> tarfile.TarInfo | None:
    header = archive.next()
    archive.members.clear()  # type: ignore[attr-defined]
    if len(archive.pax_headers) > _MAX_GLOBAL:
        raise InputError(subject, "more global headers than a build tool writes", _HOSTILE)
    return header


def _take_all(subject: str, stream: _Stream, size: int) -> Iterator[bytes]:
    done = 0
    for piece in stream.take(size):
        done += len(piece)
        yield piece
    if done != size:
        raise InputError(subject, "is cut short", _DAMAGED)


def _make_member(subject: str, header: tarfile.TarInfo) -> CondaMember | None:
    """Make a member of a header; None for a directory."""
    path = _check_path(subject, header.name)
    if header.isdir():
        return None
    if not path:
        raise InputError(subject, "a member has no name", _HOSTILE)
    mode = header.mode & 0o7777
    if header.issym():
        if not header.linkname or "\0" in header.linkname or len(header.linkname) > MAX_PATH:
            raise InputError(f"{subject}: {_show(path)}", "is a link without a target", _HOSTILE)
        return CondaMember(path=path, kind=MemberKind.LINK, mode=mode, target=header.linkname)
    if header.islnk():
        target = _check_path(subject, header.linkname)
        return CondaMember(path=path, kind=MemberKind.HARD_LINK, mode=mode, target=target)
    if not header.isfile() or header.issparse():
        raise InputError(f"{subject}: {_show(path)}", "is neither file, directory nor link", _HOSTILE)
    if header.size < 0:
        raise InputError(f"{subject}: {_show(path)}", f"has {header.size} bytes", _HOSTILE)
    return CondaMember(path=path, kind=MemberKind.FILE, size=header.size, mode=mode)


def _check_path(subject: str, path: str) -> str:
    """Return a path without its idle parts.

    Raises:
        InputError: it leaves the prefix, or is none.
    """
    if len(path) > MAX_PATH:
        raise InputError(subject, f"a path of {len(path)} characters", _HOSTILE)
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or "\0" in path:
        raise InputError(f"{subject}: {_show(path)}", "its path leaves the prefix", _HOSTILE)
    return "/".join(part for part in parts if part not in {"", "."})


def _show(path: str) -> str:
    return escape_path(path)


# Description


def _decode(name: str, path: str, kept: Mapping[str, bytes], kind: type[_Kind]) -> _Kind:
    try:
        return decode_json(kept[path].removeprefix(b"\xef\xbb\xbf"), kind)
    except ValueError as error:
        said = str(error)
        raise InputError(f"{name}: {path}", f"is not what it must be ({said[:200]})", _DAMAGED) from None


def _find_text(about: Mapping[str, object], key: str) -> str:
    value = about.get(key)
    return " ".join(value.split()) if isinstance(value, str) else ""


def _check_spec(name: str, spec: str) -> str:
    if len(spec) > MAX_PATH or not spec.isprintable() or not find_spec_name(spec):
        raise InputError(f"{name}: info/index.json", f"depends on {spec[:80]!r}", _HOSTILE)
    return spec


def _check_point(name: str, point: str) -> str:
    if not _POINT.fullmatch(point):
        raise InputError(f"{name}: info/link.json", f"has the entry point {point[:80]!r}", _HOSTILE)
    return point


def _parse_paths(name: str, kept: Mapping[str, bytes]) -> tuple[dict[str, PathEntry] | None, frozenset[str]]:
    """Parse what a package says of its files, and which paths it says are directories."""
    found: dict[str, PathEntry] = {}
    if "info/paths.json" in kept:
        directories = set()
        for one in _decode(name, "info/paths.json", kept, _Paths).paths:
            path = _check_path(name, one.path)
            if path in found or path in directories:
                raise InputError(f"{name}: {_show(path)}", "is listed twice in info/paths.json", _HOSTILE)
            if one.path_type == "directory":
                directories.add(path)
            else:
                found[path] = _make_entry(one)
        return found, frozenset(directories)
    if "info/files" not in kept:
        return None, frozenset()
    copied = frozenset(_split_lines(kept.get("info/no_link", b"")))
    placeholders = dict(_parse_has_prefix(kept.get("info/has_prefix", b"")))
    for path in _split_lines(kept["info/files"]):
        prefix, binary = placeholders.get(path, ("", False))
        entry = PathEntry(placeholder=prefix, binary=binary, no_link=path in copied)
        found[_check_path(name, path)] = entry
    return found, frozenset()


def _make_entry(entry: _Path) -> PathEntry:
    link = entry.path_type == "softlink"
    return PathEntry(
        link=link,
        sha256="" if link else (entry.sha256 or "").lower(),
        size=None if link else entry.size_in_bytes,
        placeholder=entry.prefix_placeholder or "",
        binary=entry.file_mode == "binary",
        no_link=bool(entry.no_link),
    )


def _split_lines(data: bytes) -> list[str]:
    return [line.strip() for line in data.decode("utf-8", "surrogateescape").split("\n") if line.strip()]


def _parse_has_prefix(data: bytes) -> Iterator[tuple[str, tuple[str, bool]]]:
    """Yield paths with what stands for the prefix in them: ``PLACEHOLDER MODE PATH``, or a path alone."""
    for line in _split_lines(data):
        try:
            words = shlex.split(line, posix=False)
        except ValueError:
            words = [line]
        words = [word.strip("\"'") for word in words]
        if len(words) == 3 and words[1] in {"text", "binary"}:
            yield words[2], (words[0], words[1] == "binary")
        else:
            yield line, (_OLD_PLACEHOLDER, False)
