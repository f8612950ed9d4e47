"""Finds, fetches and reads the packages of conda that a lock names, and tells what a prefix of them lacks.

Places in order: the file beside the lock that it names, directories that the user names, wheelfix's
downloads, and the address in the lock. A file without the lock's hash is never used: SHA-256, or MD5 where
the lock has nothing better, which is told.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from wheelfix.errors import InputError, describe, strip_login
from wheelfix.model.base import replace
from wheelfix.model.conda import CondaPackage
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Finding, Level
from wheelfix.outside.tool_caches import find_named
from wheelfix.scan.read import read_conda, read_known
from wheelfix.scan.store import find_digest
from wheelfix.wheel.input import open_regular

if TYPE_CHECKING:
    from wheelfix.outside.http import Client
    from wheelfix.scan.locked import Places

_WEB = frozenset({"http", "https"})
_CHUNK = 1 << 20
_WRONG = "lock again, or restore it"
_ABI = re.compile(r"python_abi[ =]+(3\.\d{1,3})\b")
_VARIABLE = re.compile(r"\$(?:\w+|\{\w+\})")


def find_stored(package: CondaPackage, places: Places) -> Reading | None:
    """Load the stored reading of a package, whose file need not be there any more.

    Raises:
        InputError: it is another package than the lock says, or one for another system.
    """
    if package.sha256 is None:
        return None
    reading = read_known(package.sha256, places.cache.readings, name=package.filename, contents=True)
    return _check(reading, package) if reading else None


def find_package(package: CondaPackage, places: Places) -> Path | None:
    """Find the file of a package on this machine.

    Raises:
        InputError: the lock names a file that is not there, or that has another hash.
    """
    if named := find_named(package.filename, package.path, package.url, places.base):
        if wrong := _find_wrong(named, package, places):
            raise InputError(str(named), wrong, _WRONG)
        return named
    kept = places.cache.find_package(package)
    for path in (*(directory / package.filename for directory in places.find_links), kept):
        if path.is_file() and _has_hash(package) and not _find_wrong(path, package, places):
            return path
    return None


def fetch_package(
    client: Client,
    package: CondaPackage,
    places: Places,
    *,
    on_bytes: Callable[[int, int], None] | None = None,
    stop: threading.Event | None = None,
) -> Path:
    """Fetch a package from the address in the lock.

    Raises:
        InputError: it has none that can be used, or no hash; or the file cannot be fetched, is another one,
            or cannot be written.
    """
    from wheelfix.outside.wheels import fetch_archive

    if urlsplit(package.url).scheme not in _WEB:
        problem = f"has an address that is none of the web: {strip_login(package.url)[:200]}"
        raise InputError(package.filename, problem, "give the file: --find-links DIR")
    if match := _VARIABLE.search(package.url):
        # conda-lock fills them in; a lock of somebody else's could so send secrets to a host of its own.
        problem = f"has the variable {match[0]} in its address, which is not filled in"
        raise InputError(package.filename, problem, "give the file: --find-links DIR")
    if not _has_hash(package):
        problem = "has neither sha256 nor md5 in the lock"
        raise InputError(package.filename, problem, "lock again with a tool that writes hashes")
    place = places.cache.find_package(package)
    fetch_archive(
        client,
        package.url.partition("#")[0],
        place,
        sha256=package.sha256,
        md5=package.md5,
        on_bytes=on_bytes,
        stop=stop,
    )
    return place


def read_package(package: CondaPackage, path: Path, places: Places) -> Reading:
    """Read a package on this machine, and store the reading.

    Raises:
        InputError: it is damaged, hostile, or another package than the lock says.
    """
    reading = read_conda(path, cache=places.cache.readings, name=package.filename, sha256=package.sha256)
    return _check(reading, package)


def add_digests(packages: Iterable[CondaPackage], readings: Iterable[Reading]) -> tuple[CondaPackage, ...]:
    """Add the SHA-256 of the files that were read to packages for which the lock has none."""
    known = {reading.distribution.name: reading.about.sha256 for reading in readings}
    return tuple(
        replace(one, sha256=known.get(one.name) or None) if one.sha256 is None else one for one in packages
    )


def tell_prefix(
    packages: Sequence[CondaPackage], readings: Iterable[Reading], *, python: str | None
) -> tuple[Finding, ...]:
    """Tell what is to be known of a prefix's packages: those without a file, weak hashes, scripts, Pythons.

    Args:
        packages: of the prefix, as the lock has them.
        readings: of them, as far as they were read.
        python: ``3.12``, ``3.14t``; None for a prefix without Python.
    """
    read = {reading.distribution.name: reading for reading in readings}
    found: list[Finding] = []
    for one in packages:
        found += _tell_package(one, read.get(one.name), python)
    for kind, weak in (
        ("has an md5 alone in the lock, which is weak", [one for one in packages if one.md5]),
        ("has no hash in the lock", [one for one in packages if not one.md5]),
    ):
        found += _tell_weak(kind, [one for one in weak if one.sha256 is None and one.name in read], read)
    return tuple(found)


def _tell_weak(
    problem: str, packages: Sequence[CondaPackage], read: Mapping[str, Reading]
) -> Iterable[Finding]:
    """Tell of packages without a strong hash: together, as a whole channel may have none."""
    if not packages:
        return
    first, rest = packages[0], len(packages) - 1
    read_as = f"the file that was read has sha256 {read[first.name].about.sha256}"
    if rest:
        problem += f", as {rest} more"
        read_as = "the files that were read are taken for the right ones"
    yield Finding(level=Level.WARNING, subject=first.label, message=f"{problem}: {read_as}")


def _tell_package(package: CondaPackage, reading: Reading | None, python: str | None) -> Iterable[Finding]:
    def tell(level: Level, message: str) -> Finding:
        return Finding(level=level, subject=package.label, message=message)

    if package.source:
        place = strip_login(package.source)
        yield tell(
            Level.ERROR, f"is built by pixi from {place}: the lock has no file of it, so it is left out"
        )
        return
    build = reading.distribution.conda if reading else None
    if build and build.links_scripts:
        yield tell(Level.WARNING, "has a script that conda runs when it links it: it is not run")
    noarch = build.noarch if build else package.noarch
    if noarch == "python" and python is None:
        yield tell(Level.ERROR, "is for any Python, and the environment has none")
    for text in build.depends if build else package.depends:
        match = _ABI.match(text)
        if match and python and match[1] != python.removeprefix("pypy").removesuffix("t"):
            yield tell(Level.ERROR, f"is for Python {match[1]}, and the environment has {python}")


def _has_hash(package: CondaPackage) -> bool:
    return bool(package.sha256 or package.md5)


def _find_wrong(path: Path, package: CondaPackage, places: Places) -> str:
    """Say which hash of a file is another one than the lock's; empty if it is the lock's, or has none."""
    try:
        if package.sha256:
            found = find_digest(path, places.cache.readings)
            return f"has sha256 {found}, not {package.sha256}" if found != package.sha256 else ""
        if package.md5:
            with open_regular(path, os.O_RDONLY, "rb") as file:
                weak = _hash_weakly(file)
            return f"has md5 {weak}, not {package.md5}" if weak != package.md5 else ""
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({describe(error)})", _WRONG) from None
    return ""


def _hash_weakly(file: BinaryIO) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _check(reading: Reading, package: CondaPackage) -> Reading:
    """Compare what a package says of itself with what the lock says of it.

    Raises:
        InputError: it is another one.
    """
    said = reading.distribution
    build = said.conda.build if said.conda else ""
    own, locked = (said.name, said.version, build), (package.name, package.version, package.build)
    if own != locked:
        problem = f"is {' '.join(own)}, and not {' '.join(locked)} as the lock says"
        raise InputError(package.filename, problem, "lock again: the lock or the package is not what it says")
    return reading
