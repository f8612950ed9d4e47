"""What targets need, and who provides each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.index.sources import find_cache, open_index
from wheelfix.index.table import SonameTable
from wheelfix.model.at_hand import AtHand
from wheelfix.model.scan import NeedTrace, WheelScan

if TYPE_CHECKING:
    from wheelfix.model.reading import Reading
    from wheelfix.outside.configuration import PackageSources

__all__ = [
    "ScanOptions",
    "open_index",
    "read_target",
    "retrace_target",
    "scan_directory",
    "scan_target",
    "scan_wheel",
]

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all; from any thread."""


def scan_wheel(
    path: Path | str,
    *,
    index: SonameTable | None = None,
    prefer: Sequence[str] = (),
    cache: Path | None = None,
    progress: Progress | None = None,
) -> WheelScan:
    """Find what shared libraries a wheel needs, and who provides each.

    Nothing is extracted or executed.

    Args:
        path: a wheel file.
        index: where attributes are looked up; None opens the best there is (:func:`wheelfix.open_index`).
        prefer: attributes that win where several provide a library, strongest first.
        cache: directory where what was read of wheels is kept; None keeps nothing.
        progress: told about the bytes read.

    Returns:
        The classified needs and what follows from them.

    Raises:
        InputError: the file is missing, no wheel, damaged or hostile.
        IndexProblem: no index can be used.

    Example:
        >>> wheelfix.scan_wheel("numba-0.68.1-cp312-cp312-manylinux_2_27_x86_64.whl").build_inputs
        ('onetbb', 'stdenv.cc.cc.lib')
    """
    from wheelfix.scan.conclude import conclude
    from wheelfix.scan.read import read_wheel

    table = index or open_index()
    return conclude(read_wheel(Path(path), cache=cache, progress=progress), table, prefer)


def scan_directory(
    directory: Path,
    *,
    index: SonameTable | None = None,
    prefer: Sequence[str] = (),
    progress: Progress | None = None,
) -> tuple[WheelScan, ...]:
    """Find what the distributions installed in a directory need.

    Args:
        directory: a virtual environment, a prefix, a site-packages directory, or any other.
        index: as in :func:`scan_wheel`.
        prefer: as in :func:`scan_wheel`.
        progress: told ELF files done and in all.

    Returns:
        One scan per distribution with ELF files; those that no RECORD names come last, without a name.

    Raises:
        InputError: the directory cannot be read.
        IndexProblem: no index can be used.
    """
    from wheelfix.scan.at_hand import find_carried
    from wheelfix.scan.conclude import conclude
    from wheelfix.scan.read import read_installed

    table = index or open_index()
    readings = read_installed(directory, progress=progress)
    at_hand = find_carried((i.distribution, i.objects) for i in readings)
    return tuple(conclude(i, table, prefer, at_hand) for i in _choose_telling(readings))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    """What a user may ask of every scan of a target.

    Attributes:
        prefer: attributes that win where several provide a library, strongest first.
        beside: directory of wheels, or environment, whose distributions are at hand.
        against: directories of libraries, or store paths, to compare with what is wanted.
        python: version a requirement is fetched for.
        system: Nix system a requirement is fetched for.
        sources: where distributions are fetched from; None takes what is configured.
        progress: told what is done and how much there is, of each download and of each wheel read.
    """

    prefer: Sequence[str] = ()
    beside: Path | None = None
    against: Sequence[Path] = ()
    python: str = "3.12"
    system: str = "x86_64-linux"
    sources: PackageSources | None = None
    progress: Progress | None = None


def scan_target(
    target: str, *, index: SonameTable, options: ScanOptions | None = None
) -> tuple[WheelScan, ...]:
    """Scan whatever a user may name: a wheel, a directory, or a requirement to be fetched.

    Args:
        target: a path, or a requirement with a version (``torch==2.9.1``).
        index: as in :func:`scan_wheel`.
        options: how.

    Raises:
        InputError: the target cannot be found, fetched or read.
        IndexProblem: the index is damaged.
    """
    from wheelfix.scan.conclude import compare, conclude
    from wheelfix.scan.read import read_libraries, read_symbols
    from wheelfix.scan.symbols import find_users

    options = options or ScanOptions()
    scans = []
    for reading, at_hand, _ in read_target(target, options):
        scan = conclude(reading, index, options.prefer, at_hand)
        if options.against:
            names = {need.soname for need in scan.needs}
            libraries = read_libraries(options.against, sorted(names))
            scan = compare(scan, read_symbols(reading, find_users(scan.needs, libraries)), libraries)
        scans.append(scan)
    return tuple(scans)


def retrace_target(
    target: str, soname: str, *, index: SonameTable, options: ScanOptions | None = None
) -> tuple[NeedTrace, ...]:
    """Say step by step why a soname that a target wants is in its class.

    Args:
        target: as in :func:`scan_target`.
        soname: what is wanted.
        index: as in :func:`scan_wheel`.
        options: how.

    Returns:
        One explanation per distribution and machine that wants it; empty if none does.

    Raises:
        InputError: the target cannot be found, fetched or read.
        IndexProblem: the index is damaged.
    """
    from wheelfix.scan.conclude import retrace_needs

    options = options or ScanOptions()
    found: list[NeedTrace] = []
    for reading, at_hand, _ in read_target(target, options):
        found += retrace_needs(reading, index, soname, options.prefer, at_hand)
    return tuple(found)


def read_target(target: str, options: ScanOptions) -> Iterator[tuple[Reading, AtHand, Path | None]]:
    """Read a target, with the distributions at hand beside each of its own, and its wheel if it is one.

    Raises:
        InputError: the target cannot be found, fetched or read.
    """
    from wheelfix.scan.at_hand import find_carried
    from wheelfix.scan.read import read_beside, read_installed, read_wheel
    from wheelfix.wheel.environment import find_wheels

    path, cache, progress = Path(target), find_cache() / "facts", options.progress
    beside = read_beside(options.beside, cache=cache, progress=progress) if options.beside else ()
    if path.is_dir():
        wheels: Sequence[Path] = () if any(path.glob("*.dist-info")) else find_wheels(path)
        if not wheels:
            readings = read_installed(path, progress=progress)
            at_hand = find_carried((i.distribution, i.objects) for i in (*beside, *readings))
            yield from ((reading, at_hand, None) for reading in _choose_telling(readings))
            return
    elif not path.exists() and is_fetched(target):
        found = fetch_target(target, options)
        readings = tuple(reading for reading, _ in found)
        at_hand = find_carried((i.distribution, i.objects) for i in (*beside, *readings))
        yield from ((reading, at_hand, wheel) for reading, wheel in found)
        return
    else:
        wheels = [path]
    at_hand = find_carried((i.distribution, i.objects) for i in beside)
    yield from ((read_wheel(wheel, cache=cache, progress=progress), at_hand, wheel) for wheel in wheels)


def is_fetched(target: str) -> bool:
    """Whether a target that is no file is one to be fetched: a requirement or an address."""
    from wheelfix.outside.requirements import is_url, looks_like_requirement

    return is_url(target) or looks_like_requirement(target)


def fetch_target(target: str, options: ScanOptions) -> tuple[tuple[Reading, Path], ...]:
    """Fetch and read the wheels of a requirement or an address; with extras, also what these bring.

    Raises:
        InputError: the target cannot be fetched or read.
    """
    from dataclasses import replace

    from wheelfix.scan.read import read_wheel
    from wheelfix.scan.requirement import evaluate_fetched, fetch_named

    found = []
    for fetched in fetch_named(
        target,
        find_cache(),
        python=options.python,
        system=options.system,
        sources=options.sources,
        on_bytes=options.progress,
    ):
        reading = read_wheel(fetched.path, cache=find_cache() / "facts", progress=options.progress)
        wheel = evaluate_fetched(reading.distribution, target, python=options.python, system=options.system)
        findings = (*fetched.findings, *reading.findings)
        found.append((replace(reading, distribution=wheel, findings=findings), fetched.path))
    return tuple(found)


def _choose_telling(readings: Collection[Reading]) -> tuple[Reading, ...]:
    """Leave out distributions there is nothing to say about."""
    telling = tuple(i for i in readings if i.objects or i.uses or i.findings)
    return telling or tuple(readings)[:1]
