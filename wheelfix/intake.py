"""Targets read to models: where wheels, environments and ELF files meet.

The readers of archives and of ELF files do not know each other; here the streams of one go into the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wheelfix.elf.disk import read_elf_paths
from wheelfix.elf.parallel import Source, read_elf_files
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.errors import InputError
from wheelfix.model.elf import ElfObject
from wheelfix.model.hints import ElfHints, SourceUse
from wheelfix.model.scan import Finding
from wheelfix.model.wheel import Distribution
from wheelfix.wheel.archive import Archive, find_elf_members, iter_chunks, open_archive, read_distribution
from wheelfix.wheel.environment import find_wheels, read_environment
from wheelfix.wheel.pysource import MAX_SOURCE, find_python_dlopen
from wheelfix.wheel.results import read_cached, store_cached

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """All that was read of one distribution.

    Attributes:
        hints: by-catch of the ELF files; empty for an installed environment, whose files are not read whole.
        uses: what Python sources open by name; empty for an installed environment.
    """

    wheel: Distribution
    objects: tuple[ElfObject, ...]
    hints: tuple[ElfHints, ...] = ()
    uses: tuple[SourceUse, ...] = ()
    findings: tuple[Finding, ...] = ()


def read_wheel(path: Path, *, cache: Path | None = None, progress: Progress | None = None) -> Intake:
    """Read one wheel as a stream.

    Args:
        path: the wheel.
        cache: directory where facts are kept by the archive's central directory; None keeps nothing.
        progress: told bytes done and in all.

    Raises:
        InputError: the file is missing, no wheel, damaged or hostile.
    """
    with open_archive(path) as archive:
        wheel = read_distribution(archive)
        known = _read_known(archive, cache) if cache else None
        objects, hints, uses = known or _read_members(archive, progress)
        if cache and known is None:
            store_cached(archive, cache, ElfObject, objects)
            store_cached(archive, cache, ElfHints, hints)
            store_cached(archive, cache, SourceUse, uses)
    return Intake(wheel=wheel, objects=objects, hints=hints, uses=uses)


def read_installed(directory: Path, *, progress: Progress | None = None) -> Iterator[Intake]:
    """Read what is installed in an environment, or lies in a directory, one distribution after the other.

    Args:
        directory: a virtual environment, a prefix, a site-packages directory, or any other.
        progress: told ELF files done and in all.

    Yields:
        Distributions with ELF files; files that no RECORD names come last, as a distribution without a name.

    Raises:
        InputError: the directory cannot be read, or holds several environments.
    """
    environment = read_environment(directory, ELF_MAGIC)
    counted = [i for i in environment.distributions if i.elf_files]
    total, done = sum(len(i.elf_files) for i in counted), 0
    findings = environment.findings
    stray = Distribution(target=directory.name, name="", version="", tags=(), requires=(), files=frozenset())
    if not counted:
        if not any(i.distribution for i in environment.distributions):
            raise InputError(str(directory), "holds no wheels, distributions or ELF files", "check it")
        yield Intake(wheel=stray, objects=(), findings=findings)
    for installed in counted:
        objects = read_elf_paths((f.path, f.disk) for f in installed.elf_files)
        done += len(objects)
        if progress:
            progress(done, total)
        yield Intake(wheel=installed.distribution or stray, objects=objects, findings=findings)
        findings = ()


def read_package(site: Path, name: str) -> Intake | None:
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
            objects = read_elf_paths((f.path, f.disk) for f in chosen.elf_files)
            return Intake(wheel=chosen.distribution, objects=objects)
    return None


_Facts = tuple[tuple[ElfObject, ...], tuple[ElfHints, ...], tuple[SourceUse, ...]]


def _read_known(archive: Archive, cache: Path) -> _Facts | None:
    objects = read_cached(archive, cache, ElfObject)
    hints = read_cached(archive, cache, ElfHints)
    uses = read_cached(archive, cache, SourceUse)
    return None if objects is None or hints is None or uses is None else (objects, hints, uses)


def _read_members(archive: Archive, progress: Progress | None) -> _Facts:
    members = find_elf_members(archive, ELF_MAGIC)
    sources = [Source(path=m.path, chunks=partial(iter_chunks, archive, m), size=m.size) for m in members]
    with read_elf_files(sources, on_bytes=_count_up(progress, sum(m.size for m in members))) as pending:
        pairs = pending()
    # Afterwards: parsing Python holds the interpreter, and makes the threads that inflate wait for it.
    uses = _read_sources(archive)
    return tuple(obj for obj, _ in pairs), tuple(hints for _, hints in pairs), uses


def _read_sources(archive: Archive) -> tuple[SourceUse, ...]:
    found = (
        find_python_dlopen(m.path, b"".join(iter_chunks(archive, m)))
        for m in archive.members
        if m.path.endswith(".py") and m.size <= MAX_SOURCE
    )
    return tuple(use for use in found if use.opens or use.programs)


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
