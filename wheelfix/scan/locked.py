"""Reads every wheel, and every package of conda, that a lock names, from the nearest place that has it.

Places in order: stored readings (by SHA-256), files beside the lock, directories that the user names,
wheelfix's downloads, pip's cache, uv's cache, the URL that the lock states, and the package index where it
states none (of conda: :mod:`wheelfix.scan.locked_conda`). A file without the lock's hash is never used.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wheelfix.errors import InputError
from wheelfix.lockfile.narrow import find_lock_python, narrow_lock
from wheelfix.lockfile.read import read_lock, read_rules
from wheelfix.lockfile.read import read_project as read_table
from wheelfix.lockfile.select import (
    Asked,
    choose_sources,
    find_doubles,
    select_packages,
    settle_doubles,
    tell_doubles,
)
from wheelfix.model.base import Struct, replace
from wheelfix.model.conda import CondaPackage
from wheelfix.model.hints import SourceUse
from wheelfix.model.lock import Choice, ChoiceKind, Lock, Runtime
from wheelfix.model.lock_formats import CONDA_KINDS
from wheelfix.model.reading import BuildSystem, Reading
from wheelfix.model.scan import Finding, Level
from wheelfix.model.sdist import Builder
from wheelfix.model.wheel import Distribution
from wheelfix.outside.configuration import PackageSources, find_package_sources
from wheelfix.outside.places import Cache, find_cache
from wheelfix.outside.processes import iter_ended
from wheelfix.outside.tool_caches import (
    find_in_directories,
    find_in_pip,
    find_in_uv,
    find_named,
    list_matching,
    list_sdists,
)
from wheelfix.pysource.opens import is_for_linux
from wheelfix.pysource.sources import find_in_sources
from wheelfix.scan.locked_conda import fetch_package, find_package, find_stored, read_package, tell_prefix
from wheelfix.scan.read import Progress, read_known, read_unpacked, read_wheel
from wheelfix.scan.requirement import evaluate_reading, find_runtime, tell_unread
from wheelfix.scan.store import find_digest
from wheelfix.wheel.metadata import parse_filename
from wheelfix.wheel.sdist import read_sdist
from wheelfix.wheel.sdist_project import read_project

WORKERS = 4
"""Number of parallel downloads."""

_USUAL = Asked()
_TOP_LEVEL = ".egg-info/top_level.txt"
"""The end of the path where setuptools lists what a distribution installs."""
_BUILD_SCRIPTS = frozenset({"setup.py", "conftest.py", "noxfile.py", "tasks.py"})


if TYPE_CHECKING:
    from wheelfix.outside.http import Client


class Places(Struct):
    """Places where files are looked for and kept.

    Attributes:
        base: directory of the lock.
        cache: wheelfix's cache.
        find_links: directories of wheels.
        runtime: the interpreter and platform, for an index.
        sources: where files without a URL in the lock are fetched from; None takes the configured ones.
        progress: called with bytes downloaded and bytes expected so far.
    """

    base: Path
    cache: Cache
    runtime: Runtime
    find_links: tuple[Path, ...] = ()
    sources: PackageSources | None = None
    progress: Progress | None = None


class LockReadings(Struct):
    """Readings of the files that a lock names.

    Attributes:
        wheels: sorted by name, with their contents; requirements are evaluated for the interpreter.
        builds: build systems of the source distributions, by name; without those whose file only an index
            could give.
        sdists: files of the same source distributions.
        sources: readings of the Python sources in them, sorted by name.
        read: names of the wheels and packages of conda whose reading was not stored, sorted.
        findings: what an index said of them.
        conda: readings of packages of conda, sorted by name.
    """

    wheels: tuple[Reading, ...]
    builds: Mapping[str, BuildSystem]
    sdists: Mapping[str, Path]
    sources: tuple[Reading, ...]
    read: tuple[str, ...]
    findings: tuple[Finding, ...]
    conda: tuple[Reading, ...] = ()


def read_choices(
    choices: Sequence[Choice], places: Places, packages: Sequence[CondaPackage] = ()
) -> LockReadings:
    """Read every wheel, every package of conda, and the build system of every source distribution.

    Args:
        choices: source of each package.
        places: places to search.
        packages: of conda; those without a file are left out.

    Raises:
        InputError: a file is not found, has another hash, or cannot be read. Finished readings are stored.
    """
    wheels: dict[str, Reading] = {}
    builds: dict[str, BuildSystem] = {}
    sdists: dict[str, Path] = {}
    sources: dict[str, Reading] = {}
    unread: list[Finding] = []
    missing: list[Choice | CondaPackage] = []
    conda: dict[str, Reading] = {}
    for choice in choices:
        known = _find_known(choice, places) if choice.kind is ChoiceKind.WHEEL else None
        if known:
            wheels[choice.package.name] = known
        elif choice.kind is ChoiceKind.WHEEL or (
            choice.kind is ChoiceKind.SDIST and (choice.file or choice.package.hashes)
        ):
            missing.append(choice)
    for package in packages:
        if stored := find_stored(package, places):
            conda[package.name] = stored
        elif not package.source:
            missing.append(package)
    read: list[str] = []
    fetcher = _Fetcher(places)
    for one, found in fetcher.fetch(missing):
        if isinstance(one, CondaPackage):
            conda[one.name] = read_package(one, found, places)
            read.append(one.name)
            continue
        choice = one
        name = choice.package.name
        if choice.kind is ChoiceKind.SDIST:
            builds[name] = _read_build_system(found, places)
            sdists[name] = found
            try:
                sources[name] = _read_sources(choice, found)
            except InputError as error:
                message = f"its sources cannot be read ({error.problem}): what they open by name is not known"
                unread.append(Finding(level=Level.WARNING, subject=choice.package.label, message=message))
            continue
        wheels[name] = _read(choice, found, places)
        read.append(name)
    return LockReadings(
        wheels=tuple(evaluate_reading(wheels[name], places.runtime) for name in sorted(wheels)),
        builds=builds,
        sdists=sdists,
        sources=tuple(sources[name] for name in sorted(sources)),
        read=tuple(sorted(read)),
        findings=(*fetcher.findings, *unread),
        conda=tuple(conda[name] for name in sorted(conda)),
    )


def _read_sources(choice: Choice, path: Path) -> Reading:
    """Read what the Python sources in a source distribution open by name.

    What a build does with them is not known: a name is answered by a shim, for which the module is enough.

    Raises:
        InputError: they cannot be read.
    """
    tree = read_sdist(path, lambda name: name.endswith((".py", _TOP_LEVEL)))
    package = choice.package
    sources = {full: data for full, data in tree.files.items() if full.endswith(".py")}
    files = {inside: data for full, data in sources.items() if (inside := _find_module(full))}
    tops = {
        name.partition("/")[0] for name in files if name.count("/") == 1 and name.endswith("/__init__.py")
    }
    # A module alone need not be named like its distribution: fusepy's is fuse.py.
    listed = [data for full, data in tree.files.items() if full.endswith(_TOP_LEVEL)]
    single = {f"{name}.py" for data in listed for name in data.decode("utf-8", "replace").split()}
    single.add(f"{package.name.replace('-', '_')}.py")
    kept = sorted(name for name in files if name.partition("/")[0] in tops or name in single)
    uses = find_in_sources(kept, files.get)
    return Reading(
        distribution=Distribution(
            target=path.name,
            name=package.name,
            version=package.version or "",
            tags=("py3-none-any",),
            requires=(),
            files=frozenset(kept),
        ),
        objects=(),
        uses=tuple(_drop_edits(use) for use in uses),
    )


def _find_module(path: str) -> str | None:
    """Return where a source would be in site-packages; None for one of the build."""
    inside = path.removeprefix("src/")
    return None if inside in _BUILD_SCRIPTS or not is_for_linux(inside) else inside


def _drop_edits(use: SourceUse) -> SourceUse:
    calls = tuple(
        replace(call, names=tuple(replace(name, edit=None) for name in call.names)) for call in use.calls
    )
    return replace(use, calls=calls, anchor="")


def keep_chosen(found: LockReadings, choices: Sequence[Choice]) -> LockReadings:
    """Keep the readings of those wheels and source distributions that are chosen still."""
    wheels = {c.package.name for c in choices if c.kind is ChoiceKind.WHEEL}
    sdists = {c.package.name for c in choices if c.kind is ChoiceKind.SDIST}
    return replace(
        found,
        wheels=tuple(one for one in found.wheels if one.distribution.name in wheels),
        builds={name: build for name, build in found.builds.items() if name in sdists},
        sdists={name: path for name, path in found.sdists.items() if name in sdists},
        sources=tuple(one for one in found.sources if one.distribution.name in sdists),
    )


def read_locked(
    path: Path,
    *,
    python: str | None = None,
    system: str = "x86_64-linux",
    asked: Asked = _USUAL,
    sources: PackageSources | None = None,
    progress: Progress | None = None,
) -> tuple[tuple[Reading, ...], tuple[Finding, ...]]:
    """Read what a lock names, as ``wheelfix lock`` reads it: for one interpreter and platform.

    Args:
        path: the lock.
        python: version of CPython; None takes that which the lock, or the project beside it, is for.
        system: Nix system.
        asked: extras and groups, or the environment of pixi.
        sources: where files are fetched from, and directories that may have them; None takes the configured
            ones.
        progress: called with bytes downloaded and bytes expected so far.

    Returns:
        The readings, sorted by name, and findings of the index and about packages without a wheel.

    Raises:
        InputError: the lock or a wheel cannot be read or fetched, or has no source of a wanted kind.
    """
    lock, sources = narrow_lock(read_lock(path), system, asked), sources or find_package_sources()
    rules = read_rules(read_table(path.parent), ())
    chosen = find_lock_python(python, lock, path.parent)
    runtime = find_runtime(chosen.version, system)
    # By default, `wheelfix lock` writes for package sets that choose as pyproject.nix does.
    selected = select_packages(lock, runtime, asked)
    choices = choose_sources(settle_doubles(selected), rules, runtime, as_nix=True)
    places = Places(
        base=path.parent,
        cache=find_cache(),
        runtime=runtime,
        find_links=tuple(Path(link) for link in sources.find_links if Path(link).is_dir()),
        sources=sources,
        progress=progress,
    )
    wheels = [choice for choice in choices if choice.kind is ChoiceKind.WHEEL]
    found = read_choices(wheels, places, lock.conda)
    if not (found.wheels or found.conda):
        raise InputError(str(path), "names no wheel that could be read", "run `wheelfix lock` on it")
    told = (*tell_doubles(find_doubles(selected)), *found.findings, *tell_unread(choices))
    prefix = tell_prefix(lock.conda, found.conda, python=find_prefix_python(lock, runtime))
    return (*found.wheels, *found.conda), (*chosen.findings, *told, *prefix)


def find_prefix_python(lock: Lock, runtime: Runtime) -> str | None:
    """Return the Python of a prefix; None if it has none, or is no prefix."""
    has = lock.kind in CONDA_KINDS and any(one.name == "python" for one in lock.conda)
    return runtime.python if has else None


class _Fetcher:
    """Gets files: those on this machine first, then the rest by parallel downloads."""

    def __init__(self, places: Places) -> None:
        self._places, self._lock = places, threading.Lock()
        self._sources = places.sources or find_package_sources()
        self._stop = threading.Event()
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}
        self.findings: list[Finding] = []

    def fetch(self, choices: Sequence[Choice | CondaPackage]) -> Iterator[tuple[Choice | CondaPackage, Path]]:
        """Yield each of them with its file, or its directory in uv's cache, as soon as it is available."""
        if not choices:
            return
        from wheelfix.outside.packages import open_session

        with (
            open_session(self._sources) as client,
            ThreadPoolExecutor(WORKERS, thread_name_prefix="fetch") as pool,
        ):
            futures = {pool.submit(self._get, client, choice): choice for choice in choices}
            try:
                for future in iter_ended(futures):
                    yield futures[future], future.result()
            finally:
                self._stop.set()  # cancels downloads that continue after an error or an interrupt
                pool.shutdown(wait=False, cancel_futures=True)

    def _get(self, client: Client, choice: Choice | CondaPackage) -> Path:
        if isinstance(choice, CondaPackage):
            return self._get_package(client, choice)
        if local := _find_local(choice, self._places):
            return local
        if choice.file and choice.file.size:
            self._count(choice.package.label, 0, choice.file.size)
        return self._fetch_one(client, choice)

    def _get_package(self, client: Client, package: CondaPackage) -> Path:
        if local := find_package(package, self._places):
            return local
        label = f"conda {package.label}"
        if package.size:
            self._count(label, 0, package.size)
        on_bytes = partial(self._count, label)
        return fetch_package(client, package, self._places, on_bytes=on_bytes, stop=self._stop)

    def _fetch_one(self, client: Client, choice: Choice) -> Path:
        from wheelfix.outside.packages import OnlySdistError
        from wheelfix.outside.wheels import fetch_locked, fetch_sdist, fetch_wheel

        places, package, file = self._places, choice.package, choice.file
        if file and file.url and urlsplit(file.url).scheme in {"http", "https"}:
            if file.sha256 is None:
                problem = "has no sha256 in the lock"
                hint = "lock again with a tool that writes hashes, or give the file with --find-links DIR"
                raise InputError(file.filename, problem, hint)
            place, on_bytes = places.cache.find_locked(package, file), partial(self._count, package.label)
            fetch_locked(client, file, place, on_bytes=on_bytes, stop=self._stop)
            return place
        if choice.kind is ChoiceKind.SDIST and file and file.sha256 is None:
            raise InputError(
                file.filename,
                "is not at hand, and the lock has no URL or sha256 of it",
                "give --find-links DIR",
            )
        digests = (file.sha256,) if file and file.sha256 else package.hashes
        hashes = "".join(f" --hash=sha256:{digest}" for digest in digests)
        wanted = f"{package.name}=={package.version}{hashes}"
        on_bytes = partial(self._count, package.label)
        try:
            if choice.kind is ChoiceKind.SDIST:
                fetched = fetch_sdist(wanted, places.cache.sdists, sources=self._sources, on_bytes=on_bytes)
            else:
                fetched = fetch_wheel(
                    wanted,
                    places.cache.wheels,
                    python=places.runtime.python,
                    system=places.runtime.system,
                    sources=self._sources,
                    on_bytes=on_bytes,
                )
        except OnlySdistError as error:
            hint = f"take that: `wheelfix lock … --provider {package.name}=sdist`"
            raise InputError(error.subject, error.problem, hint) from None
        with self._lock:
            self.findings += [replace(finding, subject=package.label) for finding in fetched.findings]
        return fetched.path

    def _count(self, label: str, done: int, total: int) -> None:
        with self._lock:
            self._done[label], self._total[label] = done, total
            if self._places.progress:
                self._places.progress(sum(self._done.values()), sum(self._total.values()))


def _find_known(choice: Choice, places: Places) -> Reading | None:
    if choice.file:
        digest = choice.file.sha256
        if digest is None and choice.file.path and (places.base / choice.file.path).is_file():
            digest = find_digest(places.base / choice.file.path, places.cache.readings)
        return _find_own(digest, choice, places) if digest else None
    for digest in choice.package.hashes:
        try:
            known = _find_own(digest, choice, places)
        except InputError:  # a stored wheel for another system
            continue
        if known and not set(known.distribution.tags).isdisjoint(places.runtime.tags):
            return known
    return None


def _find_own(digest: str, choice: Choice, places: Places) -> Reading | None:
    name = choice.file.filename if choice.file else None
    known = read_known(digest, places.cache.readings, name=name, contents=True)
    return _check_name(known, choice) if known else None


def _find_local(choice: Choice, places: Places) -> Path | None:
    file, find = choice.file, partial(find_digest, cache=places.cache.readings)
    if file is None:
        is_wheel = choice.kind is ChoiceKind.WHEEL
        return _find_by_hashes(choice, places) if is_wheel else _find_sdist_by_hashes(choice, places)
    if path := find_named(file.filename, file.path or None, file.url, places.base):
        if file.sha256 and find(path) != file.sha256:
            raise InputError(str(path), "has another sha256 than the lock says", "lock again, or restore it")
        return path
    kept = places.cache.find_locked(choice.package, file)
    directories = [*places.find_links, kept.parent]
    if found := find_in_directories(directories, file.filename, file.sha256, find):
        return found
    if file.sha256 is None:
        return None
    if file.url and (body := find_in_pip(file.url)) and find(body) == file.sha256:
        return body
    return find_in_uv(choice.package.name, file.sha256) if choice.kind is ChoiceKind.WHEEL else None


def _find_by_hashes(choice: Choice, places: Places) -> Path | None:
    """Find the best fitting wheel with one of some hashes, for a lock that states only hashes."""
    package, tags = choice.package, places.runtime.tags
    found = []
    for path in list_matching(places.find_links, package.name, package.version):
        parsed = parse_filename(path.name)
        ranks = [tags.index(tag) for tag in parsed[2] if tag in tags] if parsed else []
        if ranks and find_digest(path, places.cache.readings) in package.hashes:
            found.append((min(ranks), path))
    return min(found)[1] if found else None


def _find_sdist_by_hashes(choice: Choice, places: Places) -> Path | None:
    """Find the source distribution with one of some hashes, for a lock that states only hashes."""
    package = choice.package
    for path in list_sdists(places.find_links, package.name, package.version):
        if find_digest(path, places.cache.readings) in package.hashes:
            return path
    return None


def _read_build_system(path: Path, places: Places) -> BuildSystem:
    tree = read_sdist(path)
    project = read_project(tree, places.runtime.python)
    return BuildSystem(
        requires=tuple(sorted({name for name, _ in project.requires})),
        backend=project.backend,
        cargo=project.builder is not Builder.OTHER or bool(project.built),
        filename=path.name,
        sha256=tree.sha256,
        project=project,
    )


def _read(choice: Choice, path: Path, places: Places) -> Reading:
    """Read a wheel on this machine, and store the reading."""
    file = choice.file
    digest = file.sha256 if file and file.sha256 else find_digest(path, places.cache.readings)
    cache = places.cache.readings
    if path.is_dir():
        reading = read_unpacked(path, file.filename if file else path.name, digest, cache=cache)
    else:
        name = file.filename if file else None
        reading = read_wheel(path, cache=cache, name=name, sha256=digest, contents=True)
    return _check_name(reading, choice)


def _check_name(reading: Reading, choice: Choice) -> Reading:
    wheel, package = reading.distribution, choice.package
    if wheel.name != package.name:
        hint = "lock again: the lock or the wheel is not what it says"
        raise InputError(wheel.target, f"is a wheel of {wheel.name}, not of {package.name}", hint)
    return reading
