"""What targets need, and who provides each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.errors import InputError, WheelfixError
from wheelfix.index.sources import open_index
from wheelfix.index.table import SonameTable
from wheelfix.model.base import Struct
from wheelfix.model.scan import Finding, NeedTrace, WheelScan
from wheelfix.outside.places import find_cache

if TYPE_CHECKING:
    from wheelfix.outside.configuration import PackageSources
    from wheelfix.scan.target import Part, ReadOptions

__all__ = [
    "ScanOptions",
    "Scanned",
    "open_index",
    "retrace_targets",
    "scan_directory",
    "scan_target",
    "scan_targets",
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

    Nothing is extracted or executed. Wheels in the same directory that its metadata pins are looked into.

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
    from wheelfix.scan.target import ReadOptions, Target, TargetKind, read_parts

    target = Target(text=str(path), kind=TargetKind.WHEEL, path=Path(path))
    (part,) = read_parts([target], ReadOptions(cache=cache, progress=progress)).parts
    return conclude(part.reading, index or open_index(), prefer, part.at_hand)


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
    from wheelfix.scan.conclude import conclude
    from wheelfix.scan.target import ReadOptions, Target, TargetKind, read_parts

    target = Target(text=str(directory), kind=TargetKind.ENVIRONMENT, path=directory)
    parts = read_parts([target], ReadOptions(progress=progress)).parts
    table = index or open_index()
    return tuple(conclude(part.reading, table, prefer, part.at_hand) for part in parts)


class ScanOptions(Struct):
    """What a user may ask of every scan of a target.

    Attributes:
        prefer: attributes that win where several provide a library, strongest first.
        beside: wheels, directories of wheels and environments whose distributions are at hand.
        against: directories of libraries, or store paths, to compare with what is wanted.
        python: version a requirement or a lock is read for.
        system: Nix system a requirement or a lock is read for.
        sources: where distributions are fetched from; None takes what is configured.
        progress: told what is done and how much there is, of each download and of each wheel read.
    """

    prefer: Sequence[str] = ()
    beside: Sequence[str] = ()
    against: Sequence[Path] = ()
    python: str = "3.12"
    system: str = "x86_64-linux"
    sources: PackageSources | None = None
    progress: Progress | None = None

    def make_reading(self) -> ReadOptions:
        """What of this the reading of targets wants to know."""
        from wheelfix.scan.target import ReadOptions

        return ReadOptions(
            beside=self.beside,
            cache=find_cache().readings,
            python=self.python,
            system=self.system,
            sources=self.sources,
            progress=self.progress,
        )


class Scanned(Struct):
    """What became of targets.

    Attributes:
        scans: one per distribution that there is something to say about, in the order of the targets.
        findings: about targets as wholes, such as what a lock has no wheel of.
    """

    scans: tuple[WheelScan, ...]
    findings: tuple[Finding, ...] = ()


def scan_targets(
    targets: Sequence[str],
    *,
    index: SonameTable,
    options: ScanOptions | None = None,
    command: str = "scan",
    on_error: Callable[[WheelfixError], object] | None = None,
) -> Scanned:
    """Scan whatever a user may name; what the targets hold is at hand of all of them.

    Args:
        targets: paths, requirements, addresses: see :mod:`wheelfix.scan.target`.
        index: as in :func:`scan_wheel`.
        options: how.
        command: whose targets they are.
        on_error: told what is wrong with a target, and the others are scanned; None raises.

    Raises:
        InputError: a target cannot be found, fetched or read.
        IndexProblem: the index is damaged.
    """
    from wheelfix.scan.conclude import compare, conclude
    from wheelfix.scan.read import read_libraries, read_symbols
    from wheelfix.scan.symbols import find_users
    from wheelfix.scan.target import read_targets

    chosen = options or ScanOptions()

    def scan_one(part: Part) -> WheelScan:
        scan = conclude(part.reading, index, chosen.prefer, part.at_hand)
        if not chosen.against:
            return scan
        names = {need.soname for need in scan.needs}
        libraries = read_libraries(chosen.against, sorted(names))
        return compare(scan, read_symbols(part.reading, find_users(scan.needs, libraries)), libraries)

    read = read_targets(targets, command, chosen.make_reading(), on_error=on_error)
    scans = []
    for part in read.parts:
        try:
            scans.append(scan_one(part))
        except InputError as error:
            if on_error is None:
                raise
            on_error(error)
    return Scanned(scans=tuple(scans), findings=read.findings)


def scan_target(
    target: str, *, index: SonameTable, options: ScanOptions | None = None
) -> tuple[WheelScan, ...]:
    """Scan one target; as :func:`scan_targets`."""
    return scan_targets([target], index=index, options=options).scans


def retrace_targets(
    targets: Sequence[str],
    soname: str,
    *,
    index: SonameTable,
    options: ScanOptions | None = None,
    on_error: Callable[[WheelfixError], object] | None = None,
) -> tuple[tuple[NeedTrace, ...], frozenset[str], frozenset[str]]:
    """Say step by step why a soname that targets want is in its class.

    Args:
        targets: as in :func:`scan_targets`.
        soname: what is wanted.
        index: as in :func:`scan_wheel`.
        options: how.
        on_error: as in :func:`scan_targets`.

    Returns:
        One explanation per distribution and machine that wants it; all sonames that are wanted; and all names
        that sources and ELF files open.

    Raises:
        InputError: a target cannot be found, fetched or read.
        IndexProblem: the index is damaged.
    """
    from wheelfix.scan.conclude import retrace_needs
    from wheelfix.scan.target import read_targets

    chosen = options or ScanOptions()
    read = read_targets(targets, "scan", chosen.make_reading(), on_error=on_error)
    traces = tuple(
        trace
        for part in read.parts
        for trace in retrace_needs(part.reading, index, soname, chosen.prefer, part.at_hand)
    )
    readings = [part.reading for part in read.parts]
    wanted = frozenset(soname for reading in readings for obj in reading.objects for soname in obj.needed)
    called = [name.name for r in readings for use in r.uses for call in use.calls for name in call.names]
    noted = [name for r in readings for hint in r.hints for note in hint.notes for name in note.sonames]
    strings = [name for r in readings for hint in r.hints for name in hint.strings]
    return traces, wanted, frozenset((*called, *noted, *strings))
