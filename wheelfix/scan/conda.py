"""The source of a reading: a package of conda, read in one pass.

Paths of a reading are relative to site-packages, as those of an installed distribution are, so that run paths
lead to the same places: ``lib/libz.so.1`` of the prefix is ``../../libz.so.1``.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, partial
from io import BytesIO
from itertools import chain
from typing import Final

from wheelfix.elf.exports import read_symbols
from wheelfix.elf.parallel import Pending
from wheelfix.elf.reader import ELF_MAGIC, read_object
from wheelfix.elf.stream import ForwardReader
from wheelfix.elf.watch import Watch
from wheelfix.errors import ElfError, InputError
from wheelfix.model.base import replace
from wheelfix.model.conda import PREFIX_LENGTH
from wheelfix.model.elf import ElfObject, Symbols
from wheelfix.model.hints import ElfHints
from wheelfix.model.reading import About, Origin, OriginKind, Reading, WheelFile
from wheelfix.model.scan import Finding, Level
from wheelfix.model.wheel import Distribution
from wheelfix.pysource.opens import MAX_SEARCHED
from wheelfix.pysource.sources import find_in_sources
from wheelfix.scan.source import Heads, OnBytes, PendingUses, tell_broken_file
from wheelfix.wheel.about import name_license
from wheelfix.wheel.archive import Archive
from wheelfix.wheel.conda import (
    MAX_KEPT,
    CondaDescription,
    CondaMember,
    MemberKind,
    PathEntry,
    is_read,
    iter_members,
    parse_description,
    read_again,
)
from wheelfix.wheel.conda_names import (
    MAX_STEPS,
    find_prefix_path,
    find_python_directory,
    find_site_path,
    leads_out,
    parse_conda_filename,
    resolve_link,
)
from wheelfix.wheel.contents import MAX_INIT, is_init, is_namespace
from wheelfix.wheel.foreign import is_named_like_library
from wheelfix.wheel.tree import escape_path
from wheelfix.wheel.zstd import compress, inflate

MAX_SOURCES: Final = 96 << 20
"""Bytes of compressed Python sources that are kept to be read; those of the largest packages have 20 MB."""
MAX_AGAIN: Final = 64 << 30
"""Bytes that are inflated more than once, for ELF files whose tables are in an unusual order."""

_HEAD_SIZE: Final = 32 << 20
"""Bytes kept from the start of an ELF file: a second pass over an archive begins at its start."""
_HEAD: Final = 64
_LARGE: Final = 64 << 10
"""Bytes that are worth a thread."""
_SHOWN: Final = 3


class _Pass:
    """One pass over a package: what was read of its members, by path in the prefix.

    Attributes:
        kept: the files that describe it.
        digests: SHA-256 of each file.
        sizes: in bytes.
        links: targets of symbolic links.
        twins: files that hard links lead to.
        objects: the ELF files.
        sources: compressed Python sources.
        namespaces: ``__init__.py`` files without code.
        unkept: Python sources for which there was no room.
        broken: about ELF files that contradict themselves.
    """

    def __init__(self, archive: Archive, heads: Heads, hasher: ThreadPoolExecutor) -> None:
        self._archive, self._heads, self._hasher = archive, heads, hasher
        self._left, self._again = MAX_SOURCES, MAX_AGAIN
        self.kept, self.digests, self.sizes = dict[str, bytes](), dict[str, bytes](), dict[str, int]()
        self.links, self.twins = dict[str, str](), dict[str, str]()
        self.objects, self.sources = dict[str, tuple[ElfObject, ElfHints]](), dict[str, bytes]()
        self.namespaces, self.unkept = set[str](), list[str]()
        self.broken = list[Finding]()

    def add(self, member: CondaMember, chunks: Iterator[bytes]) -> None:
        """Read a member while it passes."""
        path = member.path
        if member.kind is MemberKind.LINK:
            self.links[path] = member.target
        elif member.kind is MemberKind.HARD_LINK:
            self.twins[path] = self.twins.get(member.target, member.target)
        else:
            self.sizes[path] = member.size
            if is_read(path):
                self.kept[path] = self._keep(member, chunks)
            elif not path.startswith("info/"):
                self._add_file(member, chunks)

    def _add_file(self, member: CondaMember, chunks: Iterator[bytes]) -> None:
        digest = hashlib.sha256()
        hashed = _hash(chunks, digest.update, self._hasher)
        head = next(hashed, b"")
        whole = chain([head], hashed)
        if head.startswith(ELF_MAGIC):
            self._add_object(member, whole)
        else:
            self._heads.add(escape_path(member.path), head[:_HEAD])
            if _is_source(member):
                self._add_source(member.path, b"".join(whole))
        for _ in hashed:
            pass
        self.digests[member.path] = digest.digest()

    def _add_object(self, member: CondaMember, chunks: Iterator[bytes]) -> None:
        shown, passes = escape_path(member.path), [chunks]
        watch = Watch()
        opened = watch.tee(lambda: passes.pop() if passes else self._open_again(member))
        try:
            reader = ForwardReader(opened, size=member.size, head_size=_HEAD_SIZE)
            self.objects[member.path] = read_object(shown, reader), watch.result(shown)
        except ElfError as error:
            self.broken.append(tell_broken_file(shown, error))

    def _open_again(self, member: CondaMember) -> Iterator[bytes]:
        """Inflate a member once more; the archive begins at its start."""
        self._again -= sum(self.sizes.values())
        if self._again < 0:
            problem = "its ELF files are in an order that takes too long to read"
            raise InputError(self._archive.name, problem, "do not use it")
        return read_again(self._archive, member.path)

    def _add_source(self, path: str, data: bytes) -> None:
        if is_init(path) and len(data) <= MAX_INIT and is_namespace(data):
            self.namespaces.add(path)
        packed = compress(data, level=1)
        self._left -= len(packed)
        if self._left >= 0:
            self.sources[path] = packed
        else:
            self.unkept.append(path)

    def _keep(self, member: CondaMember, chunks: Iterator[bytes]) -> bytes:
        if member.size > MAX_KEPT:
            problem = f"{member.size} bytes; wheelfix reads up to {MAX_KEPT}"
            raise InputError(f"{self._archive.name}: {member.path}", problem, "do not use this package")
        return b"".join(chunks)


def read_package_symbols(archive: Archive, reading: Reading, wanted: Collection[str]) -> tuple[Symbols, ...]:
    """Read the dynamic symbols of some ELF files of a package.

    Args:
        archive: the package, open.
        reading: of it.
        wanted: paths of its objects, of which some may be links.

    Raises:
        InputError: it is damaged, or has changed since.
    """
    links, files = dict[str, str](), list[str]()
    for member, _ in iter_members(archive):
        if member.kind is MemberKind.FILE:
            files.append(member.path)
        else:
            target = member.target
            is_hard = member.kind is MemberKind.HARD_LINK
            links[member.path] = target if is_hard else resolve_link(member.path, target) or ""
    python = find_python_directory((*files, *links))
    build = reading.distribution.conda
    noarch = build is not None and build.noarch == "python"
    asked: dict[str, list[str]] = {}
    for path in (*files, *links):
        if (shown := escape_path(find_site_path(path, python, noarch=noarch))) in wanted:
            for _ in range(MAX_STEPS):
                path = links.get(path, path)
            asked.setdefault(path, []).append(shown)
    found: list[Symbols] = []
    for member, chunks in iter_members(archive):
        if names := asked.get(member.path):
            passes = [chunks]
            opened = partial(_open_pass, passes, archive, member.path)
            symbols = read_symbols(names[0], ForwardReader(opened, size=member.size, head_size=_HEAD_SIZE))
            found += [replace(symbols, path=name) for name in names]
    return tuple(sorted(found, key=lambda one: one.path))


def _open_pass(passes: list[Iterator[bytes]], archive: Archive, path: str) -> Iterator[bytes]:
    return passes.pop() if passes else read_again(archive, path)


def _hash(
    chunks: Iterator[bytes], update: Callable[[bytes], None], pool: ThreadPoolExecutor
) -> Iterator[bytes]:
    """Pass chunks on; a large one is hashed in a thread while it is used, as hashing releases the GIL."""
    for chunk in chunks:
        if len(chunk) < _LARGE:
            update(chunk)
            yield chunk
            continue
        pending = pool.submit(update, chunk)
        yield chunk
        pending.result()


def _is_source(member: CondaMember) -> bool:
    path = member.path
    return path.endswith(".py") and "site-packages/" in path and member.size <= MAX_SEARCHED


def _measure(entry: PathEntry) -> int:
    return len(entry.placeholder.encode("utf-8", "surrogateescape"))


def _unpack(packed: bytes | None) -> bytes | None:
    if packed is None:
        return None
    return b"".join(inflate(BytesIO(packed), subject="", size=MAX_SEARCHED))


def _spell_digest(digest: bytes) -> str:
    """Spell a hash as a RECORD has it."""
    return f"sha256={base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


class CondaSource:
    """A package of conda: every member is inflated once, checked, and read while it passes.

    Args:
        archive: the package, open.
        on_bytes: called with the number of compressed bytes read since the last call.
    """

    def __init__(self, archive: Archive, on_bytes: OnBytes | None = None) -> None:
        self._archive, self._on_bytes = archive, on_bytes
        self._heads = Heads()

    @property
    def origin(self) -> Origin:
        """The package's file."""
        return Origin(kind=OriginKind.CONDA, path=str(self._archive.path), stamp=self._archive.stamp)

    def read_metadata(self) -> tuple[Distribution, About]:
        """Read the package, and tell what it says of itself."""
        said = self._said
        scripts = {f"bin/.{said.name}-{when}-link.sh" for when in ("pre", "post")}
        distribution = Distribution(
            target=self._archive.name,
            name=said.name,
            version=said.version,
            tags=(),
            requires=said.requires,
            files=frozenset(self._site_paths.values()),
            conda=replace(said.build, links_scripts=not scripts.isdisjoint(self._site_paths)),
        )
        about = About(
            summary=said.summary,
            homepage=said.homepage,
            spdx=name_license("", said.license, ()),
            license=said.license,
        )
        return distribution, about

    def open_uses(self) -> AbstractContextManager[PendingUses]:
        """Parse the sources in site-packages on request."""
        shown, packed = self._site_paths, self._read.sources
        sources = {shown[path]: data for path, data in packed.items() if path in shown}
        own = sorted(path for path in sources if not path.startswith("../"))
        return nullcontext(partial(find_in_sources, own, lambda path: _unpack(sources.get(path))))

    def open_objects(self, on_bytes: OnBytes | None) -> AbstractContextManager[Pending]:
        """Return the ELF files, under every name that they have: a loader looks for that of a link."""
        del on_bytes  # told while the archive was read
        found = []
        for path, shown in self._site_paths.items():
            target = self._follow(path)
            if target is not None and (pair := self._read.objects.get(target)):
                obj, hints = pair
                traits = replace(hints.traits, path=shown)
                found.append((replace(obj, path=shown), replace(hints, path=shown, traits=traits)))
        found.sort(key=lambda pair: pair[0].path)
        return nullcontext(lambda: tuple(found))

    def find_others(self) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
        """Judge first bytes of files, and what the package says of them."""
        told, formats = self._heads.judge()
        return (*self._read.broken, *told, *self._tell()), formats

    def list_contents(self) -> tuple[WheelFile, ...]:
        """List the files, with hashes as a RECORD has them."""
        said, found = self._said, []
        for path, shown in self._site_paths.items():
            target = self._read.twins.get(path, path)
            digest = self._read.digests.get(target)
            text = _spell_digest(digest) if digest else f"link={self._read.links.get(path, '')}"
            found.append(
                WheelFile(path=shown, digest=escape_path(text), namespace=path in self._read.namespaces)
            )
        for point in said.entry_points:
            name, _, target = point.partition("=")
            shown = find_site_path(f"bin/{name.strip()}", "")
            found.append(WheelFile(path=escape_path(shown), digest=f"entry={escape_path(target.strip())}"))
        return tuple(sorted(found, key=lambda file: file.path))

    def list_links(self) -> tuple[tuple[str, str], ...]:
        """List links that are named like shared libraries and lead to files of other packages, sorted."""
        found = []
        for path, shown in self._site_paths.items():
            end = self._follow(path)
            if path not in self._read.links or end is None or end in self._read.sizes:
                continue
            if is_named_like_library(path):
                found.append((shown, escape_path(self._spell(end))))
        return tuple(sorted(found))

    @cached_property
    def _site_paths(self) -> Mapping[str, str]:
        """Paths of what is installed, relative to site-packages, by path in the prefix."""
        listed = self._said.paths
        members = [*self._read.sizes, *self._read.twins, *self._read.links]
        return {
            path: escape_path(self._spell(path))
            for path in members
            if not path.startswith("info/") and (listed is None or path in listed)
        }

    @cached_property
    def _python(self) -> str:
        return find_python_directory((*self._read.sizes, *self._read.links))

    def _spell(self, path: str) -> str:
        return find_site_path(path, self._python, noarch=self._said.build.noarch == "python")

    def _follow(self, path: str) -> str | None:
        """Follow links up to a path that is none; None where they leave the prefix or go in circles."""
        found: str | None = path
        for _ in range(MAX_STEPS):
            if found is None or found not in self._read.links:
                return self._read.twins.get(found, found) if found else None
            found = resolve_link(found, self._read.links[found])
        return None

    @cached_property
    def _read(self) -> _Pass:
        """Pass over the archive."""
        with ThreadPoolExecutor(1, thread_name_prefix="hash") as hasher:
            read = _Pass(self._archive, self._heads, hasher)
            for member, chunks in iter_members(self._archive, on_bytes=self._on_bytes):
                read.add(member, chunks)
        return read

    @cached_property
    def _said(self) -> CondaDescription:
        return parse_description(self._archive.name, self._read.kept)

    def _list_leaving(self) -> list[str]:
        """List links that are installed and lead out of the prefix, by themselves or through others."""
        noarch = self._said.build.noarch == "python"
        links = {p: t for p, t in self._read.links.items() if p in self._site_paths}
        places = {find_prefix_path(path, noarch=noarch): target for path, target in links.items()}
        found = []
        for path, target in links.items():
            place = find_prefix_path(path, noarch=noarch)
            if resolve_link(place, target) is None or leads_out(place, places):
                found.append(path)
        return found

    def _tell(self) -> Iterator[Finding]:
        """Compare the package with what it says of its files."""
        read, listed = self._read, self._said.paths or {}
        named = parse_conda_filename(self._archive.name)
        own = (self._said.name, self._said.version, self._said.build.build)
        if named and named != own:
            message = f"describes itself as {' '.join(own)}, which is not what its file is called"
            yield Finding(level=Level.WARNING, subject=self._archive.name, message=message)
        wrong = [p for p, one in listed.items() if one.sha256 and p in read.digests]
        wrong = [p for p in wrong if listed[p].sha256 != read.digests[p].hex()]
        yield from _tell_some(Level.ERROR, wrong, "has not the sha256 that info/paths.json states")
        there = {*read.sizes, *read.links, *read.twins}
        lost = [p for p in listed if p not in there]
        yield from _tell_some(Level.ERROR, lost, "is listed in info/, and not in the package")
        if self._said.paths is not None:
            extra = [p for p in there if p not in listed and not p.startswith("info/")]
            yield from _tell_some(
                Level.WARNING, extra, "is in the package, and not in its list: not installed"
            )
        wrong = [p for p, one in listed.items() if one.link is not None and one.link != (p in read.links)]
        wrong = [p for p in (*wrong, *self._said.directories) if p in there]
        yield from _tell_some(Level.ERROR, wrong, "is not of the kind that info/paths.json states")
        small = [p for p, one in listed.items() if one.binary and 0 < _measure(one) < PREFIX_LENGTH]
        room = f"has no room for a prefix in a Nix store, of {PREFIX_LENGTH} bytes"
        yield from _tell_some(Level.ERROR, small, room)
        out = self._list_leaving()
        yield from _tell_some(Level.ERROR, out, "is a link that leads out of the prefix: not followed")
        yield from _tell_some(Level.NOTE, read.unkept, "is one Python source too many: not read")


def _tell_some(level: Level, paths: Sequence[str], message: str) -> Iterator[Finding]:
    """Tell of some files by the first of them."""
    if paths:
        more = f"; so are {len(paths) - 1} more" if len(paths) > 1 else ""
        yield Finding(level=level, subject=escape_path(min(paths)), message=f"{message}{more}")
