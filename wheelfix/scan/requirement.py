"""Fetches the wheels that a requirement names.

uv resolves extras, closures and lists of requirements; a single requirement is looked up in the package
index.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from wheelfix.errors import InputError, suggest
from wheelfix.lockfile.markers import make_runtime
from wheelfix.lockfile.project import parse_requirement_lines
from wheelfix.lockfile.read import read_lock, read_text
from wheelfix.lockfile.select import Asked, choose_sources, make_distribution, select_packages
from wheelfix.model.base import Struct, replace
from wheelfix.model.lock import Choice, ChoiceKind, Lock, LockedPackage, Runtime
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, Level
from wheelfix.model.wheel import Distribution, Requirement
from wheelfix.outside.configuration import PackageSources, find_package_sources, mark_sources
from wheelfix.outside.files import open_workplace, write_file
from wheelfix.outside.places import Cache
from wheelfix.outside.requirements import find_interpreter, find_platforms, is_url
from wheelfix.outside.uv import lock_requirements
from wheelfix.scan.closure import find_closure
from wheelfix.wheel.metadata import (
    DEFAULT_PYTHON,
    Wanted,
    evaluate_requirements,
    parse_filename,
    parse_wanted,
)

if TYPE_CHECKING:
    from wheelfix.outside.wheels import Fetched

_FORM = "write NAME, NAME==VERSION or NAME[EXTRA]"


class _Resolved(Struct):
    """A requirement, resolved for one interpreter and system."""

    wanted: Wanted
    choices: tuple[Choice, ...]
    known: Mapping[str, Distribution]


def fetch_closure(
    requirement: str,
    directory: Path,
    *,
    python: str = DEFAULT_PYTHON,
    system: str = "x86_64-linux",
    sources: PackageSources | None = None,
) -> tuple[Distribution, ...]:
    """Find the metadata of a requirement and of everything it requires.

    Args:
        requirement: as in ``torch==2.15.0`` or ``jax[cuda12]``; its extras are followed.
        directory: the cache, where the resolution of an exact version is kept.
        python: version of CPython (``3.12``).
        system: Nix system.
        sources: which indexes to ask; None takes the configured ones.

    Returns:
        The distribution itself first, then what it requires, sorted by name; without lists of files, and
        without what only other platforms require.

    Raises:
        InputError: the text is not a requirement, cannot be resolved for the target, or the network fails.
    """
    resolved = _resolve(requirement, directory, python, system, sources)
    found = sorted(resolved.known.values(), key=lambda d: (d.name != resolved.wanted.name, d.name))
    return tuple(found)


def fetch_named(
    text: str,
    cache: Cache,
    *,
    python: str = DEFAULT_PYTHON,
    system: str = "x86_64-linux",
    sources: PackageSources | None = None,
    on_bytes: Callable[[int, int], None] | None = None,
) -> tuple[Fetched, ...]:
    """Fetch the wheels that a user names by a requirement or an address.

    Args:
        text: ``numpy``, ``torch==2.9.1``, ``jax[cuda12]``, ``name @ https://…/name.whl`` or an address alone.
        cache: wheelfix's cache.
        python: version of CPython (``3.12``).
        system: Nix system.
        sources: which indexes to ask; None takes the configured ones.
        on_bytes: called with bytes done and bytes in all, for each file.

    Returns:
        The wheel itself first; with extras also the wheels that these bring, sorted by name.

    Raises:
        InputError: it does not exist, or cannot be fetched.
    """
    from wheelfix.outside.wheels import Fetched, fetch_url, fetch_wheel

    sources = sources or find_package_sources()
    wanted = parse_wanted(text)
    if url := text if is_url(text) else wanted.url if wanted else None:
        return (Fetched(path=fetch_url(url, cache.urls, sources=sources, on_bytes=on_bytes)),)
    if wanted is None or not wanted.extras:
        how = {"python": python, "system": system, "sources": sources, "on_bytes": on_bytes}
        return (fetch_wheel(text, cache.wheels, **how),)  # type: ignore[arg-type]
    resolved = _resolve(text, cache.metadata, python, system, sources)
    names = _find_added(resolved)
    chosen = [choice for choice in resolved.choices if choice.package.name in names]
    chosen.sort(key=lambda choice: (choice.package.name != wanted.name, choice.package.name))
    return _fetch_choices(chosen, cache, sources, on_bytes)


def find_runtime(python: str, system: str) -> Runtime:
    """Make the interpreter and platform that files are chosen for.

    Args:
        python: version of CPython (``3.12``, ``3.14t``).
        system: Nix system.

    Raises:
        InputError: the version is invalid, or no interpreter runs on the system.
    """
    return make_runtime(python, system, find_platforms(system))


def evaluate_reading(reading: Reading, runtime: Runtime) -> Reading:
    """Evaluate the requirements of a wheel's reading for one interpreter."""
    wheel = evaluate_requirements(reading.distribution, dict(runtime.environment))
    return replace(reading, distribution=wheel)


def fetch_listed(
    path: Path,
    cache: Cache,
    *,
    python: str = DEFAULT_PYTHON,
    system: str = "x86_64-linux",
    sources: PackageSources | None = None,
    on_bytes: Callable[[int, int], None] | None = None,
) -> tuple[tuple[Fetched, ...], tuple[Finding, ...]]:
    """Fetch the wheels of everything that a requirements file brings, resolved together.

    Args:
        path: the file; without hashes, and without options of pip.
        cache: wheelfix's cache.
        python: version of CPython (``3.12``).
        system: Nix system.
        sources: which indexes to ask; None takes the configured ones.
        on_bytes: called with bytes done and bytes in all, for each file.

    Returns:
        The wheels, sorted by name, and findings about packages without a wheel.

    Raises:
        InputError: it cannot be read, resolved or fetched, or asks for nothing.
    """
    lines = parse_requirement_lines(path.name, read_text(path))
    if not lines:
        raise InputError(str(path), "asks for nothing", "write one requirement a line")
    find_interpreter(path.name, python, system)
    sources = sources or find_package_sources()
    with open_workplace() as work:
        lock_requirements(work, lines, subject=path.name, python=python, system=system, sources=sources)
        lock = read_lock(work / "uv.lock")
    choices = _choose_wheels(lock, find_runtime(python, system))
    chosen = sorted((c for c in choices if c.kind is ChoiceKind.WHEEL), key=lambda c: c.package.name)
    message = (
        "has no hashes, so that no package set can be made of it: "
        f"`wheelfix env DIR -r {quote(str(path))}` writes a whole environment, with a lock"
    )
    told = Finding(level=Level.NOTE, subject=path.name, message=message)
    return _fetch_choices(chosen, cache, sources, on_bytes), (told, *tell_unread(choices))


def tell_unread(choices: Sequence[Choice]) -> tuple[Finding, ...]:
    """Report packages without a readable wheel, and where they come from."""
    found = [choice for choice in choices if choice.kind is not ChoiceKind.WHEEL]
    message = {
        ChoiceKind.SDIST: "is built from source: there is no wheel of it to read",
        ChoiceKind.NIXPKGS: "is taken from nixpkgs: its wheel is not read",
        ChoiceKind.CONDA: "is taken from conda: its wheel is not read",
    }
    return tuple(
        Finding(level=Level.NOTE, subject=c.package.label, message=message[c.kind])
        for c in sorted(found, key=lambda c: c.package.label)
    )


def _find_added(resolved: _Resolved) -> frozenset[str]:
    """Return the name of the distribution, and of those that only its requested extras bring.

    Raises:
        InputError: it has no such extra.
    """
    wanted, known = resolved.wanted, resolved.known
    own = known[wanted.name]
    extras = {extra for r in own.requires for extra in r.under}
    if missing := set(wanted.extras) - extras:
        problem = f"{own.name} {own.version} has no extra {min(missing)}, or it brings nothing there"
        hint = suggest(min(missing), extras, otherwise="check the spelling, or leave the extra out")
        raise InputError(wanted.text, problem, hint)
    everything = find_closure(_ask(wanted.name, wanted.extras), known)
    return frozenset({wanted.name, *everything} - set(find_closure(own, known)))


def _ask(name: str, extras: Sequence[str]) -> Distribution:
    """Make a distribution whose only requirement is another one with extras."""
    requires = (Requirement(name=name, extras=tuple(extras), active=True, text=name),)
    return Distribution(target="", name="", version="", tags=(), requires=requires, files=frozenset())


def _fetch_choices(
    choices: Sequence[Choice],
    cache: Cache,
    sources: PackageSources,
    on_bytes: Callable[[int, int], None] | None,
) -> tuple[Fetched, ...]:
    """Fetch the chosen files in one session; those that the lock names by a path are there already."""
    from wheelfix.outside.packages import open_session
    from wheelfix.outside.wheels import Fetched, fetch_locked

    paths = []
    with ExitStack() as stack:
        session = None
        for choice in choices:
            file = choice.file
            assert file is not None
            if file.path:
                paths.append(Path(file.path))
                continue
            session = session or stack.enter_context(open_session(sources))
            paths.append(place := cache.find_locked(choice.package, file))
            fetch_locked(session, file, place, on_bytes=on_bytes)
    return tuple(Fetched(path=path) for path in paths)


def _resolve(
    requirement: str, directory: Path, python: str, system: str, sources: PackageSources | None
) -> _Resolved:
    wanted = parse_wanted(requirement)
    if wanted is None or wanted.url:
        raise InputError(requirement, "is no requirement", _FORM)
    find_interpreter(wanted.text, python, system)
    sources = sources or find_package_sources()
    asked = f"{wanted.text.partition(wanted.name)[2]}-py{python}-{system}"
    kept = directory / wanted.name / f"{asked}-{mark_sources(frozenset(), sources)}.lock"
    lock = _read_kept(kept) if wanted.version else None
    if lock is None:
        lock = _lock(wanted, kept, python, system, sources)
    runtime = find_runtime(python, system)
    choices = _choose_wheels(lock, runtime)
    return _Resolved(
        wanted=wanted,
        choices=choices,
        known={c.package.name: _make_distribution(c.package, c, runtime) for c in choices},
    )


def _choose_wheels(lock: Lock, runtime: Runtime) -> tuple[Choice, ...]:
    """Choose the source of each package of a resolution, except for the root that stands for the request."""
    packages = [p for p in select_packages(lock, runtime, Asked()) if p.name not in (lock.roots or ())]
    return choose_sources(packages, (), runtime, as_nix=False)


def _read_kept(path: Path) -> Lock | None:
    with suppress(InputError):
        return read_lock(path)
    return None


def _lock(wanted: Wanted, kept: Path, python: str, system: str, sources: PackageSources) -> Lock:
    with open_workplace() as work:
        try:
            lock_requirements(
                work, [wanted.text], subject=wanted.text, python=python, system=system, sources=sources
            )
        except InputError:
            from wheelfix.outside.packages import find_wheel, open_session

            with open_session(sources) as session:  # has the better message if the distribution is missing
                find_wheel(session, wanted, find_interpreter(wanted.text, python, system))
            raise
        lock = read_lock(work / "uv.lock")
        if wanted.version:
            with suppress(OSError):
                write_file(kept, (work / "uv.lock").read_bytes())
    return lock


def _make_distribution(package: LockedPackage, choice: Choice, runtime: Runtime) -> Distribution:
    made = make_distribution(package, runtime)
    if choice.kind is not ChoiceKind.WHEEL or choice.file is None:
        return made
    parsed = parse_filename(choice.file.filename)
    return replace(made, target=choice.file.filename, tags=parsed[2] if parsed else ())
