"""The sources of a reading: a wheel, an unpacked wheel, an installed distribution, an ELF file.

Each is a :class:`Source`, from which :func:`wheelfix.scan.read.read_source` makes a reading. Everything in
which they differ is in this module.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property, partial
from pathlib import Path
from typing import Protocol

from wheelfix.elf.disk import read_elf_paths, read_object_at
from wheelfix.elf.parallel import Pending, read_elf_files
from wheelfix.elf.parallel import Source as ElfSource
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.errors import ElfError, InputError, describe
from wheelfix.model.hints import SourceUse
from wheelfix.model.reading import About, Origin, OriginKind, WheelFile
from wheelfix.model.scan import Finding, Level
from wheelfix.model.wheel import Distribution
from wheelfix.outside.processes import run_beside
from wheelfix.pysource.sources import (
    is_source,
    read_archive_sources,
    read_tree_sources,
    read_wheel_sources,
)
from wheelfix.wheel.about import MAX_LICENSE, list_licenses, parse_about
from wheelfix.wheel.archive import (
    Archive,
    find_dist_info,
    iter_chunks,
    iter_heads,
    parse_own_metadata,
    read_member,
    read_wheel_tags,
)
from wheelfix.wheel.contents import MAX_INIT, choose_dist_info, is_init, list_dist_infos, read_contents
from wheelfix.wheel.environment import MAX_RECORD, Installed
from wheelfix.wheel.foreign import find_format, is_launcher, is_named_like_library, tell_pretenders
from wheelfix.wheel.input import open_regular
from wheelfix.wheel.metadata import (
    add_variant,
    parse_metadata,
    parse_wheel_tags,
)

OnBytes = Callable[[int], None]
"""Called with the number of bytes read since the last call, from any thread."""
PendingUses = Callable[[], tuple[SourceUse, ...]]
"""Waits for the calls found in Python sources, and returns them, sorted by path."""

_MANY_BYTES = 8 << 20
_CHUNK, _HEAD = 1 << 20, 64


class Source(Protocol):
    """One distribution, wherever its files are; each method is called once, in the order given here.

    Attributes:
        origin: where its bytes are.
    """

    @property
    def origin(self) -> Origin:
        """Where its bytes can be read again."""

    def read_metadata(self) -> tuple[Distribution, About]:
        """Read its metadata; of a wheel, for the tags of its WHEEL file and not of its file name."""

    def open_uses(self) -> AbstractContextManager[PendingUses]:
        """Read the Python sources, in parallel with the block or within it."""

    def open_objects(self, on_bytes: OnBytes | None) -> AbstractContextManager[Pending]:
        """Read the ELF files while the block runs."""

    def find_others(self) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        """Return findings about files that are not ELF files, and the formats of other systems among them."""

    def list_contents(self) -> tuple[WheelFile, ...]:
        """List the installed files, sorted by path."""


class ArchiveSource:
    """A wheel: its ELF files are inflated as streams, and every member is checked.

    Args:
        archive: the wheel, with its members.
        with_contents: keep what :meth:`list_contents` needs while the members are read.
    """

    def __init__(self, archive: Archive, *, with_contents: bool) -> None:
        self._archive, self._with_contents = archive, with_contents
        self._info = find_dist_info(archive)
        self._members = {member.path: member for member in archive.members}
        self._heads = Heads()
        self._kept: dict[str, bytes] = {}

    @property
    def origin(self) -> Origin:
        """The wheel file."""
        return Origin(kind=OriginKind.WHEEL, path=str(self._archive.path), stamp=self._archive.stamp)

    def read_metadata(self) -> tuple[Distribution, About]:
        """Read WHEEL and METADATA."""
        tags = read_wheel_tags(self._archive, self._info)
        text = read_member(self._archive, f"{self._info}/METADATA") or b""
        own = parse_own_metadata(self._archive, self._info, text, tags)
        wheel = add_variant(own, read_member(self._archive, f"{self._info}/variant.json"))
        return wheel, parse_about(text, self._read_licenses)

    def _read_licenses(self) -> Iterator[bytes]:
        for path in list_licenses(self._info, {m.path: m.size for m in self._archive.members}):
            yield read_member(self._archive, path, limit=MAX_LICENSE) or b""

    @contextmanager
    def open_uses(self) -> Iterator[PendingUses]:
        """Parse sources in another process: parsing holds the GIL, for which inflating threads would wait."""
        path, stamp = self._archive.path, self._archive.stamp
        if sum(m.size for m in self._archive.members if is_source(m)) < _MANY_BYTES:
            yield partial(read_archive_sources, self._archive)
            return
        with run_beside(read_wheel_sources, path, stamp) as pending:
            yield pending

    def open_objects(self, on_bytes: OnBytes | None) -> AbstractContextManager[Pending]:
        """Inflate all members, two ELF files at a time."""
        return read_elf_files(self._iter_elf_files(), on_bytes=on_bytes)

    def _iter_elf_files(self) -> Iterator[ElfSource]:
        for member, head in iter_heads(self._archive, ELF_MAGIC, is_kept=self._is_kept):
            if head.startswith(ELF_MAGIC):
                chunks = partial(iter_chunks, self._archive, member)
                yield ElfSource(path=member.path, chunks=chunks, size=member.size)
                continue
            self._heads.add(member.path, head)
            if len(head) == member.size and self._is_kept(member.path):
                self._kept[member.path] = head

    def _is_kept(self, path: str) -> bool:
        return self._with_contents and (
            (is_init(path) and self._members[path].size <= MAX_INIT) or path == f"{self._info}/RECORD"
        )

    def find_others(self) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        """Judge the first bytes of all members, after the ELF files were read."""
        return self._heads.judge()

    def list_contents(self) -> tuple[WheelFile, ...]:
        """List the members, with RECORD's hashes."""
        sizes = {path: member.size for path, member in self._members.items()}
        return read_contents(self._info, sizes, self._read, lambda path: self._members[path].crc)

    def _read(self, path: str) -> bytes:
        kept = self._kept.get(path)
        return kept if kept is not None else read_member(self._archive, path, limit=MAX_RECORD) or b""


class UnpackedSource:
    """A wheel that an installer unpacked, such as one in uv's cache; symbolic links in it are not followed.

    Args:
        directory: the unpacked wheel.
        filename: of the wheel.

    Raises:
        InputError: its own ``*.dist-info`` cannot be identified, or a file cannot be read.
    """

    def __init__(self, directory: Path, filename: str) -> None:
        self._directory, self._filename = directory, filename
        self._heads = Heads()
        with _tell_errors(directory):
            self._sizes = {path: os.lstat(directory / path).st_size for path in _list_files(directory)}
            infos = list_dist_infos(self._sizes)
            info = choose_dist_info(filename, infos, self._read_if_there)
        if info is None:
            problem = f"holds {len(infos)} *.dist-info/METADATA that may be its own"
            raise InputError(str(directory), problem, _CLEAN)
        self._info = info

    @property
    def origin(self) -> Origin:
        """The directory."""
        return Origin(kind=OriginKind.UNPACKED, path=str(self._directory), places=self._places)

    @cached_property
    def _places(self) -> tuple[tuple[str, str], ...]:
        with _tell_errors(self._directory):
            heads = {path: _read_head(self._directory / path) for path in self._sizes}
        for path, head in heads.items():
            if not head.startswith(ELF_MAGIC):
                self._heads.add(path, head)
        found = sorted(path for path, head in heads.items() if head.startswith(ELF_MAGIC))
        return tuple((path, str(self._directory / path)) for path in found)

    def read_metadata(self) -> tuple[Distribution, About]:
        """Read WHEEL and METADATA."""
        path = f"{self._info}/METADATA"
        with _tell_errors(self._directory):
            text = self._read(path)
            tags = parse_wheel_tags(
                (self._read_if_there(f"{self._info}/WHEEL") or b"").decode("utf-8", "replace")
            )
        name, version, requires = parse_metadata(f"{self._directory}: {path}", text, tags)
        files = frozenset(self._sizes)
        wheel = Distribution(
            target=self._filename, name=name, version=version, tags=tags, requires=requires, files=files
        )
        with _tell_errors(self._directory):
            wheel = add_variant(wheel, self._read_if_there(f"{self._info}/variant.json"))
        return wheel, parse_about(text, self._read_licenses)

    def _read_licenses(self) -> Iterator[bytes]:
        with _tell_errors(self._directory):
            for path in list_licenses(self._info, self._sizes):
                yield self._read(path)

    @contextmanager
    def open_uses(self) -> Iterator[PendingUses]:
        """Parse the sources on request."""
        paths = sorted(path for path in self._sizes if path.endswith(".py"))
        yield partial(read_tree_sources, self._directory, self._directory, paths)

    @contextmanager
    def open_objects(self, on_bytes: OnBytes | None) -> Iterator[Pending]:
        """Read the ELF files whole, as those of a wheel, because their strings are searched."""
        largest = sorted(self._places, key=lambda place: (-self._sizes[place[0]], place[0]))
        with (
            _tell_errors(self._directory),
            read_elf_files(_stream(largest, self._sizes), on_bytes=on_bytes) as pending,
        ):
            yield pending

    def find_others(self) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        """Judge the first bytes of all files."""
        return self._heads.judge()

    def list_contents(self) -> tuple[WheelFile, ...]:
        """List the files, with RECORD's hashes."""
        with _tell_errors(self._directory):
            return read_contents(
                self._info, self._sizes, self._read, lambda path: _find_crc(self._directory / path)
            )

    def _read(self, path: str) -> bytes:
        return b"".join(_iter_file(self._directory / path))

    def _read_if_there(self, path: str) -> bytes | None:
        return self._read(path) if path in self._sizes else None


class InstalledSource:
    """An installed distribution: nothing is inflated, and only parts of its files are read.

    Args:
        installed: its metadata, and the places of its ELF files.
        directory: the directory that was read; its name stands for files that belong to no distribution.
        pending: waits for the calls in its sources; sources of all distributions are parsed together.
    """

    def __init__(self, installed: Installed, directory: Path, pending: PendingUses) -> None:
        self._installed, self._directory, self._pending = installed, directory, pending
        self._broken: list[Finding] = []

    @property
    def origin(self) -> Origin:
        """The ELF files."""
        places = tuple((file.path, str(file.disk)) for file in self._installed.elf_files)
        return Origin(
            kind=OriginKind.INSTALLED, path=str(self._installed.project or self._directory), places=places
        )

    def read_metadata(self) -> tuple[Distribution, About]:
        """Return the metadata found in the environment."""
        target = self._directory.name
        stray = Distribution(target=target, name="", version="", tags=(), requires=(), files=frozenset())
        return self._installed.distribution or stray, About()

    def open_uses(self) -> AbstractContextManager[PendingUses]:
        """Return the pending result; the sources are being parsed already."""
        return nullcontext(self._pending)

    def open_objects(self, on_bytes: OnBytes | None) -> AbstractContextManager[Pending]:
        """Read some windows of each file."""
        distribution = self._installed.distribution
        files = ((f.path, f.disk) for f in self._installed.elf_files)
        if distribution and distribution.conda:
            # Packages of conda are of all kinds, and some have broken files, for tests.
            files = (file for file in tuple(files) if self._can_read(*file))
        pairs = read_elf_paths(files, on_file=on_bytes)
        return nullcontext(lambda: pairs)

    def _can_read(self, path: str, disk: Path) -> bool:
        try:
            read_object_at(path, disk)
        except ElfError as error:
            self._broken.append(tell_broken_file(path, error))
            return False
        return True

    def find_others(self) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        """Return what was found while the environment was read."""
        return (*self._installed.findings, *self._broken), self._installed.foreign

    def list_contents(self) -> tuple[WheelFile, ...]:
        """Return nothing: the contents of installed distributions are not compared."""
        return ()


class FileSource:
    """One ELF file, with the libraries that its run paths lead to.

    Args:
        name: of the file.
        path: its path on disk, as in ``places``.
        places: of all files, by path of the object.
    """

    def __init__(self, name: str, path: Path, places: tuple[tuple[str, str], ...]) -> None:
        self._name, self._path, self._places = name, path, places

    @property
    def origin(self) -> Origin:
        """The files."""
        return Origin(kind=OriginKind.FILE, path=str(self._path), places=self._places)

    def read_metadata(self) -> tuple[Distribution, About]:
        """Return empty metadata: a file belongs to no distribution."""
        files = frozenset(path for path, _ in self._places)
        return Distribution(
            target=self._name, name="", version="", tags=(), requires=(), files=files
        ), About()

    def open_uses(self) -> AbstractContextManager[PendingUses]:
        """Return no calls: there are no sources."""
        return nullcontext(tuple)

    @contextmanager
    def open_objects(self, on_bytes: OnBytes | None) -> Iterator[Pending]:
        """Read the named file whole, because its strings are searched, and parts of its libraries."""
        with _tell_errors(self._path):
            named = [place for place in self._places if Path(place[1]) == self._path]
            others = [(path, Path(disk)) for path, disk in self._places if Path(disk) != self._path]
            sizes = {path: os.stat(disk).st_size for path, disk in named}  # noqa: PTH116
            with read_elf_files(_stream(named, sizes, follow=True), on_bytes=on_bytes) as pending:
                libraries = read_elf_paths(others)
                yield lambda: tuple(sorted((*pending(), *libraries), key=lambda pair: pair[0].path))

    def find_others(self) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        """Return nothing: there are no other files."""
        return (), ()

    def list_contents(self) -> tuple[WheelFile, ...]:
        """Return nothing: a file installs nothing."""
        return ()


def tell_broken_file(path: str, error: ElfError) -> Finding:
    """Report a file of a package of conda that is no sound ELF file, and left out."""
    message = f"is an ELF file that the loader refuses: {error.problem}"
    return Finding(level=Level.WARNING, subject=path, message=message)


class Heads:
    """First bytes of the files that are not ELF files, as far as findings depend on them."""

    def __init__(self) -> None:
        """Begin with no file."""
        self._pretenders: list[tuple[str, bytes]] = []
        self._formats: set[str] = set()

    def add(self, path: str, head: bytes) -> None:
        """Note the first bytes of a file."""
        if is_named_like_library(path):
            self._pretenders.append((path, head))
        if not is_launcher(path) and (found := find_format(head)):
            self._formats.add(found)

    def judge(self) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        """Return findings, and the formats of other systems."""
        return tell_pretenders((path, head[:_HEAD]) for path, head in self._pretenders), tuple(
            sorted(self._formats)
        )


_CLEAN = "clean uv's cache: `uv cache clean`"


@contextmanager
def _tell_errors(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problem = f"cannot be read ({describe(error)})"
        raise InputError(str(place), problem, "check its files and their permissions") from None


def _list_files(directory: Path) -> list[str]:
    found = []
    for top, _, names in os.walk(directory):
        inside = os.path.relpath(top, directory)
        found += [name if inside == "." else f"{inside}/{name}" for name in names]
    return sorted(found)


def _stream(
    places: Iterable[tuple[str, str]], sizes: Mapping[str, int], *, follow: bool = False
) -> Iterator[ElfSource]:
    for path, disk in places:
        chunks = partial(_iter_file, Path(disk), follow=follow)
        yield ElfSource(path=path, chunks=chunks, size=sizes[path])


def _iter_file(path: Path, *, follow: bool = False) -> Iterator[bytes]:
    with open_regular(path, os.O_RDONLY | (0 if follow else os.O_NOFOLLOW), "rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _read_head(path: Path) -> bytes:
    with open_regular(path, os.O_RDONLY | os.O_NOFOLLOW, "rb") as file:
        return file.read(_HEAD)


def _find_crc(path: Path) -> int:
    crc = 0
    for chunk in _iter_file(path):
        crc = zlib.crc32(chunk, crc)
    return crc
