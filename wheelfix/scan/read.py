"""Targets read to models: where wheels, environments and ELF files meet.

The readers of archives and of ELF files do not know each other; here the streams of one go into the other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from wheelfix.elf.disk import read_elf_paths, read_symbols_at
from wheelfix.elf.exports import read_symbols
from wheelfix.elf.parallel import Source as ElfSource
from wheelfix.elf.parallel import read_elf_files
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.elf.stream import ForwardReader
from wheelfix.errors import ElfError, InputError
from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import ElfHints, SourceUse
from wheelfix.model.reading import Reading, WheelMembers
from wheelfix.model.symbols import Symbols
from wheelfix.model.wheel import Distribution
from wheelfix.processes import run_beside
from wheelfix.wheel.archive import Archive, iter_chunks, iter_heads, open_archive, read_distribution
from wheelfix.wheel.environment import Environment, Installed, find_wheels, read_environment
from wheelfix.wheel.identity import Stamp, wait_for_tick
from wheelfix.wheel.kept import read_once
from wheelfix.wheel.pretenders import is_named_like_library, tell_pretenders
from wheelfix.wheel.sources import is_source, read_tree_sources, read_wheel_sources

Progress = Callable[[int, int], None]
_MANY_BYTES = 8 << 20


def read_wheel(path: Path, *, cache: Path | None = None, progress: Progress | None = None) -> Reading:
    """Read one wheel as a stream.

    Args:
        path: the wheel.
        cache: directory where what was read is kept by the wheel's SHA-256; None keeps nothing.
        progress: told bytes done and in all.

    Raises:
        InputError: the file is missing, no wheel, damaged or hostile, or written to meanwhile.
    """
    if cache:
        wait_for_tick(path)
    with open_archive(path) as archive:
        return read_archive(archive, path, cache=cache, progress=progress)


def read_archive(
    archive: Archive, path: Path, *, cache: Path | None = None, progress: Progress | None = None
) -> Reading:
    """Read a wheel that is open; see :func:`read_wheel`."""
    wheel = read_distribution(archive)
    members = partial(_read_members, archive, path, progress)
    read = read_once(archive, cache, WheelMembers, members) if cache else members()
    archive.check_unchanged()
    return Reading(
        distribution=wheel,
        objects=read.objects,
        read_symbols=partial(_read_member_symbols, path, archive.stamp),
        hints=read.hints,
        uses=read.uses,
        findings=read.findings,
    )


def read_elf(path: Path) -> Reading:
    """Read one ELF file, of no distribution.

    Raises:
        InputError: it is missing, or contradicts itself.
    """
    wheel = Distribution(target=path.name, name="", version="", tags=(), requires=(), files=frozenset())
    try:
        ((obj, hints),) = read_elf_paths([(path.name, path)])
    except OSError as error:
        problem = f"cannot be read ({(error.strerror or str(error)).lower()})"
        raise InputError(str(path), problem, "check the path and its permissions") from None
    symbols = partial(_read_file_symbols, {path.name: path})
    return Reading(distribution=wheel, objects=(obj,), read_symbols=symbols, hints=(hints,))


def read_installed(directory: Path, *, progress: Progress | None = None) -> tuple[Reading, ...]:
    """Read what is installed in an environment, or lies in a directory.

    Args:
        directory: a virtual environment, a prefix, a site-packages directory, or any other.
        progress: told ELF files done and in all.

    Returns:
        Every distribution; files that no RECORD names come last, as a distribution without a name.

    Raises:
        InputError: the directory cannot be read, or holds several environments, or nothing at all.
    """
    environment = read_environment(directory, ELF_MAGIC)
    if not environment.distributions:
        raise InputError(str(directory), "holds no wheels, distributions or ELF files", "check it")
    total, done = sum(len(i.elf_files) for i in environment.distributions), 0
    read = []
    with run_beside(
        read_tree_sources, environment.site, environment.root, _list_sources(environment)
    ) as pending:
        for installed in environment.distributions:
            read.append(read_elf_paths((f.path, f.disk) for f in installed.elf_files))
            done += len(installed.elf_files)
            if progress:
                progress(done, total)
        uses = _group_uses(pending(), environment)
    stray = Distribution(target=directory.name, name="", version="", tags=(), requires=(), files=frozenset())
    return tuple(
        replace(
            _take_installed(installed, installed.distribution or stray, pairs),
            uses=tuple(uses.get(number, ())),
            findings=environment.findings if number == 0 else (),
        )
        for number, (installed, pairs) in enumerate(zip(environment.distributions, read, strict=True))
    )


def _take_installed(
    installed: Installed, wheel: Distribution, pairs: Sequence[tuple[ElfObject, ElfHints]]
) -> Reading:
    return Reading(
        distribution=wheel,
        objects=tuple(obj for obj, _ in pairs),
        read_symbols=partial(_read_file_symbols, {f.path: f.disk for f in installed.elf_files}),
        hints=tuple(hints for _, hints in pairs),
    )


def read_beside(
    directory: Path, *, cache: Path | None, progress: Progress | None = None
) -> tuple[Reading, ...]:
    """Read the wheels of a directory; without any in it, the distributions installed there.

    Raises:
        InputError: the directory or something in it cannot be read.
    """
    if wheels := find_wheels(directory):
        return tuple(read_wheel(wheel, cache=cache, progress=progress) for wheel in wheels)
    return read_installed(directory, progress=progress)


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


def read_package(site: Path, name: str) -> Reading | None:
    """Read one installed distribution.

    Args:
        site: a site-packages directory.
        name: normalised; where several distributions begin with it, such as the parts of a package that was
            split, the one with most ELF files stands for all.

    Returns:
        None if there is none of that name with ELF files.

    Raises:
        InputError: the directory cannot be read.
    """
    installed = [i for i in read_environment(site, ELF_MAGIC).distributions if i.distribution and i.elf_files]
    exact = [i for i in installed if i.distribution and i.distribution.name == name]
    parts = [i for i in installed if i.distribution and i.distribution.name.startswith(f"{name}-")]
    for chosen in sorted(exact or parts, key=lambda i: -len(i.elf_files))[:1]:
        if chosen.distribution:
            pairs = read_elf_paths((f.path, f.disk) for f in chosen.elf_files)
            return _take_installed(chosen, chosen.distribution, pairs)
    return None


def _read_members(archive: Archive, path: Path, progress: Progress | None) -> WheelMembers:
    count = _count_up(progress, sum(m.size for m in archive.members))
    pretenders: list[tuple[str, bytes]] = []

    def iter_sources() -> Iterator[ElfSource]:
        for member, head in iter_heads(archive, ELF_MAGIC):
            if head.startswith(ELF_MAGIC):
                chunks = partial(iter_chunks, archive, member)
                yield ElfSource(path=member.path, chunks=chunks, size=member.size)
            elif is_named_like_library(member.path):
                pretenders.append((member.path, head))

    with (
        _read_sources(archive, path) as pending_uses,
        read_elf_files(iter_sources(), on_bytes=count) as pending,
    ):
        pairs, uses = pending(), pending_uses()
    return WheelMembers(
        objects=tuple(obj for obj, _ in pairs),
        hints=tuple(hints for _, hints in pairs),
        uses=uses,
        findings=tell_pretenders(pretenders),
    )


@contextmanager
def _read_sources(archive: Archive, path: Path) -> Iterator[Callable[[], tuple[SourceUse, ...]]]:
    """Parsing holds the interpreter's lock, for which threads that inflate wait: much of it runs beside."""
    if sum(m.size for m in archive.members if is_source(m)) < _MANY_BYTES:
        yield partial(read_wheel_sources, path, archive.stamp)
        return
    with run_beside(read_wheel_sources, path, archive.stamp) as pending:
        yield pending


def _read_member_symbols(path: Path, stamp: Stamp, wanted: Collection[str]) -> tuple[Symbols, ...]:
    with open_archive(path, stamp=stamp) as archive:
        return tuple(
            read_symbols(m.path, ForwardReader(partial(iter_chunks, archive, m), size=m.size))
            for m in archive.members
            if m.path in wanted
        )


def _read_file_symbols(places: Mapping[str, Path], wanted: Collection[str]) -> tuple[Symbols, ...]:
    return tuple(read_symbols_at(path, place) for path, place in places.items() if path in wanted)


def _list_sources(environment: Environment) -> list[str]:
    files = (i.distribution.files for i in environment.distributions if i.distribution)
    return sorted(path for paths in files for path in paths if path.endswith(".py"))


def _group_uses(uses: Iterable[SourceUse], environment: Environment) -> Mapping[int, list[SourceUse]]:
    """Give each distribution, by its number, what its own sources use."""
    grouped: dict[int, list[SourceUse]] = {}
    for use in uses:
        path = [*(o.found_in for o in use.opens), *(p.found_in for p in use.programs)][0]
        for number, installed in enumerate(environment.distributions):
            if installed.distribution and path in installed.distribution.files:
                grouped.setdefault(number, []).append(use)
                break
    return grouped


def _count_up(progress: Progress | None, total: int) -> Callable[[int], None] | None:
    if progress is None:
        return None
    done = 0

    def add(size: int) -> None:
        nonlocal done
        done = min(total, done + size)
        progress(done, total)

    return add


def read_distributions(directory: Path) -> tuple[Distribution, ...]:
    """Read the metadata of all wheels of a directory; without any in it, of what is installed there.

    Raises:
        InputError: the directory or something in it cannot be read.
    """
    if wheels := find_wheels(directory):
        found = []
        for wheel in wheels:
            with open_archive(wheel) as archive:
                found.append(read_distribution(archive))
        return tuple(found)
    installed = read_environment(directory, ELF_MAGIC).distributions
    return tuple(one.distribution for one in installed if one.distribution)
