"""From a requirement to a wheel file, by pip, into a cache.

Layout of the cache::

    torch/2.9.1/torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl    normalised name, version, file
    torch/2.9.1-py3.12-x86_64-linux -> 2.9.1/torch-2.9.1-...whl      what the index chose for a target

A requirement that fits one version (``==``) and was answered once is answered from the cache, without the
network. pip is run so that its configuration counts: index, mirrors, certificates, proxies, passwords.
Wheels are downloaded beside the cache's entries and renamed into place: what is there is whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import rmtree

from wheelfix.errors import InputError
from wheelfix.wheel.metadata import DEFAULT_PYTHON, parse_filename, parse_pin
from wheelfix.wheel.pip import run_pip_download

NEWEST_GLIBC = 39
"""Minor version of the newest glibc 2 a wheel may ask for: manylinux_2_39."""

_LEGACY = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_MACHINES = {"powerpc64le": "ppc64le"}
_HASH = re.compile(r"\s--hash[= ]sha256:([0-9a-f]{64})(?=\s|$)")
_PARTIAL = ".download-"
_STALE = 24 * 3600
_FORM = "write NAME==VERSION, such as torch==2.9.1"


def looks_like_requirement(text: str) -> bool:
    """Whether an argument is meant as a requirement: it has a version specifier, and is no file name.

    Example:
        >>> looks_like_requirement("torch==2.9.1"), looks_like_requirement("torch.whl")
        (True, False)
    """
    return parse_pin(_HASH.sub("", text)) is not None


def split_hashes(requirement: str) -> tuple[str, frozenset[str]]:
    """A requirement without its ``--hash=sha256:...``, and those."""
    return _HASH.sub("", requirement), frozenset(_HASH.findall(requirement))


def fetch_wheel(
    requirement: str,
    directory: Path,
    *,
    python: str = DEFAULT_PYTHON,
    system: str = "x86_64-linux",
    musl: bool = False,
    quiet: bool = False,
    warn: Callable[[str], None] | None = None,
) -> Path:
    """Get the wheel that an installer would choose for a requirement.

    Args:
        requirement: name and version, as in ``torch==2.9.1``; may be followed by ``--hash=sha256:...``.
        directory: the cache.
        python: version of CPython the wheel is for (``3.12``).
        system: Nix system the wheel is for (``x86_64-linux``).
        musl: for musl instead of glibc.
        quiet: show no progress, not even on a terminal.
        warn: told that the index has yanked what it serves, and why.

    Returns:
        The wheel in the cache.

    Raises:
        InputError: it is no requirement; there is no such distribution, version, or wheel for the target; the
            network fails; the hash is another one; pip is missing; or the cache cannot be written.
    """
    text, hashes = split_hashes(requirement)
    pin = parse_pin(text)
    if pin is None:
        raise InputError(requirement, "is no requirement with a version", _FORM)
    name, asked, version = pin
    if hashes and version is None:
        raise InputError(requirement, "has a hash, and more than one version fits", _FORM)
    arguments = ["--no-deps", "--only-binary=:all:", *find_target(requirement, python, system, musl=musl)]
    choice = _find_choice(directory / name, f"{version}-py{python}-{system}{'-musl' * musl}", hashes)
    if version and (found := _read_choice(choice, hashes)):
        return found
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(directory)
        # Everything pip writes is in here, and goes with it, whatever happens.
        with tempfile.TemporaryDirectory(prefix=_PARTIAL, dir=directory, ignore_cleanup_errors=True) as work:
            what = [asked]
            if hashes:
                lines = Path(work) / "requirements.txt"
                lines.write_text(" ".join([asked, *(f"--hash=sha256:{h}" for h in sorted(hashes))]))
                what = ["--requirement", str(lines)]
            yanked = run_pip_download(asked, [*arguments, *what], work=Path(work), quiet=quiet)
            if warn and yanked is not None:
                warn(yanked)
            wheel = _keep(asked, Path(work) / "wheel", directory / name)
            if version:
                _write_choice(choice, wheel, Path(work))
    except OSError as error:
        problem = f"cannot be written ({(error.strerror or str(error)).lower()})"
        raise InputError(
            str(directory), problem, "name another cache directory, or download with pip"
        ) from None
    return wheel


def find_platforms(system: str, *, musl: bool = False) -> tuple[str, ...]:
    """Platform tags that run on a Nix system, best first; empty for a system that is no Linux.

    Example:
        >>> find_platforms("aarch64-linux")[:2]
        ('manylinux_2_39_aarch64', 'manylinux_2_38_aarch64')
    """
    match = re.fullmatch(r"(\w+)-linux", system)
    if not match:
        return ()
    machine = _MACHINES.get(match[1], match[1])
    if musl:
        return tuple(f"{tag}_{machine}" for tag in ("musllinux_1_2", "musllinux_1_1", "linux"))
    oldest = 5 if machine in {"x86_64", "i686"} else 17
    tags = []
    for minor in range(NEWEST_GLIBC, oldest - 1, -1):
        tags += [f"manylinux_2_{minor}"] + ([_LEGACY[minor]] if minor in _LEGACY else [])
    return tuple(f"{tag}_{machine}" for tag in [*tags, "linux"])


def find_target(subject: str, python: str, system: str, *, musl: bool = False) -> list[str]:
    """Arguments that make pip choose for an interpreter and a platform.

    Raises:
        InputError: the version or the system is none.
    """
    if not re.fullmatch(r"3\.\d{1,3}", python):
        raise InputError(
            subject, f"cannot be downloaded for Python {python!r}", "name a version such as 3.12"
        )
    platforms = find_platforms(system, musl=musl)
    if not platforms:
        raise InputError(
            subject, f"cannot be downloaded for {system!r}", "name a system such as x86_64-linux"
        )
    arguments = ["--python-version", python, "--implementation", "cp"]
    for abi in (f"cp{python.replace('.', '')}", "abi3", "none"):
        arguments += ["--abi", abi]
    for platform in platforms:
        arguments += ["--platform", platform]
    return arguments


def _find_choice(directory: Path, target: str, hashes: frozenset[str]) -> Path:
    """Where the choice is noted; one made under given hashes is another one."""
    mark = hashlib.sha256(",".join(sorted(hashes)).encode()).hexdigest()[:16]
    return directory / (f"{target}-{mark}" if hashes else target)


def _read_choice(choice: Path, hashes: frozenset[str]) -> Path | None:
    try:
        version, _, filename = os.readlink(choice).partition("/")  # noqa: PTH115
        wheel = choice.parent / version / filename
        if "/" in filename or version in {"", ".", ".."} or not wheel.is_file():
            return None
        if hashes:
            with wheel.open("rb") as file:
                return wheel if hashlib.file_digest(file, "sha256").hexdigest() in hashes else None
    except (OSError, ValueError):
        return None
    return wheel


def _write_choice(choice: Path, wheel: Path, work: Path) -> None:
    link = work / "choice"
    link.symlink_to(f"{wheel.parent.name}/{wheel.name}")
    link.replace(choice)


def _keep(subject: str, downloaded: Path, directory: Path) -> Path:
    """Move the one downloaded wheel to its place."""
    wheels = sorted(downloaded.iterdir()) if downloaded.is_dir() else []
    parsed = parse_filename(wheels[0].name) if len(wheels) == 1 else None
    if parsed is None or parsed[0] != directory.name:
        names = ", ".join(w.name for w in wheels) or "nothing"
        raise InputError(
            subject, f"pip downloaded {names} for it", "check pip's configuration (`pip config list`)"
        )
    place = directory / parsed[1] / wheels[0].name
    place.parent.mkdir(parents=True, exist_ok=True)
    return wheels[0].replace(place)


def _sweep(directory: Path) -> None:
    """Remove what killed processes left."""
    old = time.time() - _STALE
    for path in directory.glob(f"{_PARTIAL}*"):
        with suppress(OSError):
            if path.lstat().st_mtime < old:
                rmtree(path, ignore_errors=True)
