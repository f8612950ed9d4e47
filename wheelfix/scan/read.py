"""Reads targets to readings: the only way from a wheel, an environment or an ELF file to its contents.

The readers of archives and of ELF files are independent of each other; :mod:`wheelfix.scan.source` connects
their streams.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from wheelfix.elf.disk import read_elf_paths, read_object_at, read_symbols_at
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
from wheelfix.pysource.sources import PythonSources, read_all_sources
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
from wheelfix.wheel.conda_meta import is_prefix, read_installed_packages
from wheelfix.wheel.environment import Environment, Installed, find_site, read_environment
from wheelfix.wheel.foreign import NO_ELF, describe_head, find_system, is_for_any, say_formats
from wheelfix.wheel.identity import hash_beside, wait_for_tick
from wheelfix.wheel.input import open_input
from wheelfix.wheel.metadata import find_environment, parse_filename, parse_requirement, split_label
from wheelfix.wheel.tree import escape_path

Progress = Callable[[int, int], None]

MAX_LIBRARIES = 512
"""Largest number of files to which the run paths of one ELF file are followed."""
_ORIGINS = ("$ORIGIN", "${ORIGIN}")


def read_source(source: Source, *, contents: bool = False, on_bytes: OnBytes | None = None) -> Reading:
    """Read a distribution from any kind of source.

    Args:
        source: the distribution.
        contents: also read the list of installed files.
        on_bytes: called with the number of bytes read since the last call, from any thread.

    Raises:
        InputError: the source cannot be read; see its class.
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
        cache: directory of stored readings, by the wheel's SHA-256; None stores nothing.
        progress: called with bytes done and bytes in all.
        name: file name of the wheel, if the file has another one.
        sha256: digest that the wheel must have; requires a cache.
        contents: whether the list of installed files is wanted.

    Raises:
        InputError: the file is missing, is not a wheel, is damaged or hostile, is for another system, has
            another digest, or was written to during the reading.
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


def read_conda(
    path: Path,
    *,
    cache: Path | None = None,
    progress: Progress | None = None,
    name: str | None = None,
    sha256: str | None = None,
) -> Reading:
    """Read one package of conda as a stream, with its contents.

    Args:
        path: the package, ``.conda`` or ``.tar.bz2``.
        cache: directory of stored readings, by the package's SHA-256; None stores nothing.
        progress: called with compressed bytes done and in all.
        name: file name of the package, if the file has another one.
        sha256: digest that the package must have.

    Raises:
        InputError: the file is missing, is no package, is damaged or hostile, is for another system, has
            another digest, or was written to during the reading.
    """
    if cache:
        wait_for_tick(path)
    with open_unlisted(path, name=name) as archive:
        read = partial(_read_package, archive, progress)
        if cache:
            reading = read_once(archive, cache, read, contents=True)
        else:
            with hash_beside(archive.read) as pending:
                reading = read()
                reading = replace(reading, about=replace(reading.about, sha256=pending()))
        archive.check_unchanged()
        if sha256 and reading.about.sha256 != sha256:
            hint = "fetch it again: what would be read of it belongs to another package"
            raise InputError(archive.name, f"has not the sha256 {sha256}", hint)
        origin = Origin(kind=OriginKind.CONDA, path=str(path), stamp=archive.stamp)
    return name_reading(replace(reading, origin=origin), archive.name)


def _read_package(archive: Archive, progress: Progress | None) -> Reading:
    from wheelfix.scan.conda import CondaSource

    source = CondaSource(archive, _count_up(progress, archive.size))
    return replace(read_source(source, contents=True), origin=None, links=source.list_links())


def _read_archive(archive: Archive, progress: Progress | None, *, contents: bool) -> Reading:
    """Read an open wheel, for the tags of its WHEEL file."""
    listed = list_members(archive)
    count = _count_up(progress, sum(m.size for m in listed.members))
    source = ArchiveSource(listed, with_contents=contents)
    return replace(read_source(source, contents=contents, on_bytes=count), origin=None)


def read_unpacked(directory: Path, filename: str, sha256: str, *, cache: Path | None = None) -> Reading:
    """Read a wheel that uv unpacked into its cache, with its contents; the result equals that of the wheel.

    Args:
        directory: the unpacked wheel.
        filename: of the wheel.
        sha256: of the wheel.
        cache: directory of stored readings; None stores nothing.

    Raises:
        InputError: a file in it cannot be read.
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
    """Load the stored reading of a wheel, which need not exist any more.

    Args:
        sha256: of the wheel.
        cache: directory of stored readings.
        name: file name of the wheel; None takes the stored one.
        contents: whether the list of installed files is wanted.

    Raises:
        InputError: the wheel is for another system.
    """
    found = find_reading(sha256, cache, contents=contents)
    return name_reading(replace(found, origin=None), name or found.distribution.target) if found else None


def name_reading(reading: Reading, filename: str) -> Reading:
    """Re-evaluate a reading for the tags in the wheel's file name.

    Args:
        reading: for the tags of its WHEEL file.
        filename: of the wheel; its tags count if it follows the format. A renamed wheel (``torch.whl``)
            keeps the tags of its WHEEL file.

    Raises:
        InputError: the wheel is for another system.
    """
    if reading.distribution.conda:
        return _name_package(reading, filename)
    wheel, parsed = reading.distribution, parse_filename(filename)
    tags, requires = parsed[2] if parsed else wheel.tags, wheel.requires
    environment = find_environment(tags)
    if tags != wheel.tags and environment != find_environment(wheel.tags):
        requires = tuple(r for one in requires if (r := parse_requirement(one.text, environment)))
    label = split_label(filename)[1] if parsed else ""
    properties = wheel.properties if label in {"", wheel.variant} else {}
    named = replace(
        wheel,
        target=filename,
        tags=tags,
        requires=requires,
        variant=label or wheel.variant,
        properties=properties,
    )
    reading = replace(reading, distribution=named)
    problem, level = _judge_system(reading)
    if level is Level.ERROR:
        raise InputError(filename, f"{problem}: wheelfix reads Linux wheels", _say_linux(named))
    if problem:
        note = Finding(level=Level.NOTE, subject=filename, message=problem)
        return replace(reading, findings=(*reading.findings, note))
    return reading


def _name_package(reading: Reading, filename: str) -> Reading:
    """Refuse a package of conda for another system."""
    named = replace(reading, distribution=replace(reading.distribution, target=filename))
    assert named.distribution.conda
    subdir = named.distribution.conda.subdir
    if not subdir.startswith(("linux-", "noarch")):
        problem = f"is a package for {subdir}: wheelfix reads packages for Linux"
        raise InputError(filename, problem, "take the one of linux-64, or of your machine")
    return named


def _judge_system(reading: Reading) -> tuple[str, Level | None]:
    """Tell whether a distribution is for another system, and how severe that is.

    A wheel for all systems may carry libraries for other systems only, and works on Linux without them.
    """
    tags = reading.distribution.tags
    if system := find_system(tags):  # Android's files are ELF files, too
        alien = reading.foreign and not reading.objects
        return say_formats(reading.foreign) if alien else f"is a wheel for {system}", Level.ERROR
    if reading.foreign and not reading.objects:
        return say_formats(reading.foreign), Level.NOTE if is_for_any(tags) else Level.ERROR
    return "", None


def _say_linux(wheel: Distribution) -> str:
    command = f"pip download --no-deps --only-binary=:all: {wheel.name}=={wheel.version}"
    return f"fetch the wheel for Linux: `{command}`"


def read_symbols(reading: Reading, wanted: Collection[str]) -> tuple[Symbols, ...]:
    """Read the dynamic symbols of some ELF files of a distribution, from its origin.

    Args:
        reading: of the distribution; one without an origin has no symbols.
        wanted: paths of its objects.

    Raises:
        InputError: the file cannot be read, or has changed since.
    """
    origin = reading.origin
    if origin is None:
        return ()
    if origin.kind is OriginKind.CONDA:
        from wheelfix.scan.conda import read_package_symbols

        with open_unlisted(Path(origin.path), stamp=origin.stamp) as archive:
            return read_package_symbols(archive, reading, wanted)
    if origin.kind is not OriginKind.WHEEL:
        return tuple(read_symbols_at(path, Path(disk)) for path, disk in origin.places if path in wanted)
    with open_archive(Path(origin.path), stamp=origin.stamp) as archive:
        return tuple(
            read_elf_symbols(m.path, ForwardReader(partial(iter_chunks, archive, m), size=m.size))
            for m in archive.members
            if m.path in wanted
        )


def read_installed(
    directory: Path,
    *,
    follow_editable: bool = True,
    conda: bool = False,
    progress: Progress | None = None,
) -> tuple[Reading, ...]:
    """Read the distributions that are installed in an environment, or the files in a directory.

    Args:
        directory: a virtual environment, a prefix, a site-packages directory, or any other.
        follow_editable: also read the projects of editable installs, which lie outside the environment.
        conda: also read the packages of conda, so that all of a prefix is read.
        progress: called with the numbers of ELF files done and in all.

    Returns:
        Every distribution; last a distribution without a name, with the files that no RECORD lists.

    Raises:
        InputError: the directory cannot be read, or holds several environments, or nothing at all.
    """
    environment = read_environment(directory, ELF_MAGIC, follow_editable=follow_editable, conda=conda)
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


def read_packages(directory: Path) -> tuple[Reading, ...]:
    """Read the packages of conda that are installed in a prefix, without their Python sources.

    Raises:
        InputError: the directory cannot be read, or has several site-packages.
        ElfError: an ELF file contradicts itself.
    """
    root, site = find_site(directory)
    packages, _ = read_installed_packages(root, site, ELF_MAGIC) if is_prefix(root) else ((), ())
    return tuple(
        read_source(
            InstalledSource(
                Installed(distribution=one.distribution, elf_files=one.elf_files), directory, tuple
            )
        )
        for one in packages
    )


def _list_sources(environment: Environment) -> tuple[list[PythonSources], list[int]]:
    """List the Python sources of all distributions, with their distributions by number; no file twice."""
    trees, owners, seen = list[PythonSources](), list[int](), set[str]()
    for number, installed in enumerate(environment.distributions):
        if installed.project:
            trees.append(
                PythonSources(top=installed.project, root=installed.project, paths=installed.sources)
            )
            owners.append(number)
        if installed.distribution:
            project = set(installed.sources)
            files = installed.distribution.files
            own = sorted(p for p in files if p.endswith(".py") and p not in seen and p not in project)
            if installed.distribution.conda:  # not the standard library
                own = [path for path in own if not path.startswith("../")]
            seen.update(own)
            trees.append(PythonSources(top=environment.site, root=environment.root, paths=tuple(own)))
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
        progress: called with bytes done and bytes in all.

    Returns:
        A distribution without a name; the paths of its objects are relative to their common directory.

    Raises:
        InputError: the file cannot be read, or is not an ELF file.
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
    found = follow_needs([start])
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


def follow_needs(starts: Sequence[str], directories: Sequence[str] = ()) -> list[str]:
    """List the files that a loader finds, the given ones included, in the loader's order.

    RUNPATH counts for the needs of its own file only; RPATH, without RUNPATH, also for those of everything
    that this file loads (ld.so(8)). Of both, entries with ``$ORIGIN`` are followed; absolute ones only if
    this system's directories are, too.

    Args:
        starts: absolute paths of ELF files.
        directories: of this system, where the loader looks at last.

    Raises:
        InputError: the first file cannot be read. Others are left out then.
        ElfError: the first file contradicts itself.
    """
    found = dict.fromkeys(starts)
    pending = deque((start, tuple[str, ...]()) for start in starts)
    while pending and len(found) < MAX_LIBRARIES:
        disk, inherited = pending.popleft()
        try:
            obj = read_object_at(disk, Path(disk))
        except (ElfError, InputError):
            if disk == starts[0]:
                raise
            continue
        origin = os.path.dirname(os.path.realpath(disk))  # noqa: PTH120
        own = _expand(obj.runpath or obj.rpath, origin, absolute=bool(directories))
        handed = inherited if obj.runpath else (*own, *inherited)
        places = (*(own if obj.runpath else handed), *directories)
        for name in obj.needed:
            library = _find_library(name, obj, places)
            if library and library not in found:
                found[library] = None
                pending.append((library, handed))
    return list(found)


def _expand(entries: Iterable[str], origin: str, *, absolute: bool) -> tuple[str, ...]:
    expanded = []
    for entry in entries:
        if absolute and entry.startswith("/") and "$" not in entry:
            expanded.append(entry)
        for word in _ORIGINS:
            rest = entry.removeprefix(word)
            if rest != entry and "$" not in rest and (not rest or rest.startswith("/")):
                expanded.append(os.path.normpath(origin + rest))
    return tuple(expanded)


def _find_library(name: str, wanting: ElfObject, places: Iterable[str]) -> str | None:
    """Find a library for the machine of the file that wants it; a loader skips all others."""
    for place in places:
        disk = f"{place}/{name}"
        if "/" in name or "\0" in name or not os.path.isfile(disk):  # noqa: PTH113
            continue
        with suppress(ElfError, InputError):
            if read_object_at(disk, Path(disk)).machine == wanting.machine:
                return disk
    return None


def read_libraries(directories: Iterable[Path], names: Iterable[str]) -> Mapping[str, Symbols]:
    """Read the symbols of the libraries that a loader would find in some directories.

    Args:
        directories: each is searched itself, then its ``lib`` and ``lib64``, so that a store path may be
            given.
        names: file names.

    Returns:
        Symbols by name, for the names that were found.

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
                with suppress(ElfError):  # a linker script may have a library's name; the loader skips it too
                    found[name] = read_symbols_at(str(place / name), place / name)
                    break
    return found


def read_package(site: Path, name: str, file: str | None = None) -> tuple[Reading | None, AtHand]:
    """Read one installed distribution, and what the other distributions beside it carry.

    Args:
        site: a site-packages directory.
        name: normalised; if several distributions begin with it, such as the parts of a split package, the
            one with most ELF files is taken.
        file: a file relative to ``site``: the distribution that installed it is taken, whatever its name.

    Returns:
        The reading, None if there is no such distribution; and all distributions at hand.

    Raises:
        InputError: the directory cannot be read.
    """
    environment = read_environment(site, ELF_MAGIC, follow_editable=True)
    named = [(i.distribution, i) for i in environment.distributions if i.distribution]
    compiled = [(distribution, i) for distribution, i in named if i.elf_files]
    at_hand = find_carried(
        (distribution, [obj for obj, _ in read_elf_paths((f.path, f.disk) for f in i.elf_files)])
        for distribution, i in compiled
    )
    candidates = (
        [i for distribution, i in named if file in distribution.files],
        [i for distribution, i in compiled if distribution.name == name],
        [i for distribution, i in compiled if distribution.name.startswith(f"{name}-")],
        [i for distribution, i in named if distribution.name == name],
    )
    chosen = max(next(filter(None, candidates), ()), key=lambda i: len(i.elf_files), default=None)
    if chosen is None:
        return None, at_hand
    trees, _ = _list_sources(replace(environment, distributions=(chosen,)))
    reading = read_source(InstalledSource(chosen, site, tuple))
    uses = (use for found in read_all_sources(trees) for use in found)
    return replace(reading, uses=(*reading.uses, *uses)), at_hand


def _count_up(progress: Progress | None, total: int) -> Callable[[int], None] | None:
    if progress is None:
        return None
    done = 0

    def add(size: int) -> None:
        nonlocal done
        done = min(total, done + size)
        progress(done, total)

    return add
