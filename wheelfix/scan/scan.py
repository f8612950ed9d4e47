"""Scans targets: the entry point of every command that knows a wheel.

Targets are read, the distributions at hand of each are determined, and each distribution is concluded by the
same functions, so that two commands with the same input give the same answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix.errors import InputError, WheelfixError
from wheelfix.index.table import SonameTable
from wheelfix.model.at_hand import AtHand
from wheelfix.model.backends import Backend
from wheelfix.model.base import Struct, asdict, field, replace
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, Level, WheelScan
from wheelfix.model.system import USUAL_SYSTEM, name_machine
from wheelfix.model.wheel import Distribution
from wheelfix.outside.places import find_cache
from wheelfix.scan.at_hand import assign_at_hand, fit_together
from wheelfix.scan.conclude import add_comparison, conclude
from wheelfix.scan.findings import tell_qts
from wheelfix.scan.nixpkgs import ask_together, tell_differences
from wheelfix.scan.places import tell_places
from wheelfix.scan.symbols import find_users
from wheelfix.scan.target import Target, TargetKind, find_targets
from wheelfix.wheel.environment import find_wheels
from wheelfix.wheel.metadata import (
    admits,
    is_exact,
    normalize_name,
    parse_filename,
    parse_wanted,
)

if TYPE_CHECKING:
    from wheelfix.lockfile.python import ChosenPython
    from wheelfix.model.lock import Runtime
    from wheelfix.outside.configuration import PackageSources
    from wheelfix.outside.wheels import Fetched

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all, from any thread."""
OnError = Callable[[WheelfixError], object]


_TOGETHER = frozenset(
    {
        TargetKind.ENVIRONMENT,
        TargetKind.LOCK,
        TargetKind.REQUIREMENTS,
        TargetKind.CONDA,
        TargetKind.CONDA_URL,
    }
)
"""Kinds of target whose distributions are loaded by one Python."""


class ScanOptions(Struct):
    """Options that every scan has.

    Attributes:
        index: where attributes are looked up.
        prefer: attributes that win where several provide a library, strongest first.
        gpu: the backend that is used, of those that a wheel has files for; None chooses one.
        beside: wheels, directories of wheels and environments whose distributions are at hand.
        against: directories of libraries, or store paths, whose symbols are compared with those wanted.
        python: version of CPython that the user named, or None: see :func:`choose_python`.
        system: Nix system for fetching and for reading a lock.
        groups: dependency groups, or the environment of pixi, of a lock; None takes its default ones.
        sources: where distributions are fetched from; None takes the configured ones.
        progress: called with the amount done and in all, for each download and each wheel read.
        cache: directory of stored readings; None stores nothing.
        follow_editable: also read editable installs, which lie outside the environment.
        whole_prefix: report on packages of conda that are installed, too, and not just on what is in
            site-packages.
    """

    index: SonameTable
    prefer: Sequence[str] = ()
    gpu: Backend | None = None
    beside: Sequence[str] = ()
    against: Sequence[Path] = ()
    python: str | None = None
    system: str = USUAL_SYSTEM
    groups: tuple[str, ...] | None = None
    sources: PackageSources | None = None
    progress: Progress | None = None
    cache: Path | None = field(default_factory=lambda: find_cache().readings)
    follow_editable: bool = True
    whole_prefix: bool = True

    @property
    def machine(self) -> str | None:
        """Machine that the user named, of several for which a distribution has files; else None."""
        return name_machine(self.system) if self.system != USUAL_SYSTEM else None


class TargetReading(Struct):
    """A distribution of a target, with its reading and the distributions at hand.

    Attributes:
        target: the target it belongs to.
        reading: its reading.
        wheel: the file, if it is a wheel.
        at_hand: the distributions beside it.
    """

    target: Target
    reading: Reading
    wheel: Path | None = None
    at_hand: AtHand = field(default_factory=AtHand)


class TargetReadings(Struct):
    """All readings for one command.

    Attributes:
        parts: distributions to report on, in the order of the targets.
        beside: the distributions that the user put beside them.
        findings: about whole targets, such as packages of a lock without a wheel.
    """

    parts: tuple[TargetReading, ...]
    beside: tuple[Distribution, ...] = ()
    findings: tuple[Finding, ...] = ()


class TargetScan(TargetReading):
    """A distribution of a target, with its reading and its scan."""

    scan: WheelScan


class TargetScans(Struct):
    """All scans for one command; attributes as those of :class:`TargetReadings`."""

    parts: tuple[TargetScan, ...]
    beside: tuple[Distribution, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def scans(self) -> tuple[WheelScan, ...]:
        """One scan per distribution, in the order of the targets."""
        return tuple(part.scan for part in self.parts)


def choose_python(options: ScanOptions, target: Target | None = None) -> ChosenPython:
    """Choose the version of CPython that something is fetched or written for.

    Args:
        options: options of the scan.
        target: an environment counts itself, for a list of requirements what lies beside it, for any other
            target what is in the working directory. A lock counts where it is read.
    """
    from wheelfix.lockfile.python import find_installed_python, find_python

    path = target.path if target else None
    if target and path and target.kind is TargetKind.ENVIRONMENT:
        return find_installed_python(options.python, path)
    listed = target is not None and target.kind is TargetKind.REQUIREMENTS
    return find_python(options.python, path.parent if path and listed else Path())


def scan_targets(
    targets: Iterable[Target], options: ScanOptions, *, on_error: OnError | None = None
) -> TargetScans:
    """Scan targets of any kind.

    Args:
        targets: as for :func:`read_targets`.
        options: options of the scan.
        on_error: called with a target's error, after which the others are scanned; None raises it.

    Raises:
        InputError: a distribution beside cannot be found or read; or, without ``on_error``, a target cannot.
        IndexProblem: the index is damaged.
    """
    read = read_targets(targets, options, on_error=on_error)
    ask_together(options.index, [part.reading for part in read.parts])
    parts: list[TargetScan] = []
    for part in read.parts:
        with _pass(on_error, InputError):
            scan = conclude(
                part.reading, options.index, options.prefer, part.at_hand, options.gpu, options.machine
            )
            parts.append(TargetScan(**asdict(part), scan=_compare(part, scan, options)))
    together = [p.reading.distribution for p in read.parts if p.target.kind in _TOGETHER]
    findings = (
        *read.findings,
        *tell_qts(together),
        *tell_differences(options.index),
        *tell_places([part.scan for part in parts], options.index),
    )
    return TargetScans(parts=tuple(parts), beside=read.beside, findings=findings)


def scan_readings(readings: Sequence[Reading], options: ScanOptions) -> tuple[WheelScan, ...]:
    """Scan the distributions of one environment: each has all others at hand.

    Raises:
        IndexProblem: the index is damaged.
    """
    at_hand = assign_at_hand(readings, [(reading.distribution, ()) for reading in readings])
    ask_together(options.index, readings)
    return tuple(
        conclude(reading, options.index, options.prefer, hand, options.gpu, options.machine)
        for reading, hand in zip(readings, at_hand, strict=True)
    )


def _compare(part: TargetReading, scan: WheelScan, options: ScanOptions) -> WheelScan:
    """Add findings about what the libraries that the user named lack."""
    if not options.against:
        return scan
    from wheelfix.scan.read import read_libraries, read_symbols

    libraries = read_libraries(options.against, sorted({need.soname for need in scan.needs}))
    return add_comparison(scan, read_symbols(part.reading, find_users(scan.needs, libraries)), libraries)


def read_targets(
    targets: Iterable[Target], options: ScanOptions, *, on_error: OnError | None = None
) -> TargetReadings:
    """Read targets, and determine the distributions at hand of each.

    At hand are: the distributions of all targets together, what the user put beside them, and, for a wheel
    file, the wheels in its directory that its metadata pins. The order of the targets does not matter.

    Args:
        targets: from :func:`wheelfix.scan.target.find_targets`; the next is requested when one is read.
        options: options of the scan.
        on_error: called with a target's error, after which the others are read; None raises it.

    Raises:
        InputError: a distribution beside cannot be found or read; or, without ``on_error``, a target cannot.
    """
    beside = [one.reading for text in options.beside for one in _read_beside(text, options)]
    found: list[_Found] = []
    findings: list[Finding] = []
    for target in targets:
        with _pass(on_error):
            for one in _split(target):
                with _pass(on_error):
                    found += _read(one, options, findings)
    told = [one for one in found if not one.is_silent]
    at_hand = assign_at_hand(
        [*(one.reading for one in found), *beside],
        [(one.reading.distribution, one.pinned) for one in told],
    )
    return TargetReadings(
        parts=tuple(
            TargetReading(target=one.target, reading=one.reading, wheel=one.wheel, at_hand=hand)
            for one, hand in zip(told, at_hand, strict=True)
        ),
        beside=tuple(reading.distribution for reading in beside),
        findings=tuple(dict.fromkeys(findings)),
    )


@contextmanager
def _pass(on_error: OnError | None, kind: type[WheelfixError] = WheelfixError) -> Iterator[None]:
    """Pass an error of the block to ``on_error`` and go on; without ``on_error``, raise it."""
    try:
        yield
    except kind as error:
        if on_error is None:
            raise
        on_error(error)


class _Found(Struct):
    """A reading made for a target.

    Attributes:
        pinned: readings of the wheels beside its file that its metadata pins.
        is_silent: whether it is at hand only, and not reported on.
    """

    target: Target
    reading: Reading
    wheel: Path | None = None
    pinned: tuple[Reading, ...] = ()
    is_silent: bool = False


def _split(target: Target) -> tuple[Target, ...]:
    """Split a directory of wheels or packages into these, as each may be damaged; others stay whole."""
    if target.kind is TargetKind.CONDA and target.path and target.path.is_dir():
        from wheelfix.wheel.conda_names import find_packages

        return tuple(replace(target, path=package) for package in find_packages(target.path))
    if target.kind is not TargetKind.WHEELS or not target.path:
        return (target,)
    return tuple(replace(target, path=wheel) for wheel in find_wheels(target.path))


def _read_beside(text: str, options: ScanOptions) -> Iterator[_Found]:
    for target in find_targets([text], "--with"):
        for one in _split(target):
            yield from _READERS[one.kind](one, options, [])


def _read(target: Target, options: ScanOptions, findings: list[Finding]) -> list[_Found]:
    found = list(_READERS[target.kind](target, options, findings))
    if target.kind is not TargetKind.WHEEL:
        return found
    return [_add_pinned(one, options) for one in found]


def _add_pinned(one: _Found, options: ScanOptions) -> _Found:
    """Read the wheels beside a wheel's file that its own metadata pins; damaged ones give warnings."""
    from wheelfix.scan.read import read_wheel

    assert one.wheel
    pinned, findings = [], list(one.reading.findings)
    for path in find_pinned(one.wheel, one.reading.distribution):
        try:
            pinned.append(read_wheel(path, cache=options.cache, progress=options.progress))
        except InputError as error:
            message = f"lies beside {one.wheel.name}, which pins it, and is left out: {error.problem}"
            findings.append(Finding(level=Level.WARNING, subject=path.name, message=message))
    reading = replace(one.reading, findings=tuple(findings))
    return replace(one, reading=reading, pinned=tuple(pinned))


def find_pinned(wheel: Path, distribution: Distribution) -> tuple[Path, ...]:
    """List the wheels in a wheel's directory that its metadata pins exactly and that fit its tags, by name.

    Args:
        wheel: the file.
        distribution: metadata of the wheel.
    """
    pins: dict[str, list[str]] = {}
    for requirement in distribution.requires:
        if requirement.active and is_exact(requirement.text):
            pins.setdefault(requirement.name, []).append(requirement.text)
    found = []
    for path in _list_beside(wheel) if pins else ():
        name = path.name.partition("-")[0]
        parsed = parse_filename(path.name) if normalize_name(name) in pins else None
        if not parsed or parsed[0] == distribution.name:
            continue
        pinned = any(admits(pin, parsed[1]) for pin in pins[parsed[0]])
        if pinned and fit_together(distribution.tags, parsed[2]):
            found.append(path)
    return tuple(found)


def _list_beside(wheel: Path) -> tuple[Path, ...]:
    try:
        return find_wheels(wheel.parent)
    except InputError:
        return ()  # a directory that may be entered but not listed


def _read_wheel(target: Target, options: ScanOptions, _: list[Finding]) -> Iterator[_Found]:
    from wheelfix.scan.read import read_wheel

    assert target.path
    reading = read_wheel(target.path, cache=options.cache, progress=options.progress)
    yield _Found(target=target, reading=reading, wheel=target.path)


def _read_conda(target: Target, options: ScanOptions, _: list[Finding]) -> Iterator[_Found]:
    from wheelfix.scan.read import read_conda

    path = target.path
    if path is None:
        from wheelfix.outside.wheels import fetch_url

        cache = find_cache().urls
        path = fetch_url(target.text, cache, sources=options.sources, on_bytes=options.progress)
    reading = read_conda(path, cache=options.cache, progress=options.progress)
    yield _Found(target=target, reading=reading)


def _read_installed(target: Target, options: ScanOptions, _: list[Finding]) -> Iterator[_Found]:
    from wheelfix.scan.read import read_installed, read_packages

    assert target.path
    readings = read_installed(
        target.path,
        follow_editable=options.follow_editable,
        conda=options.whole_prefix,
        progress=options.progress,
    )
    telling = [bool(reading.objects or reading.uses or reading.findings) for reading in readings]
    if not any(telling):
        telling[0] = True
    for reading, tells in zip(readings, telling, strict=True):
        yield _Found(target=target, reading=reading, is_silent=not tells)
    if not options.whole_prefix:
        for reading in read_packages(target.path):
            yield _Found(target=target, reading=reading, is_silent=True)


def _read_elf(target: Target, _: ScanOptions, __: list[Finding]) -> Iterator[_Found]:
    from wheelfix.scan.read import read_elf

    assert target.path
    yield _Found(target=target, reading=read_elf(target.path))


def _read_fetched(target: Target, options: ScanOptions, findings: list[Finding]) -> Iterator[_Found]:
    from wheelfix.scan.requirement import fetch_named, find_runtime

    python = choose_python(options, target)
    fetched = fetch_named(
        target.text,
        find_cache(),
        python=python.version,
        system=options.system,
        sources=options.sources,
        on_bytes=options.progress,
    )
    wanted = parse_wanted(target.text) if target.kind is not TargetKind.URL else None
    # An address names a wheel for any Python; a chosen wheel was chosen for this Python.
    chosen = wanted is not None and not wanted.url
    runtime = find_runtime(python.version, options.system) if chosen else None
    findings += python.findings if chosen else ()
    for one in fetched:
        yield _take_fetched(target, one, runtime, options)


def _read_list(target: Target, options: ScanOptions, findings: list[Finding]) -> Iterator[_Found]:
    from wheelfix.scan.requirement import fetch_listed, find_runtime

    assert target.path
    python = choose_python(options, target)
    fetched, told = fetch_listed(
        target.path,
        find_cache(),
        python=python.version,
        system=options.system,
        sources=options.sources,
        on_bytes=options.progress,
    )
    findings += (*python.findings, *told)
    runtime = find_runtime(python.version, options.system)
    for one in fetched:
        yield _take_fetched(target, one, runtime, options)


def _take_fetched(target: Target, fetched: Fetched, runtime: Runtime | None, options: ScanOptions) -> _Found:
    """Read a wheel that was fetched; one that was chosen for an interpreter is evaluated for that one."""
    from wheelfix.scan.read import read_wheel
    from wheelfix.scan.requirement import evaluate_reading

    reading = read_wheel(fetched.path, cache=options.cache, progress=options.progress)
    reading = replace(reading, findings=(*fetched.findings, *reading.findings))
    return _Found(
        target=target,
        reading=evaluate_reading(reading, runtime) if runtime else reading,
        wheel=fetched.path,
    )


def _read_lock(target: Target, options: ScanOptions, findings: list[Finding]) -> Iterator[_Found]:
    from wheelfix.lockfile.select import Asked
    from wheelfix.scan.locked import read_locked

    assert target.path
    readings, told = read_locked(
        target.path,
        python=options.python,
        system=options.system,
        asked=Asked(groups=options.groups),
        sources=options.sources,
        progress=options.progress,
    )
    findings += told
    for reading in readings:
        yield _Found(target=target, reading=reading)


_READERS: Mapping[TargetKind, Callable[[Target, ScanOptions, list[Finding]], Iterator[_Found]]] = {
    TargetKind.WHEEL: _read_wheel,
    TargetKind.WHEELS: _read_wheel,
    TargetKind.ENVIRONMENT: _read_installed,
    TargetKind.ELF: _read_elf,
    TargetKind.LOCK: _read_lock,
    TargetKind.REQUIREMENTS: _read_list,
    TargetKind.REQUIREMENT: _read_fetched,
    TargetKind.URL: _read_fetched,
    TargetKind.CONDA: _read_conda,
    TargetKind.CONDA_URL: _read_conda,
}
