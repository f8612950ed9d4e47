"""Targets read to Readings: the one way from a wheel, an environment or an ELF file to what is in it.

The readers of archives and of ELF files do not know each other; in :mod:`wheelfix.scan.source` the streams of
one go into the other.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from wheelfix.elf.disk import read_elf_at, read_elf_paths, read_symbols_at
from wheelfix.elf.exports import read_symbols as read_elf_symbols
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.elf.stream import ForwardReader
from wheelfix.errors import ElfError, InputError
from wheelfix.model.at_hand import AtHand
from wheelfix.model.base import replace
from wheelfix.model.elf import ElfObject, Symbols
from wheelfix.model.reading import Origin, OriginKind, Reading
from wheelfix.model.scan import Finding, Level
from wheelfix.model.wheel import Distribution
from wheelfix.outside.processes import run_beside
from wheelfix.pysource.sources import PythonTree, read_all_sources
from wheelfix.scan.at_hand import find_carried
from wheelfix.scan.source import (
    ArchiveSource,
    FileSource,
    InstalledSource,
    OnBytes,
    Source,
    UnpackedSource,
)
from wheelfix.scan.store import find_reading, read_once, store_reading
from wheelfix.wheel.archive import Archive, iter_chunks, list_members, open_archive, open_unlisted
from wheelfix.wheel.environment import Environment, read_environment
from wheelfix.wheel.identity import wait_for_tick
from wheelfix.wheel.metadata import find_environment, parse_filename, parse_requirement
from wheelfix.wheel.open import open_input
from wheelfix.wheel.pretenders import NO_ELF, describe_head, find_system, is_for_any, say_formats
from wheelfix.wheel.tree import escape_path

Progress = Callable[[int, int], None]

MAX_LIBRARIES = 512
"""Files that the run paths of one ELF file are followed to."""
_ORIGINS = ("$ORIGIN", "${ORIGIN}")


def read_source(source: Source, *, contents: bool = False, on_bytes: OnBytes | None = None) -> Reading:
    """Read a distribution, whatever it lies in.

    Args:
        source: the distribution.
        contents: read as well what it installs.
        on_bytes: told how much more was read, from any thread.

    Raises:
        InputError: the source says how it fails.
    """
    distribution, about = source.read_metadata()
    with source.open_uses() as pending_uses, source.open_objects(on_bytes) as pending:
        listed = source.list_contents() if contents else None
        pairs, uses = pending(), pending_uses()
    findings, foreign = source.find_others()
    return Reading(
        distribution=distribution,
        objects=tuple(obj for obj, _ in pairs),
        hints=tuple(hints for _, hints in pairs),
        uses=uses,
        findings=findings,
        foreign=foreign,
        about=about,
        contents=listed,
        origin=source.origin,
    )


def read_wheel(
    path: Path,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    name: str | None = None,
    sha256: str | None = None,
    contents: bool = False,
) -> Reading:
    """Read one wheel as a stream.

    Args:
        path: the wheel.
        cache: directory where what was read is kept by the wheel's SHA-256; None keeps nothing.
        progress: told bytes done and in all.
        name: file name of the wheel, where the file has another one.
        sha256: that it must have; asks for a cache.
        contents: whether what it installs is wanted, too.

    Raises:
        InputError: the file is missing, no wheel, damaged or hostile, for another system, has another digest,
            or was written to meanwhile.
    """
    if cache:
        wait_for_tick(path)
    with open_unlisted(path, name=name) as archive:
        if cache:
            read = partial(_read_archive, archive, progress, contents=True)
            reading = read_once(archive, cache, read, contents=contents)
        else:
            reading = _read_archive(archive, progress, contents=contents)
        archive.check_unchanged()
        if sha256 and reading.about.sha256 != sha256:
            hint = "fetch it again: what would be read of it belongs to another wheel"
            raise InputError(archive.name, f"has not the sha256 {sha256}", hint)
        origin = Origin(kind=OriginKind.WHEEL, path=str(path), stamp=archive.stamp)
    return name_reading(replace(reading, origin=origin), archive.name)


def _read_archive(archive: Archive, progress: Progress | None, *, contents: bool) -> Reading:
    """Read a wheel that is open, for the tags of its WHEEL file."""
    listed = list_members(archive)
    count = _count_up(progress, sum(m.size for m in listed.members))
    source = ArchiveSource(listed, with_contents=contents)
    return replace(read_source(source, contents=contents, on_bytes=count), origin=None)


def read_unpacked(directory: Path, filename: str, sha256: str, *, cache: Path | None = None) -> Reading:
    """Read a wheel that uv unpacked into its cache, with its contents: the same as of the wheel itself.

    Args:
        directory: the unpacked wheel.
        filename: of the wheel.
        sha256: of the wheel.
        cache: directory where what was read is kept; None keeps nothing.

    Raises:
        InputError: something in it cannot be read.
    """
    reading = read_source(UnpackedSource(directory, filename), contents=True)
    reading = replace(reading, about=replace(reading.about, sha256=sha256))
    if cache:
        unplaced = Origin(kind=OriginKind.UNPACKED, path="")
        store_reading(replace(reading, origin=unplaced), cache)
    return name_reading(reading, filename)


def read_known(
    sha256: str, cache: Path, *, name: str | None = None, contents: bool = False
) -> Reading | None:
    """What was read of a wheel before, which need not be at hand any more.

    Args:
        sha256: of the wheel.
        cache: directory where it is kept.
        name: of its file; None takes the one that it was read by.
        contents: whether what it installs is wanted, too.

    Raises:
        InputError: the wheel is for another system.
    """
    found = find_reading(sha256, cache, contents=contents)
    return name_reading(replace(found, origin=None), name or found.distribution.target) if found else None


def name_reading(reading: Reading, filename: str) -> Reading:
    """What was read of a wheel, for the tags in the name of its file.

    Args:
        reading: for the tags of its WHEEL file.
        filename: of the wheel; believed for tags where it follows the format, while a renamed wheel
            (``torch.whl``) is described by its own files.

    Raises:
        InputError: the wheel is for another system.
    """
    wheel, parsed = reading.distribution, parse_filename(filename)
    tags, requires = parsed[2] if parsed else wheel.tags, wheel.requires
    environment = find_environment(tags)
    if tags != wheel.tags and environment != find_environment(wheel.tags):
        requires = tuple(r for one in requires if (r := parse_requirement(one.text, environment)))
    named = replace(wheel, target=filename, tags=tags, requires=requires)
    reading = replace(reading, distribution=named)
    problem, level = _judge_system(reading)
    if level is Level.ERROR:
        raise InputError(filename, f"{problem}: wheelfix reads Linux wheels", _say_linux(named))
    if problem:
        note = Finding(level=Level.NOTE, subject=filename, message=problem)
        return replace(reading, findings=(*reading.findings, note))
    return reading


def _judge_system(reading: Reading) -> tuple[str, Level | None]:
    """Whether a distribution is for another system, and how bad that is.

    A wheel for all systems may well carry libraries for others alone, and works on Linux without them.
    """
    tags = reading.distribution.tags
    if reading.objects:
        return "", None
    if reading.foreign and not find_system(tags):
        return say_formats(reading.foreign), Level.NOTE if is_for_any(tags) else Level.ERROR
    if system := find_system(tags):
        holds = say_formats(reading.foreign) if reading.foreign else f"is a wheel for {system}"
        return holds, Level.ERROR
    return "", None


def _say_linux(wheel: Distribution) -> str:
    command = f"pip download --no-deps --only-binary=:all: {wheel.name}=={wheel.version}"
    return f"fetch the wheel for Linux: `{command}`"


def read_symbols(reading: Reading, wanted: Collection[str]) -> tuple[Symbols, ...]:
    """Read the dynamic symbols of some ELF files of a distribution, from where it was read.

    Args:
        reading: of the distribution; one that is known without its bytes has no symbols.
        wanted: paths of its objects.

    Raises:
        InputError: the file cannot be read, or is another one by now.
    """
    origin = reading.origin
    if origin is None:
        return ()
    if origin.kind is not OriginKind.WHEEL:
        return tuple(read_symbols_at(path, Path(disk)) for path, disk in origin.places if path in wanted)
    with open_archive(Path(origin.path), stamp=origin.stamp) as archive:
        return tuple(
            read_elf_symbols(m.path, ForwardReader(partial(iter_chunks, archive, m), size=m.size))
            for m in archive.members
            if m.path in wanted
        )


def read_installed(
    directory: Path, *, follow_editable: bool = True, progress: Progress | None = None
) -> tuple[Reading, ...]:
    """Read what is installed in an environment, or lies in a directory.

    Args:
        directory: a virtual environment, a prefix, a site-packages directory, or any other.
        follow_editable: read the projects of editable installs, too, which lie outside of the environment.
        progress: told ELF files done and in all.

    Returns:
        Every distribution; files that no RECORD names come last, as a distribution without a name.

    Raises:
        InputError: the directory cannot be read, or holds several environments, or nothing at all.
    """
    environment = read_environment(directory, ELF_MAGIC, follow_editable=follow_editable)
    if not environment.distributions:
        raise InputError(str(directory), "holds no wheels, distributions or ELF files", "check it")
    count = _count_up(progress, sum(len(i.elf_files) for i in environment.distributions))
    trees, owners = _list_sources(environment)
    with run_beside(read_all_sources, trees) as pending:
        read = [
            read_source(InstalledSource(installed, directory, tuple), on_bytes=count)
            for installed in environment.distributions
        ]
        for number, uses in zip(owners, pending(), strict=True):
            read[number] = replace(read[number], uses=(*read[number].uses, *uses))
    read[0] = replace(read[0], findings=(*environment.findings, *read[0].findings))
    return tuple(map(_tell_system, read))


def _list_sources(environment: Environment) -> tuple[list[PythonTree], list[int]]:
    """The Python sources of all distributions, and by number whose they are; each file belongs to one."""
    trees, owners, seen = list[PythonTree](), list[int](), set[str]()
    for number, installed in enumerate(environment.distributions):
        if installed.project:
            trees.append(PythonTree(top=installed.project, root=installed.project, paths=installed.sources))
            owners.append(number)
        if installed.distribution:
            project = set(installed.sources)
            files = installed.distribution.files
            own = sorted(p for p in files if p.endswith(".py") and p not in seen and p not in project)
            seen.update(own)
            trees.append(PythonTree(top=environment.site, root=environment.root, paths=tuple(own)))
            owners.append(number)
    return trees, owners


def _tell_system(reading: Reading) -> Reading:
    problem, level = _judge_system(reading)
    if not problem:
        return reading
    level = Level.NOTE if level is Level.NOTE else Level.WARNING
    told = Finding(
        level=level, subject=reading.distribution.target, message=f"{problem}: nothing of it is for Linux"
    )
    return replace(reading, findings=(*reading.findings, told))


def read_elf(path: Path, *, progress: Progress | None = None) -> Reading:
    """Read one ELF file, with the libraries on disk that its run paths lead to by ``$ORIGIN``.

    Args:
        path: the file.
        progress: told bytes done and in all.

    Returns:
        A distribution without a name, whose objects have paths relative to the directory that holds them all.

    Raises:
        InputError: the file cannot be read, or is no ELF file.
        ElfError: an ELF file contradicts itself.
    """
    with open_input(path, hint="give an ELF file") as file:
        head = file.read(64)
    if not head.startswith(ELF_MAGIC):
        kind = describe_head(head)
        if kind == NO_ELF and _is_text(head):
            kind = "a text file"
        problem = f"is {kind}" if kind == NO_ELF else f"is {kind}, no ELF file"
        raise InputError(str(path), problem, "give a library or a program for Linux")
    start = os.path.abspath(path)  # noqa: PTH100 - the name of a link is what a loader sees
    found = _follow_run_paths(start)
    top = os.path.commonpath([os.path.dirname(disk) for disk in found])  # noqa: PTH120
    places = tuple(sorted((escape_path(os.path.relpath(disk, top)), disk) for disk in found))
    count = _count_up(progress, os.stat(start).st_size)  # noqa: PTH116
    return read_source(FileSource(path.name, Path(start), places), on_bytes=count)


def _is_text(head: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        return (
            bool(head) and head.decode().replace("\n", "").replace("\t", "").replace("\r", "").isprintable()
        )
    return False


def _follow_run_paths(start: str) -> list[str]:
    """The files that a loader finds by ``$ORIGIN``, the first one included, in the order in which it does.

    RUNPATH holds for the needs of its own file alone; RPATH, where there is no RUNPATH, for those of all that
    this file brings, too (ld.so(8)).
    """
    found: dict[str, None] = {start: None}
    pending = deque([(start, tuple[str, ...]())])
    while pending and len(found) < MAX_LIBRARIES:
        disk, inherited = pending.popleft()
        try:
            obj, _ = read_elf_at(disk, Path(disk))
        except (ElfError, InputError):
            if disk == start:
                raise
            continue
        origin = os.path.dirname(os.path.realpath(disk))  # noqa: PTH120
        handed = inherited if obj.runpath else (*_expand(obj.rpath, origin), *inherited)
        for name in obj.needed:
            library = _find_library(name, obj, _expand(obj.runpath, origin) if obj.runpath else handed)
            if library and library not in found:
                found[library] = None
                pending.append((library, handed))
    return list(found)


def _expand(entries: Iterable[str], origin: str) -> tuple[str, ...]:
    expanded = []
    for entry in entries:
        for word in _ORIGINS:
            rest = entry.removeprefix(word)
            if rest != entry and "$" not in rest and (not rest or rest.startswith("/")):
                expanded.append(os.path.normpath(origin + rest))
    return tuple(expanded)


def _find_library(name: str, wanting: ElfObject, places: Iterable[str]) -> str | None:
    """A library for the machine of the file that wants it: a loader passes over all others."""
    for place in places:
        disk = f"{place}/{name}"
        if "/" in name or "\0" in name or not os.path.isfile(disk):  # noqa: PTH113
            continue
        with suppress(ElfError, InputError):
            obj, _ = read_elf_at(disk, Path(disk))
            if obj.machine == wanting.machine:
                return disk
    return None


def read_libraries(directories: Iterable[Path], names: Iterable[str]) -> Mapping[str, Symbols]:
    """Read the symbols of libraries in directories, as a loader that searches there would find them.

    Args:
        directories: each is searched itself, then its ``lib`` and ``lib64``: a store path will do.
        names: file names.

    Returns:
        Symbols by name, for the names that are there.

    Raises:
        InputError: a directory is missing, or a library cannot be read.
    """
    places: list[Path] = []
    for directory in directories:
        if not directory.is_dir():
            raise InputError(
                str(directory), "is no directory", "give a directory of libraries or a store path"
            )
        places += [directory, directory / "lib", directory / "lib64"]
    found: dict[str, Symbols] = {}
    for name in names:
        for place in places:
            if "/" not in name and os.path.isfile(place / name):  # noqa: PTH113 - longer than any name
                with suppress(ElfError):  # a linker script has a library's name: the loader goes on, too
                    found[name] = read_symbols_at(str(place / name), place / name)
                    break
    return found


def read_package(site: Path, name: str) -> tuple[Reading | None, AtHand]:
    """Read one installed distribution, and what the others beside it carry.

    Args:
        site: a site-packages directory.
        name: normalised; where several distributions begin with it, such as the parts of a package that was
            split, the one with most ELF files stands for all.

    Returns:
        None if there is none of that name with ELF files; and all distributions, at hand.

    Raises:
        InputError: the directory cannot be read.
    """
    found = read_environment(site, ELF_MAGIC, follow_editable=True).distributions
    installed = [i for i in found if i.distribution and i.elf_files]
    exact = [i for i in installed if i.distribution and i.distribution.name == name]
    parts = [i for i in installed if i.distribution and i.distribution.name.startswith(f"{name}-")]
    chosen = max(exact or parts, key=lambda i: len(i.elf_files), default=None)
    at_hand = find_carried(
        (one.distribution, [obj for obj, _ in read_elf_paths((f.path, f.disk) for f in one.elf_files)])
        for one in installed
        if one.distribution
    )
    return read_source(InstalledSource(chosen, site, tuple)) if chosen else None, at_hand


def _count_up(progress: Progress | None, total: int) -> Callable[[int], None] | None:
    if progress is None:
        return None
    done = 0

    def add(size: int) -> None:
        nonlocal done
        done = min(total, done + size)
        progress(done, total)

    return add
