"""Finds what targets need, and the provider of each: ``wheelfix scan``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wheelfix.index.choice import open_index
from wheelfix.index.table import SonameTable
from wheelfix.model.base import Struct
from wheelfix.model.scan import NeedTrace, WheelScan
from wheelfix.scan.conclude import find_opened, retrace_needs
from wheelfix.scan.scan import OnError, Progress, ScanOptions, TargetScans, read_targets, scan_targets
from wheelfix.scan.target import Target, TargetKind, find_targets


def scan_wheel(
    path: Path | str,
    *,
    index: SonameTable | None = None,
    prefer: Sequence[str] = (),
    cache: Path | None = None,
    progress: Progress | None = None,
) -> WheelScan:
    """Find the shared libraries that a wheel needs, and the provider of each.

    Nothing is extracted or executed. Wheels in the same directory that its metadata pins are read too.

    Args:
        path: a wheel file.
        index: the index for attributes; None opens the best available one (:func:`wheelfix.open_index`).
        prefer: attributes that win if several provide a library, strongest first.
        cache: directory in which readings of wheels are kept; None keeps none.
        progress: called with the bytes read.

    Returns:
        The classified needs and the conclusions from them.

    Raises:
        InputError: the file is missing, not a wheel, damaged or hostile.
        IndexProblem: no index can be used.

    Example:
        >>> wheelfix.scan_wheel("numba-0.68.1-cp312-cp312-manylinux_2_27_x86_64.whl").build_inputs
        ('onetbb', 'stdenv.cc.cc.lib')
    """
    target = Target(text=str(path), kind=TargetKind.WHEEL, path=Path(path))
    options = ScanOptions(index=index or open_index(), prefer=prefer, cache=cache, progress=progress)
    (scan,) = scan_targets([target], options).scans
    return scan


def scan_all(texts: Sequence[str], options: ScanOptions, *, on_error: OnError | None = None) -> TargetScans:
    """Scan targets of any kind; their distributions are at hand of each other.

    Args:
        texts: paths, requirements, addresses: see :mod:`wheelfix.scan.target`.
        options: options of the scan.
        on_error: called with a target's error, after which the others are scanned; None raises it.

    Raises:
        InputError: a target cannot be found, fetched or read.
        IndexProblem: the index is damaged.
    """
    return scan_targets(find_targets(texts, "scan", on_error=on_error), options, on_error=on_error)


class Retraced(Struct):
    """The reasons for the class of a soname.

    Attributes:
        traces: one per distribution and machine type that needs it.
        wanted: all sonames that are needed.
        opened: all names that sources and ELF files open.
    """

    traces: tuple[NeedTrace, ...]
    wanted: frozenset[str]
    opened: frozenset[str]


def retrace_all(
    texts: Sequence[str], soname: str, options: ScanOptions, *, on_error: OnError | None = None
) -> Retraced:
    """Explain step by step the class of a soname that targets need.

    Args:
        texts: as in :func:`scan_all`.
        soname: the soname.
        options: options of the scan.
        on_error: as in :func:`scan_all`.

    Raises:
        InputError: a target cannot be found, fetched or read.
        IndexProblem: the index is damaged.
    """
    targets = find_targets(texts, "scan", on_error=on_error)
    parts = read_targets(targets, options, on_error=on_error).parts
    return Retraced(
        traces=tuple(
            trace
            for part in parts
            for trace in retrace_needs(
                part.reading, options.index, soname, options.prefer, part.at_hand, options.gpu
            )
        ),
        wanted=frozenset(name for part in parts for obj in part.reading.objects for name in obj.needed),
        opened=frozenset(name for part in parts for name in find_opened(part.reading)),
    )
